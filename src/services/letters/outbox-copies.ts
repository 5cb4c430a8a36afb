import type { Context } from '../../context.ts';
import type { DigitalId } from '../../generated/prisma/client.ts';
import { type Address, addressKey } from '../../mail/address.ts';
import { bccHeader, type ComposedMessage } from '../../mail/compose-mime.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { type ContentEncryption, groupRecipients } from '../../smime/seal-message.ts';
import type { SealJob } from '../../smime/worker-jobs.ts';
import type { RecipientMark } from '../contacts/contact-marks.ts';
import { readable } from '../contacts/contact-marks.ts';
import { sealedKeyOf } from '../identities/own-keys.ts';
import type { SignedIn } from '../sessions/session.ts';
import { trustOf } from '../trust/trust-of.ts';
import { contentEncryptionFor } from './send-policy.ts';

/** The worker could not sign or encrypt; nothing was queued. */
export class SealingFailedError extends Error {
  readonly code = 'sealing-failed';
}

/** One form of the message: who gets it, and who can read it. */
export type PlannedCopy = {
  /** Each group is an envelope of its own at the server */
  envelopes: string[][];
  encryptTo: Uint8Array[] | null;
  content: ContentEncryption;
  /** The sender can read it: it serves as the copy for Sent too */
  readableBySender: boolean;
};

export type CopyPlan = { copies: PlannedCopy[]; sentCopy: PlannedCopy | null };

type Encryption = { marks: ReadonlyMap<string, RecipientMark>; own: DigitalId | null };

/**
 * Which copies a letter needs. Encrypted: one for the RSA recipients in To and Cc and one for those with elliptic curves
 * (old NSS cannot read a mixed envelope, crypto.md), and one for each Bcc recipient, whose recipient info would else tell
 * the others; the sender can read the copy of his own kind, or gets one for Sent alone. Not encrypted: one form for all,
 * but each Bcc recipient in an envelope of his own.
 * @param encryption null when the letter is not encrypted
 */
export function planCopies(
  recipients: { to: readonly Address[]; cc: readonly Address[]; bcc: readonly Address[] },
  encryption: Encryption | null,
): CopyPlan {
  const open = [...recipients.to, ...recipients.cc];
  if (encryption === null) {
    const bcc = recipients.bcc.map(({ address }) => [address]);
    const envelopes = open.length > 0 ? [open.map(({ address }) => address), ...bcc] : bcc;
    return { copies: [{ envelopes, encryptTo: null, content: 'aes-256-cbc', readableBySender: true }], sentCopy: null };
  }
  const own = encryption.own ? parseCertificate(encryption.own.certificate) : null;
  const ownFamily = own === null ? null : familyOf(own);
  const readers = open.map((one) => readerOf(one, encryption));
  const copies: PlannedCopy[] = [];
  for (const family of ['key-transport', 'key-agreement'] as const) {
    const group = readers.filter((reader) => reader.family === family);
    if (group.length > 0) copies.push(copyFor(group, family === ownFamily ? own : null));
  }
  for (const one of recipients.bcc) copies.push(copyFor([readerOf(one, encryption)], null));
  if (own === null || copies.some((copy) => copy.readableBySender)) return { copies, sentCopy: null };
  const sentCopy: PlannedCopy = { envelopes: [], encryptTo: [own.der], content: 'aes-256-cbc', readableBySender: true };
  return { copies, sentCopy };
}

type Family = 'key-transport' | 'key-agreement';
type Reader = { address: string; certificate: Uint8Array; family: Family; mark: RecipientMark };

function readerOf({ address }: Address, { marks }: Encryption): Reader {
  const mark = marks.get(addressKey(address));
  if (!mark?.certificate) throw new TypeError(`no certificate for a recipient whose letter is to be encrypted`);
  return { address, certificate: mark.certificate, family: familyOf(parseCertificate(mark.certificate)), mark };
}

function familyOf(certificate: Certificate): Family {
  return groupRecipients([certificate]).keyTransport.length === 1 ? 'key-transport' : 'key-agreement';
}

function copyFor(group: readonly Reader[], own: Certificate | null): PlannedCopy {
  return {
    envelopes: [group.map((reader) => reader.address)],
    encryptTo: [...group.map((reader) => reader.certificate), ...(own ? [own.der] : [])],
    content: contentEncryptionFor(group.map((reader) => reader.mark)),
    readableBySender: own !== null,
  };
}

