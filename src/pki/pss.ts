/** RSASSA-PSS (RFC 8017 section 8.1.2, RFC 4055 section 3.1) with any two hashes for message and mask. */
import {
  createHash,
  createPublicKey,
  constants as crypto,
  type KeyObject,
  publicEncrypt,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { children, type DerNode, Fields, oidOf, readWhole, smallIntegerOf, TAG, wholeOctetsOf } from './der.ts';
import { PkiError } from './errors.ts';
import { mgf1, xorInto } from './mgf1.ts';

const SHA1 = '1.3.14.3.2.26';
const MGF1 = '1.2.840.113549.1.1.8';

export interface PssParameters {
  /** Object identifiers; SHA-1 where the field is left out */
  readonly hashOid: string;
  readonly maskOid: string;
  readonly saltLength: number;
}

export interface PssScheme {
  /** Names of node:crypto */
  readonly hash: string;
  readonly mask: string;
  readonly saltLength: number;
}

/** RSASSA-PSS-params. Throws PkiError for another form, another mask function or another trailer than the one there is. */
export function readPssParameters(parameters: DerNode): PssParameters {
  if (parameters.tag !== TAG.sequence) throw new PkiError('malformed', 'PSS parameters');
  const fields = new Fields(parameters);
  const inner = (tag: number): DerNode | null => {
    const field = fields.optional(tag);
    if (field === null) return null;
    const [only, ...more] = children(field);
    if (only === undefined || more.length > 0) throw new PkiError('malformed', 'PSS parameters');
    return only;
  };
  const [hash, mask, salt, trailer] = [inner(0xa0), inner(0xa1), inner(0xa2), inner(0xa3)];
  if (fields.rest().length > 0) throw new PkiError('malformed', 'PSS parameters');
  if (trailer !== null && smallIntegerOf(trailer) !== 1) throw new PkiError('malformed', 'PSS trailer');
  return {
    hashOid: hash === null ? SHA1 : algorithmOf(hash),
    maskOid: mask === null ? SHA1 : maskHashOf(mask),
    saltLength: salt === null ? 20 : smallIntegerOf(salt),
  };
}

function algorithmOf(identifier: DerNode): string {
  return oidOf(new Fields(identifier).next(TAG.oid));
}

function maskHashOf(identifier: DerNode): string {
  const fields = new Fields(identifier);
  if (oidOf(fields.next(TAG.oid)) !== MGF1) throw new PkiError('malformed', 'PSS mask');
  return algorithmOf(fields.next(TAG.sequence));
}

/** Whether the signature fits. May throw for keys and signatures that OpenSSL refuses. */
export function verifyPss(data: Buffer, signature: Buffer, key: KeyObject, scheme: PssScheme): boolean {
  const { hash, mask, saltLength } = scheme;
  if (hash === mask) return verify(hash, data, { key, padding: crypto.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
  // node:crypto has one knob for both hashes, so the padding is checked here.
  if (!allows(key, scheme)) return false;
  const modulusBits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  // Another length is refused, and so is a number beyond the modulus, by OpenSSL (RFC 8017 sections 8.1.2 and 5.2.2).
  if (signature.length !== Math.ceil(modulusBits / 8)) return false;
  const message = publicEncrypt({ key: plainKey(key), padding: crypto.RSA_NO_PADDING }, signature);
  return isPssEncoding(message, createHash(hash).update(data).digest(), modulusBits - 1, scheme);
}

/** EMSA-PSS-VERIFY (RFC 8017 section 9.1.2). `message` may have one octet more than `bits` need; it must be zero then. */
export function isPssEncoding(message: Buffer, digest: Buffer, bits: number, scheme: PssScheme): boolean {
  const { hash, mask, saltLength } = scheme;
  const length = Math.ceil(bits / 8);
  const extra = message.length - length;
  if (extra < 0 || message.subarray(0, extra).some((octet) => octet !== 0)) return false;
  const encoded = message.subarray(extra);
  const hashBytes = digest.length;
  const padBytes = length - hashBytes - saltLength - 2;
  if (padBytes < 0 || encoded[length - 1] !== 0xbc) return false;
  const block = Buffer.from(encoded.subarray(0, length - hashBytes - 1));
  const expected = encoded.subarray(length - hashBytes - 1, length - 1);
  const unused = 8 * length - bits;
  const kept = 0xff >> unused;
  if (((block[0] as number) & ~kept) !== 0) return false;
  xorInto(block, mgf1(mask, expected, block.length));
  block[0] = (block[0] as number) & kept;
  if (block.subarray(0, padBytes).some((octet) => octet !== 0) || block[padBytes] !== 1) return false;
  const salt = block.subarray(padBytes + 1);
  const found = createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest();
  return timingSafeEqual(found, expected);
}

/** What a key that is bound to PSS says of its signatures (RFC 4055 section 3.3); other keys say nothing. */
function allows(key: KeyObject, { hash, mask, saltLength }: PssScheme): boolean {
  const { hashAlgorithm, mgf1HashAlgorithm, saltLength: least } = key.asymmetricKeyDetails ?? {};
  if (hashAlgorithm !== undefined && hashAlgorithm !== hash) return false;
  if (mgf1HashAlgorithm !== undefined && mgf1HashAlgorithm !== mask) return false;
  return least === undefined || saltLength >= least;
}

/** OpenSSL computes without padding only with keys that are not bound to PSS. */
function plainKey(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === 'rsa') return key;
  const info = new Fields(readWhole(key.export({ type: 'spki', format: 'der' })));
  info.next(TAG.sequence);
  return createPublicKey({ key: wholeOctetsOf(info.next(TAG.bitString)), type: 'pkcs1', format: 'der' });
}
