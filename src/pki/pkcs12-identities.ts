/** Which certificate belongs to which private key of a PKCS#12 file, and the chain above it. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { children, contentOf, Fields, oidOf, rawOf, readElement, readWhole, TAG } from './der.ts';
import { algorithmIdentifier, nullValue, octetString, sequence } from './der-writer.ts';
import { PkiError } from './errors.ts';
import { sameName } from './name.ts';
import { readPublicKeyInfo } from './public-key.ts';

export interface Pkcs12Identity {
  /** PKCS#8 in DER, unencrypted: overwrite it after use. */
  readonly privateKey: Buffer;
  readonly certificate: Certificate;
  /** Issuers from the certificate's own upwards, as far as the file has them; the root last if it is there. */
  readonly chain: Certificate[];
}

export interface FoundKey {
  readonly pkcs8: Buffer;
  /** The public key's bits, which a certificate must have to fit. */
  readonly publicBits: Buffer;
  readonly localKeyId: string | null;
}

export interface FoundCertificate {
  readonly certificate: Certificate;
  readonly localKeyId: string | null;
}

const MAX_CHAIN = 20;
const RSA = '1.2.840.113549.1.1.1';
const RSAES_OAEP = '1.2.840.113549.1.1.7';

/** Reads PKCS#8 and writes it anew in plain DER. Throws PkiError `unsupported` for a key OpenSSL does not know. */
export function importPrivateKey(pkcs8: Buffer): { pkcs8: Buffer; publicBits: Buffer } {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: mended(pkcs8), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new PkiError('unsupported', 'the kind of private key is not supported', { cause });
  }
  return { pkcs8: key.export({ format: 'der', type: 'pkcs8' }), publicBits: bitsOfKey(createPublicKey(key)) };
}

// gpgsm marks the octet string around an EC key as constructed although the key stands in it directly. OpenSSL knows no keys
// that are for OAEP alone (RFC 4055 section 1.2); the numbers are those of any RSA key, and the certificate says what it is for.
function mended(pkcs8: Buffer): Buffer {
  const [version, algorithm, key, ...rest] = children(readElement(pkcs8));
  if (version === undefined || algorithm === undefined || key === undefined) return pkcs8;
  const isOaep = algorithm.tag === TAG.sequence && oidOf(new Fields(algorithm).next(TAG.oid)) === RSAES_OAEP;
  const isConstructed = key.tag === (TAG.octetString | 0x20);
  if (!isOaep && !isConstructed) return pkcs8;
  return sequence(
    rawOf(version),
    isOaep ? algorithmIdentifier(RSA, nullValue()) : rawOf(algorithm),
    octetString(contentOf(key)),
    ...rest.map(rawOf),
  );
}

/**
 * One identity for each certificate that fits a key: the same key in a renewed certificate reads the mail to both.
 * A certificate that the file itself ties to the key (localKeyId) comes first, then the one that lasts longest.
 */
export function pairKeys(keys: readonly FoundKey[], certificates: readonly FoundCertificate[]): Pkcs12Identity[] {
  const all = certificates.map((found) => found.certificate);
  const seen = new Set<string>();
  return keys.flatMap((key) => {
    const fitting = certificates.filter((found) => fits(key, found.certificate));
    fitting.sort((a, b) => tied(key, b) - tied(key, a) || +b.certificate.notAfter - +a.certificate.notAfter);
    return fitting.flatMap(({ certificate }) => {
      if (seen.has(certificate.sha256)) return [];
      seen.add(certificate.sha256);
      return [{ privateKey: Buffer.from(key.pkcs8), certificate, chain: chainAbove(certificate, all) }];
    });
  });
}

/** Issuers above `certificate` among `candidates`, by name and key identifier; signatures are for path validation. */
export function chainAbove(certificate: Certificate, candidates: readonly Certificate[]): Certificate[] {
  const chain: Certificate[] = [];
  let current = certificate;
  while (!current.isSelfIssued && chain.length < MAX_CHAIN) {
    const issuer = candidates.find((candidate) => mayHaveIssued(candidate, current) && !chain.includes(candidate));
    if (issuer === undefined) break;
    chain.push(issuer);
    current = issuer;
  }
  return chain;
}

/** Whether names and key identifiers allow `issuer` to have issued `certificate`. */
export function mayHaveIssued(issuer: Certificate, certificate: Certificate): boolean {
  if (!sameName(issuer.subjectName, certificate.issuerName)) return false;
  const [wanted, has] = [certificate.authorityKeyIdentifier, issuer.subjectKeyIdentifier];
  return wanted === null || has === null || wanted.equals(has);
}

function fits(key: FoundKey, certificate: Certificate): boolean {
  if (key.publicBits.equals(certificate.key.keyBits)) return true;
  if (certificate.key.family !== 'ec') return false;
  try {
    return key.publicBits.equals(bitsOfKey(certificate.publicKey)); // a compressed point, written out
  } catch (error) {
    if (error instanceof PkiError) return false;
    throw error;
  }
}

function tied(key: FoundKey, found: FoundCertificate): number {
  return key.localKeyId !== null && key.localKeyId === found.localKeyId ? 1 : 0;
}

function bitsOfKey(key: KeyObject): Buffer {
  return readPublicKeyInfo(readWhole(key.export({ format: 'der', type: 'spki' }))).keyBits;
}
