/** Has one program write and another read each row, and says what came of it. */
import assert from 'node:assert/strict';
import type { Row } from './definition.ts';
import type { MatrixPeople } from './matrix-people.ts';
import { type Cipher, type Key, NotOffered, NotTried, type Peer } from './peer.ts';
import { assertOpened, open, outerHeaders, seal } from './sealpost.ts';

const TEXT = 'Grüße aus Brüssel,\nsecond line\n';
const QUOTED = 'Gr=C3=BC=C3=9Fe aus Br=C3=BCssel,\r\nsecond line\r\n';
export const ENTITY = Buffer.from(
  `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${QUOTED}`,
);

/** `said` has the program's own words. */
export type Outcome =
  | { readonly kind: 'ok' }
  | { readonly kind: 'not-offered' | 'not-tried' | 'writing-failed' | 'reading-failed'; readonly said: string };

/** The writer's part; an Outcome in place of a message when it cannot. */
async function written(make: () => Promise<Buffer>): Promise<Buffer | Outcome> {
  try {
    return await make();
  } catch (error) {
    return failure(error, 'writing-failed');
  }
}

async function readBack(read: () => Promise<void>): Promise<Outcome> {
  try {
    await read();
    return { kind: 'ok' };
  } catch (error) {
    return failure(error, 'reading-failed');
  }
}

function failure(error: unknown, failed: 'writing-failed' | 'reading-failed'): Outcome {
  const said = wordsOf(error);
  if (error instanceof NotOffered) return { kind: 'not-offered', said };
  return { kind: error instanceof NotTried ? 'not-tried' : failed, said };
}

function wordsOf(error: unknown): string {
  const { message, stderr } = error as Error & { stderr?: Buffer };
  return (stderr?.toString() || message).replace(/\s+/g, ' ').trim();
}

async function writeWith(peer: Peer, row: Row): Promise<Buffer> {
  let entity: Buffer = ENTITY;
  if (row.sign) entity = await peer.sign(entity, row.sign);
  if (row.encrypt) entity = await peer.encrypt(entity, row.encrypt);
  if (row.signAgain) entity = await peer.sign(entity, row.signAgain);
  if (row.compress) {
    if (!peer.compress) throw new NotOffered('no compression');
    entity = await peer.compress(entity);
  }
  return row.bareLf ? withBareLf(entity) : entity;
}

function withBareLf(message: Buffer): Buffer {
  return Buffer.from(message.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
}

async function readWith(peer: Peer, row: Row, message: Buffer): Promise<void> {
  let entity = message;
  if (row.compress) {
    if (!peer.decompress) throw new NotOffered('no compression');
    entity = await peer.decompress(entity);
  }
  if (row.signAgain) entity = await peer.verify(entity, row.signAgain.signer);
  if (row.encrypt) entity = await peer.decrypt(entity, readerOf(row) as Key);
  if (row.sign) entity = await peer.verify(entity, row.sign.signer);
  assert.equal(lines(entity), lines(ENTITY));
}

const lines = (entity: Buffer) => entity.toString('latin1').replaceAll('\r\n', '\n').trimEnd();

function readerOf(row: Row): Key | undefined {
  return row.encrypt?.recipients.at(-1);
}

export async function peerToSealpost(who: MatrixPeople, peer: Peer, row: Row): Promise<Outcome> {
  const made = await written(() => writeWith(peer, row));
  if (!Buffer.isBuffer(made)) return made;
  const weak = row.encrypt !== undefined && ['3des', 'rc2-128'].includes(row.encrypt.cipher);
  const from = row.sign?.signer ?? 'rsa2048';
  return readBack(async () => {
    assertOpened(open(who, Buffer.concat([outerHeaders(from), made]), readerOf(row)), {
      text: TEXT,
      signature: row.sign ? (row.ourVerdict ?? 'trusted') : 'none',
      cipher: row.encrypt ? LABEL[row.encrypt.cipher] : null,
      encryption: row.encrypt ? (weak ? 'weak' : 'encrypted') : 'none',
    });
  });
}

const LABEL: Record<Cipher, string> = {
  'aes-128-cbc': 'AES-128-CBC',
  'aes-192-cbc': 'AES-192-CBC',
  'aes-256-cbc': 'AES-256-CBC',
  'aes-128-gcm': 'AES-128-GCM',
  'aes-256-gcm': 'AES-256-GCM',
  '3des': '3DES',
  'rc2-128': 'RC2',
};

/** Null where Sealpost does not write the row by decision. */
export async function sealpostToPeer(who: MatrixPeople, peer: Peer, row: Row): Promise<Outcome | null> {
  if (row.notWritten) return null;
  const made = await written(async () => {
    const message = seal(who, ENTITY, row.sign, row.encrypt);
    return row.bareLf ? withBareLf(message) : message;
  });
  return Buffer.isBuffer(made) ? readBack(() => readWith(peer, row, made)) : made;
}

/** What two other programs can do with each other: evidence that a refusal is the peer's, and not our mistake. */
export async function peerToPeer(writer: Peer, reader: Peer, row: Row): Promise<Outcome> {
  const made = await written(() => writeWith(writer, row));
  return Buffer.isBuffer(made) ? readBack(() => readWith(reader, row, made)) : made;
}
