/** What a SubjectPublicKeyInfo holds and whether the key may be used, decided before OpenSSL sees it. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  contentOf,
  type DerNode,
  decodeOid,
  Fields,
  integerBytesOf,
  oidOf,
  rawOf,
  readWhole,
  TAG,
  wholeOctetsOf,
} from './der.ts';
import { algorithmIdentifier, bitString, nullValue, sequence } from './der-writer.ts';
import { PkiError } from './errors.ts';

export type KeyFamily =
  | 'rsa'
  | 'rsa-pss'
  | 'rsa-oaep'
  | 'ec'
  | 'ed25519'
  | 'ed448'
  | 'x25519'
  | 'x448'
  | 'dsa'
  | 'other';

export interface PublicKeyFacts {
  readonly family: KeyFamily;
  /** For people: `RSA-3072`, `P-256`, `Ed25519`; the object identifier when the algorithm is not known. */
  readonly label: string;
  /** Modulus or group size; 0 when unknown. */
  readonly bits: number;
  /** The SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** The bits of the key alone, over which key identifiers are computed (RFC 5280 section 4.2.1.2). */
  readonly keyBits: Buffer;
  readonly exponentTrouble: boolean;
}

const FAMILIES: Record<string, KeyFamily> = {
  '1.2.840.113549.1.1.1': 'rsa',
  '1.2.840.113549.1.1.10': 'rsa-pss',
  '1.2.840.113549.1.1.7': 'rsa-oaep',
  '1.2.840.10045.2.1': 'ec',
  '1.3.101.112': 'ed25519',
  '1.3.101.113': 'ed448',
  '1.3.101.110': 'x25519',
  '1.3.101.111': 'x448',
  '1.2.840.10040.4.1': 'dsa',
};

const CURVES: Record<string, { label: string; bits: number }> = {
  '1.2.840.10045.3.1.7': { label: 'P-256', bits: 256 },
  '1.3.132.0.34': { label: 'P-384', bits: 384 },
  '1.3.132.0.35': { label: 'P-521', bits: 521 },
  '1.3.132.0.10': { label: 'secp256k1', bits: 256 },
  '1.3.132.0.33': { label: 'P-224', bits: 224 },
  '1.2.840.10045.3.1.1': { label: 'P-192', bits: 192 },
  '1.3.36.3.3.2.8.1.1.7': { label: 'brainpoolP256r1', bits: 256 },
  '1.3.36.3.3.2.8.1.1.11': { label: 'brainpoolP384r1', bits: 384 },
  '1.3.36.3.3.2.8.1.1.13': { label: 'brainpoolP512r1', bits: 512 },
};

const EDWARDS: Partial<Record<KeyFamily, { label: string; bits: number }>> = {
  ed25519: { label: 'Ed25519', bits: 256 },
  ed448: { label: 'Ed448', bits: 448 },
  x25519: { label: 'X25519', bits: 256 },
  x448: { label: 'X448', bits: 448 },
  dsa: { label: 'DSA', bits: 0 },
};

/** Reads a SubjectPublicKeyInfo without using the key. Throws PkiError `malformed`. */
export function readPublicKeyInfo(node: DerNode): PublicKeyFacts {
  const fields = new Fields(node);
  const algorithm = new Fields(fields.next(TAG.sequence));
  const oid = oidOf(algorithm.next(TAG.oid));
  const parameters = algorithm.rest()[0];
  const keyBits = wholeOctetsOf(fields.next(TAG.bitString));
  const family = FAMILIES[oid] ?? 'other';
  const common = { family, spki: rawOf(node), keyBits };
  if (family === 'rsa' || family === 'rsa-pss' || family === 'rsa-oaep') return { ...common, ...rsaFacts(keyBits) };
  if (family === 'ec') return { ...common, ...curveFacts(parameters), exponentTrouble: false };
  return { ...common, ...(EDWARDS[family] ?? { label: oid, bits: 0 }), exponentTrouble: false };
}

/**
 * Whether the key may appear on a path or sign mail (crypto.md): RSA 2048 to 4096 with an odd exponent of at most 2^32, the
 * curves from 256 bits, Edwards curves. `message` widens RSA to 8192 bits, for the keys of messages rather than of authorities.
 */
export function keyStrength(facts: PublicKeyFacts, use: 'path' | 'message' = 'path'): 'strong' | 'weak' | 'unknown' {
  switch (facts.family) {
    case 'rsa':
    case 'rsa-pss':
    case 'rsa-oaep': {
      const most = use === 'path' ? 4096 : 8192;
      return facts.bits >= 2048 && facts.bits <= most && !facts.exponentTrouble ? 'strong' : 'weak';
    }
    case 'ec':
      if (facts.bits === 0) return 'unknown';
      return facts.bits >= 256 ? 'strong' : 'weak';
    case 'dsa':
      return 'weak';
    case 'other':
      return 'unknown';
    default:
      return 'strong';
  }
}

/**
 * The key for node:crypto. Throws PkiError `key-unusable` for keys outside the bounds that keep one operation cheap
 * (RSA up to 8192 bits, exponent up to 2^32) and for those OpenSSL refuses. Short RSA keys pass: old mail is read with them.
 */
export function importPublicKey(facts: PublicKeyFacts): KeyObject {
  const rsa = facts.family.startsWith('rsa');
  if (rsa && (facts.bits > 8192 || facts.bits < 512 || facts.exponentTrouble)) {
    throw new PkiError('key-unusable', `${facts.label} is outside the accepted bounds`);
  }
  try {
    return createPublicKey({
      key: facts.family === 'rsa-oaep' ? asPlainRsa(facts) : facts.spki,
      format: 'der',
      type: 'spki',
    });
  } catch (cause) {
    throw new PkiError('key-unusable', `the public key (${facts.label}) cannot be used`, { cause });
  }
}

/** OpenSSL knows no keys that are for OAEP alone (RFC 4055 section 1.2); the numbers are those of any RSA key. */
function asPlainRsa(facts: PublicKeyFacts): Buffer {
  return sequence(algorithmIdentifier('1.2.840.113549.1.1.1', nullValue()), bitString(facts.keyBits));
}

function rsaFacts(keyBits: Buffer): { label: string; bits: number; exponentTrouble: boolean } {
  const fields = new Fields(readWhole(keyBits));
  const modulus = withoutLeadingZeros(integerBytesOf(fields.next(TAG.integer)));
  const exponent = withoutLeadingZeros(integerBytesOf(fields.next(TAG.integer)));
  const bits = modulus.length === 0 ? 0 : modulus.length * 8 - Math.clz32(modulus[0] as number) + 24;
  const value =
    exponent.length > 5 ? Number.POSITIVE_INFINITY : exponent.length ? exponent.readUIntBE(0, exponent.length) : 0;
  return { label: `RSA-${bits}`, bits, exponentTrouble: value < 3 || value > 2 ** 32 || value % 2 === 0 };
}

function withoutLeadingZeros(octets: Buffer): Buffer {
  let start = 0;
  while (start < octets.length && octets[start] === 0) start += 1;
  return octets.subarray(start);
}

function curveFacts(parameters: DerNode | undefined): { label: string; bits: number } {
  // Explicit curve parameters let a forger choose the generator (CVE-2020-0601), so only named curves count.
  if (parameters?.tag !== TAG.oid) return { label: 'EC with explicit parameters', bits: 0 };
  const oid = decodeOid(contentOf(parameters));
  return CURVES[oid] ?? { label: `EC ${oid}`, bits: 0 };
}
