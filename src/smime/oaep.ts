/** RSA-OAEP (RFC 8017 section 7.1.2, RFC 3560) with any label and with different digests for label and mask. */
import { createHash, constants as crypto, type KeyObject, privateDecrypt } from 'node:crypto';
import { children, Fields, octetsOf, oidOf, readElement, TAG } from '../pki/der.ts';
import { algorithmIdentifier, context, sequence } from '../pki/der-writer.ts';
import { mgf1, xorInto } from '../pki/mgf1.ts';
import { DIGEST_BY_OID, DIGEST_OID, type DigestName, KEY_ALGORITHM } from './algorithms.ts';

/**
 * RSAES-OAEP-params (RFC 4055 section 4.1) for SHA-256 in label and mask, and an empty label: what this program writes, and
 * what it announces (RFC 3560 section 5 asks for the same bytes in both places).
 */
export const OAEP_SHA256_PARAMETERS = sequence(
  context(0, algorithmIdentifier(DIGEST_OID.sha256)),
  context(1, algorithmIdentifier(KEY_ALGORITHM.mgf1, algorithmIdentifier(DIGEST_OID.sha256))),
);

interface OaepParameters {
  digest: DigestName;
  mask: DigestName;
  label: Buffer;
}

/** Decrypts; throws on any failure, without saying which. `parameters` are RSAES-OAEP-params in DER, or null. */
export function decryptOaep(key: KeyObject, parameters: Buffer | null, wrapped: Buffer): Buffer {
  const { digest, mask, label } = readParameters(parameters);
  if (digest === mask) {
    const oaepLabel = label.length === 0 ? {} : { oaepLabel: label };
    return privateDecrypt({ key, padding: crypto.RSA_PKCS1_OAEP_PADDING, oaepHash: digest, ...oaepLabel }, wrapped);
  }
  // node:crypto has one knob for both digests, so the padding is undone here.
  return removePadding(privateDecrypt({ key, padding: crypto.RSA_NO_PADDING }, wrapped), digest, mask, label);
}

/** Whether announced parameters are SHA-256 throughout; those that are left out stand for SHA-1. */
export function isOaepWithSha256(parameters: Buffer | null): boolean {
  try {
    const { digest, mask, label } = readParameters(parameters);
    return digest === 'sha256' && mask === 'sha256' && label.length === 0;
  } catch {
    return false;
  }
}

function readParameters(parameters: Buffer | null): OaepParameters {
  const read: OaepParameters = { digest: 'sha1', mask: 'sha1', label: Buffer.alloc(0) };
  for (const field of parameters === null ? [] : children(readElement(parameters))) {
    const [inner] = children(field);
    if (inner === undefined) throw new Error('OAEP parameters');
    const fields = new Fields(inner);
    const oid = oidOf(fields.next(TAG.oid));
    if (field.tag === 0xa0) read.digest = digestNamed(oid);
    if (field.tag === 0xa1 && oid === KEY_ALGORITHM.mgf1) {
      read.mask = digestNamed(oidOf(new Fields(fields.next(TAG.sequence)).next(TAG.oid)));
    }
    if (field.tag === 0xa2) read.label = octetsOf(fields.next(TAG.octetString));
  }
  return read;
}

function digestNamed(oid: string): DigestName {
  const digest = DIGEST_BY_OID[oid];
  if (digest === undefined) throw new Error('OAEP digest');
  return digest;
}

// Every octet is looked at whatever the others are: where the padding breaks must not show in the time (Manger's attack).
function removePadding(encoded: Buffer, digest: DigestName, mask: DigestName, label: Buffer): Buffer {
  const labelHash = createHash(digest).update(label).digest();
  const hashBytes = labelHash.length;
  const seed = Buffer.from(encoded.subarray(1, 1 + hashBytes));
  const block = Buffer.from(encoded.subarray(1 + hashBytes));
  xorInto(seed, mgf1(mask, block, hashBytes));
  xorInto(block, mgf1(mask, seed, block.length));
  let bad = encoded[0] as number;
  for (let i = 0; i < hashBytes; i += 1) bad |= (block[i] as number) ^ (labelHash[i] as number);
  let found = 0;
  let start = 0;
  for (let i = hashBytes; i < block.length; i += 1) {
    const octet = block[i] as number;
    const isOne = 1 - (((octet ^ 1) + 255) >> 8);
    const isZero = 1 - ((octet + 255) >> 8);
    start |= -(isOne & (1 - found)) & (i + 1);
    bad |= (1 - found) & (1 - isOne) & (1 - isZero);
    found |= isOne;
  }
  if ((bad | (1 - found)) !== 0) throw new Error('OAEP');
  return block.subarray(start);
}
