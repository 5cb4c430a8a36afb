/** Our own engine behind the same steps as the other programs. */
import assert from 'node:assert/strict';
import { openMessage } from '../../../src/smime/open-message.ts';
import { type SealQuestion, sealMessage } from '../../../src/smime/seal-message.ts';
import type { OpenedMessage } from '../../../src/smime/verdict.ts';
import type { MatrixPeople } from './matrix-people.ts';
import { type Encrypting, type Key, NotOffered, type Signing } from './peer.ts';

/** Signed and encrypted in one step. The compose page protects the header, too; the matrix compares entities as they are. */
export function seal(
  who: MatrixPeople,
  entity: Buffer,
  signing?: Signing,
  encrypting?: Encrypting,
  protect?: SealQuestion['protect'],
): Buffer {
  if (encrypting && !/^aes-256-(cbc|gcm)$/.test(encrypting.cipher)) {
    throw new NotOffered('Sealpost writes AES-256-CBC and AES-256-GCM only');
  }
  const signer = signing && who.by[signing.signer];
  return sealMessage({
    mime: entity,
    headers: outerHeaders(signing?.signer ?? 'rsa2048'),
    sign: signer && { ...signer, chain: [] },
    encryptTo: encrypting?.recipients.map((key) => who.by[key].certificate),
    opaque: signing?.opaque,
    content: encrypting?.cipher === 'aes-256-gcm' ? 'aes-256-gcm' : 'aes-256-cbc',
    keyTransport: encrypting?.oaep ? 'rsa-oaep' : 'rsa-pkcs1',
    protect,
    at: new Date(),
  });
}

export function outerHeaders(from: Key): Buffer {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  return Buffer.from(`From: ${from}@example.org\r\nTo: to@example.org\r\nSubject: matrix\r\nDate: ${date}\r\n`);
}

export function open(who: MatrixPeople, message: Buffer, reader?: Key): OpenedMessage {
  return openMessage({
    bytes: message,
    keys: reader ? [who.by[reader]] : [],
    trust: { anchors: [who.people.root], intermediates: [], explicitlyTrusted: [] },
    at: new Date(),
  });
}

export interface Expected {
  readonly text: string;
  readonly signature: 'trusted' | 'invalid' | 'none';
  readonly cipher: string | null;
  readonly encryption: 'encrypted' | 'weak' | 'none';
}

/** @throws AssertionError that says what differs */
export function assertOpened(message: OpenedMessage, expected: Expected): void {
  assert.equal(message.text?.trimEnd(), expected.text.trimEnd());
  assert.equal(message.signature.status, expected.signature, `signature: ${message.signature.reasons}`);
  assert.equal(message.encryption.algorithm, expected.cipher);
  assert.equal(message.encryption.status, expected.encryption, `encryption: ${message.encryption.reasons}`);
}
