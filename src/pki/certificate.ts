/** X.509 certificates (RFC 5280) as data. */
import { createHash, type KeyObject } from 'node:crypto';
import {
  type BasicConstraints,
  EXTENSION,
  type Extension,
  type KeyUsage,
  mailAddressesOf,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readExtendedKeyUsage,
  readExtensions,
  readGeneralNames,
  readKeyUsage,
  readSubjectKeyIdentifier,
} from './certificate-extensions.ts';
import {
  contentOf,
  type DerNode,
  Fields,
  integerBytesOf,
  oidOf,
  rawOf,
  readWhole,
  smallIntegerOf,
  TAG,
  wholeOctetsOf,
} from './der.ts';
import { timeOf } from './der-text.ts';
import { PkiError } from './errors.ts';
import {
  attributeTexts,
  COMMON_NAME,
  type DistinguishedName,
  describeName,
  EMAIL_ADDRESS,
  type GeneralName,
  readName,
  sameName,
  shownAttribute,
} from './name.ts';
import { importPublicKey, type PublicKeyFacts, readPublicKeyInfo } from './public-key.ts';

/** An algorithm identifier: its object identifier and the DER of its parameters. */
export interface SignatureAlgorithm {
  readonly oid: string;
  readonly parameters: Buffer | null;
}

