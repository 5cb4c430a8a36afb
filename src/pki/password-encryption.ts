/**
 * Encryption under a password: PBES2 (RFC 8018) and the older schemes of PKCS#12 (RFC 7292 appendix C), as they protect
 * the keys and certificates of a .pfx file.
 */
import { createCipheriv, createDecipheriv, pbkdf2Sync } from 'node:crypto';
import { type DerNode, Fields, octetsOf, oidOf, smallIntegerOf, TAG } from './der.ts';
import { algorithmIdentifier, integer, nullValue, octetString, sequence } from './der-writer.ts';
import { PkiError } from './errors.ts';
import type { IterationBudget } from './iteration-budget.ts';
import { PKCS12_PURPOSE, pkcs12DeriveKey, pkcs12Password } from './pkcs12-kdf.ts';
import { rc2CbcDecrypt, rc2CbcEncrypt } from './rc2.ts';

const PBES2 = '1.2.840.113549.1.5.13';
export const PBKDF2 = '1.2.840.113549.1.5.12';
const AES_256_CBC = '2.16.840.1.101.3.4.1.42';
const HMAC_SHA256 = '1.2.840.113549.2.9';
const RC2_CBC = '1.2.840.113549.3.2';

/** Pseudo-random functions by object identifier, as hash names of node:crypto. */
export const HMAC_HASHES: Record<string, string> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  [HMAC_SHA256]: 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
  '1.2.840.113549.2.12': 'sha512-224',
  '1.2.840.113549.2.13': 'sha512-256',
};

const PBES2_CIPHERS: Record<string, { name: string; keyBytes: number }> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24 },
  [AES_256_CBC]: { name: 'aes-256-cbc', keyBytes: 32 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyBytes: 24 },
};

/** A password as the two families of schemes hash it. */
export interface EncodedPassword {
  /** UTF-16BE with two zero octets (RFC 7292 appendix B.1), or nothing. */
  readonly pkcs12: Buffer;
  /** UTF-8 by RFC 8018 section 3; old NSS used the other form here too. */
  readonly pbes2: Buffer;
  /** Derive keys with the error of gpgsm; see pkcs12DeriveKey. */
  readonly asGpgsm?: boolean;
}

/** Encodes a password as the standards say; null is no password at all (see pkcs12Password). */
export function encodePassword(password: string | null): EncodedPassword {
  return { pkcs12: pkcs12Password(password), pbes2: Buffer.from(password ?? '', 'utf8') };
}

/**
 * What programs make of one password, the likeliest first: an empty one may be none at all, and OpenSSL before 1.1 and
 * gpgsm take each octet of the UTF-8 for a character of its own.
 */
export function passwordReadings(password: string): EncodedPassword[] {
  const standard = encodePassword(password);
  if (password === '') return [standard, encodePassword(null)];
  const octetsAsCharacters = pkcs12Password(standard.pbes2.toString('latin1'));
  if (octetsAsCharacters.equals(standard.pkcs12)) return [standard];
  return [standard, { pkcs12: octetsAsCharacters, pbes2: standard.pbes2 }];
}

interface Pkcs12Scheme {
  readonly oid: string;
  readonly cipher: 'des-ede3-cbc' | 'rc2';
  readonly keyBytes: number;
}

/** The schemes of RFC 7292 appendix C that block ciphers use. */
export const PKCS12_SCHEMES = {
  tripleDes3: { oid: '1.2.840.113549.1.12.1.3', cipher: 'des-ede3-cbc', keyBytes: 24 },
  tripleDes2: { oid: '1.2.840.113549.1.12.1.4', cipher: 'des-ede3-cbc', keyBytes: 16 },
  rc2With128: { oid: '1.2.840.113549.1.12.1.5', cipher: 'rc2', keyBytes: 16 },
  rc2With40: { oid: '1.2.840.113549.1.12.1.6', cipher: 'rc2', keyBytes: 5 },
} as const satisfies Record<string, Pkcs12Scheme>;

/**
 * Decrypts under the algorithm of an AlgorithmIdentifier. Throws PkiError: `unsupported`, `too-complex`
 * (budget), `malformed`, or `decryption-failed`.
 */
