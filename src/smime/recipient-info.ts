/** RecipientInfo of CMS (RFC 5652 section 6.2): who can open an envelope, and the content key for one of the reader's keys. */
import { createPublicKey, constants as crypto, diffieHellman, privateDecrypt, randomBytes } from 'node:crypto';
import { type Certificate, readAlgorithm, type SignatureAlgorithm } from '../pki/certificate.ts';
import { children, type DerNode, Fields, octetsOf, oidOf, rawOf, readElement, TAG } from '../pki/der.ts';
import { algorithmIdentifier, nullValue, sequence } from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';
import { KEY_ALGORITHM, KEY_WRAP_BYTES, TRIPLE_DES_WRAP } from './algorithms.ts';
import { identifies } from './certificate-match.ts';
import type { DecryptionKey } from './decryption-key.ts';
import { deriveKey, sharedInfo, unwrapKey, unwrapTripleDes } from './key-agreement.ts';
import { decryptOaep } from './oaep.ts';
import { readIdentifier, type SignerIdentifier } from './signed-data.ts';

export const MAX_RECIPIENTS = 2_000;

/** One wrapped copy of the content key. Key agreement may have several in one RecipientInfo; here each stands alone. */
export type WrappedKey =
  | {
      readonly kind: 'transport';
      readonly identifier: SignerIdentifier;
      readonly algorithm: SignatureAlgorithm;
      readonly wrapped: Buffer;
    }
  | {
      readonly kind: 'agreement';
      readonly identifier: SignerIdentifier;
      readonly algorithm: SignatureAlgorithm;
      readonly wrapped: Buffer;
      /** The BIT STRING of the sender's ephemeral public key. */
      readonly originatorPoint: Buffer;
      readonly userKeyingMaterial: Buffer | null;
    };

/** Reads RecipientInfos; kinds that no certificate is named in (passwords, shared keys) are left out. Throws PkiError. */
export function readRecipientInfos(set: DerNode): WrappedKey[] {
  const list: WrappedKey[] = [];
  for (const item of children(set)) {
    if (item.tag === TAG.sequence) list.push(readTransport(item));
    else if (item.tag === 0xa1) list.push(...readAgreement(item));
    if (list.length > MAX_RECIPIENTS) throw new PkiError('too-complex', 'CMS: too many recipients');
  }
  return list;
}

function readTransport(node: DerNode): WrappedKey {
  const fields = new Fields(node);
  fields.next(TAG.integer);
  const identifier = readIdentifier(fields.next());
  const algorithm = readAlgorithm(fields.next(TAG.sequence));
  return { kind: 'transport', identifier, algorithm, wrapped: octetsOf(fields.next(TAG.octetString)) };
}

function readAgreement(node: DerNode): WrappedKey[] {
  const fields = new Fields(node, 0xa1);
  fields.next(TAG.integer);
  const [originator] = children(fields.next(0xa0));
  const material = fields.optional(0xa1);
  const algorithm = readAlgorithm(fields.next(TAG.sequence));
  const keys = children(fields.next(TAG.sequence));
  if (originator?.tag !== 0xa1) return []; // a static key of the sender: not used in mail, and not forward secret
  const publicKey = new Fields(originator, 0xa1);
  publicKey.next(TAG.sequence);
  const originatorPoint = rawOf(publicKey.next(TAG.bitString));
  const userKeyingMaterial = material === null ? null : octetsOf(new Fields(material, 0xa1).next(TAG.octetString));
  return keys.map((item) => {
    const key = new Fields(item);
    const identifier = readAgreementIdentifier(key.next());
    const wrapped = octetsOf(key.next(TAG.octetString));
    return { kind: 'agreement', identifier, algorithm, wrapped, originatorPoint, userKeyingMaterial };
  });
}

// KeyAgreeRecipientIdentifier: [0] is RecipientKeyIdentifier, a sequence whose first field is the key identifier.
function readAgreementIdentifier(node: DerNode): SignerIdentifier {
  if (node.tag !== 0xa0) return readIdentifier(node);
  return { kind: 'key-identifier', keyIdentifier: octetsOf(new Fields(node, 0xa0).next(TAG.octetString)) };
}