export interface Certificate {
  readonly der: Buffer;
  /** Lower-case hex without leading zero octets. */
  readonly serialNumber: string;
  /** The INTEGER, and the Names, with their headers: what IssuerAndSerialNumber of CMS repeats. */
  readonly serialRaw: Buffer;
  readonly issuerRaw: Buffer;
  readonly subjectRaw: Buffer;
  readonly issuerName: DistinguishedName;
  readonly subjectName: DistinguishedName;
  /** For people; invisible and control characters replaced. */
  readonly issuer: string;
  readonly subject: string;
  readonly commonName: string | null;
  /** Mail addresses, domain in lower case, without repeats; those with white space or control characters are left out. */
  readonly addresses: readonly string[];
  readonly subjectAltNames: readonly GeneralName[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly key: PublicKeyFacts;
  readonly keyLabel: string;
  /** Imported on first use. Throws PkiError `key-unusable` for a key that OpenSSL refuses or that breaks the bounds. */
  readonly publicKey: KeyObject;
  readonly subjectKeyIdentifier: Buffer | null;
  readonly authorityKeyIdentifier: Buffer | null;
  readonly keyUsage: ReadonlySet<KeyUsage> | null;
  readonly extendedKeyUsage: readonly string[] | null;
  readonly basicConstraints: BasicConstraints | null;
  readonly extensions: ReadonlyMap<string, Extension>;
  readonly criticalExtensions: readonly string[];
  readonly isSelfIssued: boolean;
  /** Lower-case hex. */
  readonly sha1: string;
  readonly sha256: string;
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** What is signed, and the signature over it. */
  readonly tbs: Buffer;
  readonly signature: Buffer;
}

/** Largest certificate read: real ones are below 10 KiB. */
export const MAX_CERTIFICATE_BYTES = 256 * 1024;

/**
 * Reads one certificate. The result points into a copy of `der`, so the input may be reused.
 * Throws PkiError `malformed` (also for trailing bytes, BER, extensions twice) or `too-complex`.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) throw new PkiError('too-complex', 'certificate too large');
  const bytes = Buffer.from(der);
  const outer = new Fields(readWhole(bytes, { strict: true }));
  const tbsNode = outer.next(TAG.sequence);
  const algorithmNode = outer.next(TAG.sequence);
  const signature = wholeOctetsOf(outer.next(TAG.bitString));
  if (outer.rest().length > 0) throw new PkiError('malformed', 'certificate: fields too many');
  const body = readBody(tbsNode);
  // RFC 5280 section 4.1.1.2: the algorithm outside must be the one that is signed.
  if (!body.algorithmRaw.equals(rawOf(algorithmNode))) throw new PkiError('malformed', 'signature algorithms differ');
  return assemble({ bytes, tbs: rawOf(tbsNode), signature, signatureAlgorithm: readAlgorithm(algorithmNode), body });
}

/** Whether the certificate's key usage allows signatures on mail; no key usage allows everything. */
export function canSign(certificate: Pick<Certificate, 'keyUsage'>): boolean {
  const usage = certificate.keyUsage;
  return usage === null || usage.has('digitalSignature') || usage.has('nonRepudiation');
}

/** Whether mail may be encrypted to the certificate; no key usage allows everything its key can do. */
export function canEncrypt(certificate: Pick<Certificate, 'keyUsage' | 'key'>): boolean {
  const { family } = certificate.key;
  if (family === 'ed25519' || family === 'ed448' || family === 'rsa-pss' || family === 'dsa') return false;
  const usage = certificate.keyUsage;
  if (usage === null) return true;
  return family.startsWith('rsa') ? usage.has('keyEncipherment') : usage.has('keyAgreement');
}

/** Whether the basic constraints make it an authority (RFC 5280 section 4.2.1.9). */
export function isAuthority(certificate: Pick<Certificate, 'basicConstraints'>): boolean {
  return certificate.basicConstraints?.ca === true;
}

/** Reads AlgorithmIdentifier. */
export function readAlgorithm(node: DerNode): SignatureAlgorithm {
  const fields = new Fields(node);
  const oid = oidOf(fields.next(TAG.oid));
  const parameters = fields.rest()[0];
  return { oid, parameters: parameters === undefined ? null : rawOf(parameters) };
}

interface CertificateBody {
  serial: DerNode;
  algorithmRaw: Buffer;
  issuer: DerNode;
  subject: DerNode;
  notBefore: Date;
  notAfter: Date;
  key: PublicKeyFacts;
  extensions: Map<string, Extension>;
}

function readBody(tbs: DerNode): CertificateBody {
  const fields = new Fields(tbs);
  const version = fields.optional(0xa0);
  const versionNumber = version === null ? 0 : smallIntegerOf(readWhole(contentOf(version)));
  const serial = fields.next(TAG.integer);
  integerBytesOf(serial);
  const algorithmRaw = rawOf(fields.next(TAG.sequence));
  const issuer = fields.next(TAG.sequence);
  const validity = new Fields(fields.next(TAG.sequence));
  const notBefore = timeOf(validity.next());
  const notAfter = timeOf(validity.next());
  const subject = fields.next(TAG.sequence);
  const key = readPublicKeyInfo(fields.next(TAG.sequence));
  fields.optional(0x81); // issuerUniqueID and subjectUniqueID: obsolete, no meaning here
  fields.optional(0x82);
  const extensionsNode = fields.optional(0xa3);
  if (fields.rest().length > 0) throw new PkiError('malformed', 'certificate: unknown field');
  if (versionNumber > 2 || (extensionsNode !== null && versionNumber !== 2)) {
    throw new PkiError('malformed', 'certificate version');
  }
  const extensions =
    extensionsNode === null ? new Map<string, Extension>() : readExtensions(readWhole(contentOf(extensionsNode)));
  return { serial, algorithmRaw, issuer, subject, notBefore, notAfter, key, extensions };
}

function assemble(parts: {
  bytes: Buffer;
  tbs: Buffer;
  signature: Buffer;
  signatureAlgorithm: SignatureAlgorithm;
  body: CertificateBody;
}): Certificate {
  const { bytes, tbs, signature, signatureAlgorithm, body } = parts;
  const { extensions, key } = body;
  const read = <T>(type: string, reader: (value: Buffer) => T): T | null => {
    const extension = extensions.get(type);
    return extension === undefined ? null : reader(extension.value);
  };
  const issuerName = readName(body.issuer);
  const subjectName = readName(body.subject);
  const subjectAltNames = read(EXTENSION.subjectAltName, readGeneralNames) ?? [];
  let imported: KeyObject | null = null;
  return {
    der: bytes,
    serialNumber: integerBytesOf(body.serial)
      .toString('hex')
      .replace(/^(00)+(?=..)/, ''),
    serialRaw: rawOf(body.serial),
    issuerRaw: rawOf(body.issuer),
    subjectRaw: rawOf(body.subject),
    issuerName,
    subjectName,
    issuer: describeName(issuerName),
    subject: describeName(subjectName),
    commonName: shownAttribute(subjectName, COMMON_NAME),
    addresses: addressList([...mailAddressesOf(subjectAltNames), ...attributeTexts(subjectName, EMAIL_ADDRESS)]),
    subjectAltNames,
    notBefore: body.notBefore,
    notAfter: body.notAfter,
    key,
    keyLabel: key.label,
    get publicKey(): KeyObject {
      imported ??= importPublicKey(key);
      return imported;
    },
    subjectKeyIdentifier: read(EXTENSION.subjectKeyIdentifier, readSubjectKeyIdentifier),
    authorityKeyIdentifier: read(EXTENSION.authorityKeyIdentifier, readAuthorityKeyIdentifier),
    keyUsage: read(EXTENSION.keyUsage, readKeyUsage),
    extendedKeyUsage: read(EXTENSION.extendedKeyUsage, readExtendedKeyUsage),
    basicConstraints: read(EXTENSION.basicConstraints, readBasicConstraints),
    extensions,
    criticalExtensions: [...extensions].flatMap(([type, extension]) => (extension.critical ? [type] : [])),
    isSelfIssued: sameName(issuerName, subjectName),
    sha1: createHash('sha1').update(bytes).digest('hex'),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    signatureAlgorithm,
    tbs,
    signature,
  };
}

// An address with a NUL or a space in it can read as another one to a careless program, so it is no address at all.
function addressList(written: string[]): string[] {
  const addresses = written.flatMap((address) => {
    const at = address.lastIndexOf('@');
    if (at < 1 || at === address.length - 1 || /[\s\p{C}]/u.test(address)) return [];
    // ASCII alone: the lower case of KELVIN SIGN is a k, and another domain would become this one.
    const domain = address.slice(at + 1).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    return [address.slice(0, at + 1) + domain];
  });
  return [...new Set(addresses)];
}
