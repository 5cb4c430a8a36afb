/** The integrity of a PKCS#12 file under its password: the MAC of RFC 7292 section 4, and PBMAC1 (RFC 9879). */
import { createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { type DerNode, Fields, octetsOf, oidOf, smallIntegerOf, TAG } from './der.ts';
import { algorithmIdentifier, integer, nullValue, octetString, sequence } from './der-writer.ts';
import { PkiError } from './errors.ts';
import type { IterationBudget } from './iteration-budget.ts';
import { type EncodedPassword, encodePassword, HMAC_HASHES, readPbkdf2 } from './password-encryption.ts';
import { PKCS12_PURPOSE, type Pkcs12Hash, pkcs12DeriveKey } from './pkcs12-kdf.ts';

const PBMAC1 = '1.2.840.113549.1.5.14';

const MAC_HASHES: Record<string, { hash: Pkcs12Hash; bytes: number }> = {
  '1.3.14.3.2.26': { hash: 'sha1', bytes: 20 },
  '2.16.840.1.101.3.4.2.4': { hash: 'sha224', bytes: 28 },
  '2.16.840.1.101.3.4.2.1': { hash: 'sha256', bytes: 32 },
  '2.16.840.1.101.3.4.2.2': { hash: 'sha384', bytes: 48 },
  '2.16.840.1.101.3.4.2.3': { hash: 'sha512', bytes: 64 },
};

const HASH_OIDS = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1' } as const;

/**
 * Which reading of the password made the MAC over `content`; undefined when none did. The budget counts what the file asks
 * for, so the MAC once; there are at most two readings. Throws PkiError `unsupported`, `malformed` or `too-complex`.
 */
export function passwordOfMac(
  macData: DerNode,
  content: Buffer,
  passwords: readonly EncodedPassword[],
  budget: IterationBudget,
): EncodedPassword | undefined {
  const fields = new Fields(macData);
  const digestInfo = new Fields(fields.next(TAG.sequence));
  const algorithm = new Fields(digestInfo.next(TAG.sequence));
  const oid = oidOf(algorithm.next(TAG.oid));
  const expected = octetsOf(digestInfo.next());
  const salt = octetsOf(fields.next());
  const iterationsNode = fields.optional(TAG.integer);
  const iterations = iterationsNode === null ? 1 : smallIntegerOf(iterationsNode);
  const compute =
    oid === PBMAC1
      ? pbmac1(algorithm.next(TAG.sequence), content, budget)
      : pkcs12Mac({ oid, salt, iterations, content, budget });
  return passwords.find((password) => {
    const actual = compute(password);
    return actual.length === expected.length && timingSafeEqual(actual, expected);
  });
}

/** Whether this is the MAC of the first days, with SHA-1: the only one that was ever seen wrong in files people rely on. */
export function isOldMac(macData: DerNode): boolean {
  const algorithm = new Fields(new Fields(new Fields(macData).next(TAG.sequence)).next(TAG.sequence));
  return MAC_HASHES[oidOf(algorithm.next(TAG.oid))]?.hash === 'sha1';
}

/** MacData (RFC 7292 section 4) over `content`. */
export function writeMac(
  content: Buffer,
  password: string,
  options: { hash: 'sha1' | 'sha256'; salt: Buffer; iterations: number },
): Buffer {
  const { hash, salt, iterations } = options;
  const key = pkcs12DeriveKey({
    hash,
    password: encodePassword(password).pkcs12,
    salt,
    iterations,
    purpose: PKCS12_PURPOSE.mac,
    length: hash === 'sha1' ? 20 : 32,
  });
  const digest = createHmac(hash, key).update(content).digest();
  return sequence(
    sequence(algorithmIdentifier(HASH_OIDS[hash], nullValue()), octetString(digest)),
    octetString(salt),
    integer(iterations),
  );
}

function pkcs12Mac(options: {
  oid: string;
  salt: Buffer;
  iterations: number;
  content: Buffer;
  budget: IterationBudget;
}): (password: EncodedPassword) => Buffer {
  const { oid, salt, iterations, content, budget } = options;
  const known = MAC_HASHES[oid];
  if (!known) throw new PkiError('unsupported', `MAC ${oid}`);
  budget.spend(iterations);
  return (password) => {
    const key = pkcs12DeriveKey({
      hash: known.hash,
      password: password.pkcs12,
      salt,
      iterations,
      purpose: PKCS12_PURPOSE.mac,
      length: known.bytes,
      onIterations: (done) => budget.remaining(iterations - done),
    });
    return createHmac(known.hash, key).update(content).digest();
  };
}

function pbmac1(
  parametersNode: DerNode,
  content: Buffer,
  budget: IterationBudget,
): (password: EncodedPassword) => Buffer {
  const parameters = new Fields(parametersNode);
  const derivation = readPbkdf2(parameters.next(TAG.sequence));
  const scheme = oidOf(new Fields(parameters.next(TAG.sequence)).next(TAG.oid));
  const macHash = HMAC_HASHES[scheme];
  if (macHash === undefined) throw new PkiError('unsupported', `MAC ${scheme}`);
  const { salt, iterations, keyLength, hash } = derivation;
  // RFC 9879 section 5: the length must be there, and short keys would weaken the MAC.
  if (keyLength === null || keyLength < 20 || keyLength > 64) throw new PkiError('malformed', 'PBMAC1 key length');
  budget.spend(iterations);
  return (password) => {
    const key = pbkdf2Sync(password.pbes2, salt, iterations, keyLength, hash);
    return createHmac(macHash, key).update(content).digest();
  };
}
