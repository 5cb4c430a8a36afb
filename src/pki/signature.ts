/** Signatures over certificates and revocation data, by algorithm identifier. */
import { type KeyObject, verify } from 'node:crypto';
import type { SignatureAlgorithm } from './certificate.ts';
import { readWhole } from './der.ts';
import { PkiError } from './errors.ts';
import { type PssScheme, readPssParameters, verifyPss } from './pss.ts';
import type { KeyFamily } from './public-key.ts';

/**
 * - `valid`, `invalid`: computed with an algorithm that is good enough
 * - `weak`: SHA-1, MD5, DSA and the like; proves nothing, whether it fits or not
 * - `unsupported`: not known, or it does not belong to this kind of key
 */
export type SignatureVerdict = 'valid' | 'invalid' | 'weak' | 'unsupported';

type Scheme = { kind: 'rsa' | 'ecdsa'; hash: string } | { kind: 'pss' } | { kind: 'eddsa'; family: KeyFamily };

const SCHEMES: Record<string, Scheme> = {
  '1.2.840.113549.1.1.11': { kind: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { kind: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { kind: 'rsa', hash: 'sha512' },
  '1.2.840.113549.1.1.10': { kind: 'pss' },
  '1.2.840.10045.4.3.2': { kind: 'ecdsa', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { kind: 'ecdsa', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { kind: 'ecdsa', hash: 'sha512' },
  '1.3.101.112': { kind: 'eddsa', family: 'ed25519' },
  '1.3.101.113': { kind: 'eddsa', family: 'ed448' },
};

// What the legacy switch lets pass when it verifies: SHA-1 with RSA or ECDSA. For old test vectors only.
const LEGACY_SCHEMES: Record<string, Scheme> = {
  '1.2.840.113549.1.1.5': { kind: 'rsa', hash: 'sha1' },
  '1.3.14.3.2.29': { kind: 'rsa', hash: 'sha1' },
  '1.2.840.10045.4.1': { kind: 'ecdsa', hash: 'sha1' },
};

// RSA with MD2, MD5, SHA-1 and SHA-224; ECDSA with SHA-1 and SHA-224; DSA with any hash.
const WEAK = new Set([
  '1.2.840.113549.1.1.2',
  '1.2.840.113549.1.1.4',
  '1.2.840.113549.1.1.5',
  '1.2.840.113549.1.1.14',
  '1.3.14.3.2.29',
  '1.2.840.10045.4.1',
  '1.2.840.10045.4.3.1',
  '1.2.840.10040.4.1',
  '1.2.840.10040.4.3',
  '2.16.840.1.101.3.4.3.1',
  '2.16.840.1.101.3.4.3.2',
]);

const STRONG_HASHES: Record<string, string> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const SHA1 = '1.3.14.3.2.26';

/** Verifies `signature` over `data`. `key` may throw PkiError `key-unusable`, which counts as `unsupported`. */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  data: Buffer,
  signature: Buffer,
  signer: { readonly publicKey: KeyObject; readonly key: { readonly family: KeyFamily } },
  { legacyAlgorithms = false }: { readonly legacyAlgorithms?: boolean } = {},
): SignatureVerdict {
  const scheme = (legacyAlgorithms ? LEGACY_SCHEMES[algorithm.oid] : undefined) ?? SCHEMES[algorithm.oid];
  if (WEAK.has(algorithm.oid) && scheme === undefined) return 'weak';
  if (scheme === undefined || !belongs(scheme, signer.key.family)) return 'unsupported';
  try {
    const key = signer.publicKey;
    if (scheme.kind === 'pss') {
      const pss = readPss(algorithm);
      if (typeof pss === 'string') return pss;
      return verifyPss(data, signature, key, pss) ? 'valid' : 'invalid';
    }
    const hash = scheme.kind === 'eddsa' ? null : scheme.hash;
    return verify(hash, data, key, signature) ? 'valid' : 'invalid';
  } catch (error) {
    if (error instanceof PkiError) return 'unsupported';
    return 'invalid'; // OpenSSL throws for some malformed signatures
  }
}

/** RSASSA-PSS-params (RFC 4055 section 3.1), or why they are not accepted. Absent fields mean SHA-1. */
function readPss(algorithm: SignatureAlgorithm): PssScheme | 'weak' | 'unsupported' {
  if (algorithm.parameters === null) return 'unsupported';
  const { hashOid, maskOid, saltLength } = readPssParameters(readWhole(algorithm.parameters));
  const hash = STRONG_HASHES[hashOid];
  const mask = STRONG_HASHES[maskOid];
  if (hash === undefined || maskOid === SHA1) return 'weak';
  if (mask === undefined) return 'unsupported';
  return { hash, mask, saltLength };
}

function belongs(scheme: Scheme, family: KeyFamily): boolean {
  switch (scheme.kind) {
    case 'rsa':
      return family === 'rsa';
    case 'pss':
      return family === 'rsa' || family === 'rsa-pss';
    case 'ecdsa':
      return family === 'ec';
    case 'eddsa':
      return family === scheme.family;
  }
}