export function decryptWithPassword(
  algorithm: DerNode,
  ciphertext: Buffer,
  password: EncodedPassword,
  budget: IterationBudget,
): Buffer {
  const fields = new Fields(algorithm);
  const oid = oidOf(fields.next(TAG.oid));
  if (oid === PBES2) return decryptPbes2(fields.next(TAG.sequence), ciphertext, password, budget);
  const scheme = Object.values(PKCS12_SCHEMES).find((known) => known.oid === oid);
  if (!scheme) throw new PkiError('unsupported', `encryption ${oid}`);
  const parameters = new Fields(fields.next(TAG.sequence));
  const salt = octetsOf(parameters.next());
  const iterations = smallIntegerOf(parameters.next(TAG.integer));
  budget.spend(iterations);
  const { key, iv } = pkcs12KeyAndIv(scheme, password, salt, iterations);
  if (scheme.cipher === 'rc2') return rc2CbcDecrypt(key, scheme.keyBytes * 8, iv, ciphertext);
  return decryptCbc('des-ede3-cbc', key, iv, ciphertext);
}

/** What came out of an encryption: the AlgorithmIdentifier in DER, and the cipher text. */
export interface PasswordEncrypted {
  readonly algorithm: Buffer;
  readonly ciphertext: Buffer;
}

/** PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC. Salt and IV are random, 16 octets each. */
export function encryptPbes2(
  plaintext: Uint8Array,
  password: string,
  options: { salt: Buffer; iv: Buffer; iterations: number },
): PasswordEncrypted {
  const { salt, iv, iterations } = options;
  const key = pbkdf2Sync(Buffer.from(password, 'utf8'), salt, iterations, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const derivation = algorithmIdentifier(
    PBKDF2,
    sequence(octetString(salt), integer(iterations), algorithmIdentifier(HMAC_SHA256, nullValue())),
  );
  return {
    algorithm: algorithmIdentifier(PBES2, sequence(derivation, algorithmIdentifier(AES_256_CBC, octetString(iv)))),
    ciphertext: Buffer.concat([cipher.update(plaintext), cipher.final()]),
  };
}

/** One of the old schemes, for programs that know nothing else. */
export function encryptPkcs12Scheme(
  plaintext: Uint8Array,
  password: string,
  options: { scheme: Pkcs12Scheme; salt: Buffer; iterations: number },
): PasswordEncrypted {
  const { scheme, salt, iterations } = options;
  const { key, iv } = pkcs12KeyAndIv(scheme, encodePassword(password), salt, iterations);
  const algorithm = algorithmIdentifier(scheme.oid, sequence(octetString(salt), integer(iterations)));
  if (scheme.cipher === 'rc2') return { algorithm, ciphertext: rc2CbcEncrypt(key, scheme.keyBytes * 8, iv, plaintext) };
  const cipher = createCipheriv('des-ede3-cbc', key, iv);
  return { algorithm, ciphertext: Buffer.concat([cipher.update(plaintext), cipher.final()]) };
}

export interface Pbkdf2Parameters {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly keyLength: number | null;
  readonly hash: string;
}

/** Reads PBKDF2-params (RFC 8018 appendix A.2) from the AlgorithmIdentifier around them. */
export function readPbkdf2(algorithm: DerNode): Pbkdf2Parameters {
  const fields = new Fields(algorithm);
  const oid = oidOf(fields.next(TAG.oid));
  if (oid !== PBKDF2) throw new PkiError('unsupported', `key derivation ${oid}`);
  const parameters = new Fields(fields.next(TAG.sequence));
  const saltNode = parameters.next();
  if ((saltNode.tag & ~0x20) !== TAG.octetString) throw new PkiError('unsupported', 'PBKDF2 salt source');
  const iterations = smallIntegerOf(parameters.next(TAG.integer));
  const keyLengthNode = parameters.optional(TAG.integer);
  const prf = parameters.optional(TAG.sequence);
  const prfOid = prf === null ? null : oidOf(new Fields(prf).next(TAG.oid));
  const hash = prfOid === null ? 'sha1' : HMAC_HASHES[prfOid]; // the default is HMAC-SHA-1
  if (hash === undefined) throw new PkiError('unsupported', `pseudo-random function ${prfOid}`);
  const keyLength = keyLengthNode === null ? null : smallIntegerOf(keyLengthNode);
  return { salt: octetsOf(saltNode), iterations, keyLength, hash };
}

function decryptPbes2(
  parametersNode: DerNode,
  ciphertext: Buffer,
  password: EncodedPassword,
  budget: IterationBudget,
): Buffer {
  const parameters = new Fields(parametersNode);
  const derivation = readPbkdf2(parameters.next(TAG.sequence));
  const scheme = new Fields(parameters.next(TAG.sequence));
  const oid = oidOf(scheme.next(TAG.oid));
  const rc2 = oid === RC2_CBC ? readRc2Parameters(scheme.next(TAG.sequence)) : null;
  const cipher = PBES2_CIPHERS[oid];
  if (!rc2 && !cipher) throw new PkiError('unsupported', `cipher ${oid}`);
  const keyBytes = derivation.keyLength ?? cipher?.keyBytes ?? 16;
  if (keyBytes < 1 || keyBytes > 32) throw new PkiError('malformed', 'PBES2 key length');
  budget.spend(derivation.iterations);
  const { salt, iterations, hash } = derivation;
  const key = pbkdf2Sync(password.pbes2, salt, iterations, keyBytes, hash);
  if (rc2) return rc2CbcDecrypt(key, rc2.effectiveBits, rc2.iv, ciphertext);
  // Old NSS writes the identifier of AES-128, announces 32 octets, and encrypts with AES-256: the key length is right.
  const name = cipher?.name.startsWith('aes') ? `aes-${keyBytes * 8}-cbc` : 'des-ede3-cbc';
  if (!Object.values(PBES2_CIPHERS).some((known) => known.name === name && known.keyBytes === keyBytes))
    throw new PkiError('malformed', 'PBES2 key length');
  return decryptCbc(name, key, octetsOf(scheme.next()), ciphertext);
}

// RFC 8018 appendix B.2.3: the version encodes the effective key bits.
function readRc2Parameters(node: DerNode): { effectiveBits: number; iv: Buffer } {
  const fields = new Fields(node);
  const version = fields.optional(TAG.integer);
  const code = version === null ? null : smallIntegerOf(version);
  const effectiveBits = code === null ? 32 : { 160: 40, 120: 64, 58: 128 }[code];
  const iv = octetsOf(fields.next());
  if (effectiveBits === undefined || iv.length !== 8) throw new PkiError('unsupported', 'RC2 parameters');
  return { effectiveBits, iv };
}

function pkcs12KeyAndIv(
  scheme: Pkcs12Scheme,
  password: EncodedPassword,
  salt: Buffer,
  iterations: number,
): { key: Buffer; iv: Buffer } {
  const { pkcs12, asGpgsm = false } = password;
  const common = { hash: 'sha1', password: pkcs12, salt, iterations, asGpgsm } as const;
  const key = pkcs12DeriveKey({ ...common, purpose: PKCS12_PURPOSE.key, length: scheme.keyBytes });
  const iv = pkcs12DeriveKey({ ...common, purpose: PKCS12_PURPOSE.iv, length: 8 });
  // Two-key triple DES uses the first key again as the third.
  const twoKey = scheme.cipher === 'des-ede3-cbc' && scheme.keyBytes === 16;
  return { key: twoKey ? Buffer.concat([key, key.subarray(0, 8)]) : key, iv };
}

function decryptCbc(name: string, key: Buffer, iv: Buffer, ciphertext: Buffer): Buffer {
  const ivBytes = name === 'des-ede3-cbc' ? 8 : 16;
  if (iv.length !== ivBytes) throw new PkiError('malformed', 'initialisation vector');
  try {
    const decipher = createDecipheriv(name, key, iv);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch (cause) {
    throw new PkiError('decryption-failed', 'wrong password or altered file', { cause });
  }
}