/** Whether this copy was made for the certificate. */
export function isFor(key: WrappedKey, certificate: Certificate): boolean {
  return identifies(key.identifier, certificate);
}

/** `RSA PKCS#1 v1.5`, `RSA-OAEP`, `ECDH`, `X25519`, or the object identifier. */
export function transportLabel(key: WrappedKey, reader: Certificate): string {
  if (key.kind === 'agreement') return reader.key.family === 'x25519' ? 'X25519' : 'ECDH';
  if (key.algorithm.oid === KEY_ALGORITHM.rsa) return 'RSA PKCS#1 v1.5';
  return key.algorithm.oid === KEY_ALGORITHM.rsaOaep ? 'RSA-OAEP' : key.algorithm.oid;
}

/**
 * The content key. Throws on failure, except for RSA PKCS#1 v1.5, where a wrong padding gives a random key instead
 * (implicit rejection, RFC 3218): a sender who tries variants learns nothing from what happens then.
 * @param keyBytes what the content cipher needs; 0 when any length will do (RC2)
 */
export function unwrapContentKey(wrapped: WrappedKey, key: DecryptionKey, keyBytes: number): Buffer {
  if (wrapped.kind === 'agreement') return agree(wrapped, key);
  if (wrapped.algorithm.oid === KEY_ALGORITHM.rsaOaep) {
    return decryptOaep(key.privateKey, wrapped.algorithm.parameters, wrapped.wrapped);
  }
  if (wrapped.algorithm.oid !== KEY_ALGORITHM.rsa) throw new PkiError('unsupported', 'key transport');
  const random = randomBytes(keyBytes || 16);
  const opened = privateDecrypt({ key: key.privateKey, padding: crypto.RSA_PKCS1_PADDING }, wrapped.wrapped);
  const fits = keyBytes === 0 ? opened.length >= 5 && opened.length <= 16 : opened.length === keyBytes;
  return fits ? opened : random;
}

function agree(wrapped: WrappedKey & { kind: 'agreement' }, key: DecryptionKey): Buffer {
  const wrapAlgorithm = wrapped.algorithm.parameters;
  if (wrapAlgorithm === null) throw new PkiError('malformed', 'key agreement without a key wrap');
  const wrapOid = oidOf(new Fields(readElement(wrapAlgorithm)).next(TAG.oid));
  const keyBytes = KEY_WRAP_BYTES[wrapOid];
  if (keyBytes === undefined) throw new PkiError('unsupported', 'key wrap');
  const unwrap = wrapOid === TRIPLE_DES_WRAP ? unwrapTripleDes : unwrapKey;
  // The curve is that of the reader's own key: what the sender names as parameters is not used.
  const [ownAlgorithm] = children(readElement(key.certificate.key.spki));
  const spki = sequence(rawOf(ownAlgorithm as DerNode), wrapped.originatorPoint);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const secret = diffieHellman({ privateKey: key.privateKey, publicKey });
  try {
    // Programs disagree on whether the parameters of the wrap are absent or NULL in the shared info.
    for (const keyInfo of [wrapAlgorithm, algorithmIdentifier(wrapOid), algorithmIdentifier(wrapOid, nullValue())]) {
      const info = sharedInfo(keyInfo, keyBytes, wrapped.userKeyingMaterial);
      const opened = tryUnwrap(wrapped, secret, info, keyBytes, unwrap);
      if (opened !== null) return opened;
    }
  } finally {
    secret.fill(0);
  }
  throw new PkiError('decryption-failed', 'key agreement');
}

function tryUnwrap(
  wrapped: WrappedKey & { kind: 'agreement' },
  secret: Buffer,
  info: Buffer,
  keyBytes: number,
  unwrap: typeof unwrapKey,
): Buffer | null {
  const kek = deriveKey(wrapped.algorithm.oid, secret, info, keyBytes, wrapped.userKeyingMaterial);
  if (kek === null) throw new PkiError('unsupported', 'key derivation');
  try {
    return unwrap(kek, wrapped.wrapped);
  } catch {
    return null;
  } finally {
    kek.fill(0);
  }
}