export type SealedCopy = {
  envelopes: string[][];
  /** Final bytes with CRLF */
  bytes: Uint8Array;
  /** What is filed in Sent: `same` as these bytes, other bytes, or not this copy */
  sent: 'same' | Uint8Array | null;
};

type Sealing = {
  plan: CopyPlan;
  signer: DigitalId | null;
  /** What answers shall be encrypted to, named in the signature */
  encryptionCertificate: Uint8Array | null;
  includeRoot: boolean;
  bcc: readonly Address[];
};

/**
 * One job for a worker where there is one copy, the common case: it encodes, signs and encrypts in one pass. Else it signs
 * once and encrypts each copy, one after the other, so that only one is held at a time. Exactly one of them brings the
 * copy for Sent; only that one names the Bcc recipients. The attachments of `composed` are given away.
 * @throws SealingFailedError while it is iterated
 */
export async function* sealedCopies(
  context: Context,
  session: SignedIn,
  composed: ComposedMessage,
  sealing: Sealing,
): AsyncGenerator<SealedCopy> {
  const { copies, sentCopy } = sealing.plan;
  const forSent = sentCopy ?? copies.find((copy) => copy.readableBySender) ?? null;
  const all = sentCopy ? [...copies, sentCopy] : copies;
  const sealer = await sealerOf(context, session, sealing);
  const headers = Buffer.from(composed.headers.map(({ line }) => `${line}\r\n`).join(''));
  const first = all.length === 1 ? null : await signedEntity(sealer, composed);
  for (const copy of all) {
    // A copy of each: what is given to a worker is gone.
    const source =
      first === null ? { mime: composed.entity, sign: sealer.sign } : { mime: new Uint8Array(first), sign: null };
    const bytes = await sealer.seal({ ...source, headers, encryptTo: copy.encryptTo, content: copy.content });
    const sent = copy !== forSent ? null : sealing.bcc.length === 0 ? 'same' : withBcc(bytes, sealing.bcc);
    yield { envelopes: copy.envelopes, bytes, sent };
  }
}

const MIME_VERSION = 'MIME-Version: 1.0\r\n';

/** The entity as every copy holds it. The outer header is each copy's own: what was signed begins after the version. */
async function signedEntity(sealer: Sealer, composed: ComposedMessage): Promise<Uint8Array> {
  const headers = new Uint8Array(0);
  const bytes = await sealer.seal({ mime: composed.entity, headers, sign: sealer.sign, encryptTo: null });
  return bytes.subarray(MIME_VERSION.length);
}

type Sealer = {
  sign: SealJob['sign'];
  seal(job: Pick<SealJob, 'mime' | 'headers' | 'sign' | 'encryptTo' | 'content'>): Promise<Uint8Array>;
};

async function sealerOf(context: Context, session: SignedIn, sealing: Sealing): Promise<Sealer> {
  const at = context.now();
  const { signer, encryptionCertificate } = sealing;
  const sign = signer && {
    ...sealedKeyOf(signer),
    chain: await chainOf(context, session, signer, sealing.includeRoot),
    ...(encryptionCertificate ? { encryptionCertificate } : {}),
  };
  return {
    sign,
    seal: async (job) => {
      // Keys cross only where something is signed.
      const masterKey = job.sign === null ? null : session.masterKey;
      const result = await context.workers.run<'seal'>({ kind: 'seal', ...job, masterKey, at }, session.account.id);
      if (!result.ok) throw new SealingFailedError(`sealing: ${result.code} ${result.message}`);
      return result.value;
    },
  };
}

function withBcc(bytes: Uint8Array, bcc: readonly Address[]): Uint8Array {
  return Buffer.concat([Buffer.from(`${bccHeader(bcc)}\r\n`), bytes]);
}

/** Issuing certificates for the signature: without the root, which a partner must get by another way, unless asked (S12). */
async function chainOf(
  context: Context,
  session: SignedIn,
  signer: DigitalId,
  includeRoot: boolean,
): Promise<Uint8Array[]> {
  const chain = readable(signer.chain);
  const intermediates = chain.filter((certificate) => !certificate.isSelfIssued);
  if (!includeRoot) return intermediates.map((certificate) => certificate.der);
  const { anchors } = await trustOf(context.database, session.account.id);
  const top = intermediates.at(-1) ?? parseCertificate(signer.certificate);
  const root = [...chain, ...readable(anchors)].find(
    (certificate) => certificate.isSelfIssued && certificate.subjectRaw.equals(top.issuerRaw),
  );
  return [...intermediates, ...(root ? [root] : [])].map((certificate) => certificate.der);
}
