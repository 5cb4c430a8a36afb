/** Writing and signing certificates (RFC 5280 section 4): names, extensions, and what is signed. */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { type Certificate, parseCertificate } from './certificate.ts';
import { EXTENSION, KEY_USAGES, type KeyUsage } from './certificate-extensions.ts';
import { TAG } from './der.ts';
import {
  algorithmIdentifier,
  bitString,
  boolean,
  context,
  contextPrimitive,
  element,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from './der-writer.ts';
import { PkiError } from './errors.ts';
import { COMMON_NAME } from './name.ts';

const ORGANISATION = '2.5.4.10';
const COUNTRY = '2.5.4.6';
const AD_CA_ISSUERS = '1.3.6.1.5.5.7.48.2';

/** Who a certificate is about. The organisation and the country (two letters) are optional. */
export interface SubjectName {
  readonly name: string;
  readonly organisation?: string;
  readonly country?: string;
}

/** What goes into a certificate; `subject`, `issuer` and `publicKey` in DER. */
export interface CertificateFields {
  readonly serialNumber: Buffer;
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly publicKey: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Each as one of the functions below returns it. */
  readonly extensions: readonly Buffer[];
}

/** Signs a version 3 certificate with an RSA, P-256 or P-384 key (PKCS#8 in DER). Throws PkiError `key-unusable`. */
export function writeCertificate(fields: CertificateFields, signingKey: Buffer): Certificate {
  const key = createPrivateKey({ key: signingKey, format: 'der', type: 'pkcs8' });
  const { algorithm, hash } = signatureAlgorithmOf(key);
  const tbs = sequence(
    context(0, integer(2)),
    integer(fields.serialNumber),
    algorithm,
    fields.issuer,
    sequence(time(fields.notBefore), time(fields.notAfter)),
    fields.subject,
    fields.publicKey,
    context(3, sequence(...fields.extensions)),
  );
  return parseCertificate(sequence(tbs, algorithm, bitString(sign(hash, tbs, key))));
}

/** The AlgorithmIdentifier with which a key signs certificates and revocation lists, and its hash for node:crypto. */
export function signatureAlgorithmOf(key: KeyObject): { algorithm: Buffer; hash: string } {
  if (key.asymmetricKeyType === 'rsa') {
    return { algorithm: algorithmIdentifier('1.2.840.113549.1.1.11', nullValue()), hash: 'sha256' };
  }
  const curve = key.asymmetricKeyType === 'ec' ? key.asymmetricKeyDetails?.namedCurve : undefined;
  if (curve === 'prime256v1') return { algorithm: algorithmIdentifier('1.2.840.10045.4.3.2'), hash: 'sha256' };
  if (curve === 'secp384r1') return { algorithm: algorithmIdentifier('1.2.840.10045.4.3.3'), hash: 'sha384' };
  throw new PkiError('key-unusable', 'authorities sign with RSA, P-256 or P-384');
}

/** A distinguished name: country, organisation, common name, as far as given. */
export function writeName({ name, organisation, country }: SubjectName): Buffer {
  const relative = (type: string, value: Buffer) => setOf(sequence(objectIdentifier(type), value));
  return sequence(
    ...(country === undefined ? [] : [relative(COUNTRY, element(TAG.printableString, Buffer.from(country, 'latin1')))]),
    ...(organisation === undefined ? [] : [relative(ORGANISATION, utf8String(organisation))]),
    relative(COMMON_NAME, utf8String(name)),
  );
}

/** cA and pathLenConstraint; for end certificates the empty sequence, which DER makes of the default. */
export function basicConstraints(ca: boolean, pathLength: number | null): Buffer {
  const length = pathLength === null ? [] : [integer(pathLength)];
  return extension(EXTENSION.basicConstraints, true, ca ? sequence(boolean(true), ...length) : sequence());
}

export function keyUsage(usages: readonly KeyUsage[]): Buffer {
  const bits = Buffer.alloc(2);
  const positions = usages.map((usage) => KEY_USAGES.indexOf(usage));
  for (const position of positions) bits[position >> 3] = bits[position >> 3]! | (0x80 >> (position & 7));
  // X.690 section 11.2.2: a named bit list ends with its last one bit.
  const last = Math.max(...positions);
  return extension(EXTENSION.keyUsage, true, bitString(bits.subarray(0, (last >> 3) + 1), 7 - (last & 7)));
}

export function extendedKeyUsage(purposes: readonly string[]): Buffer {
  return extension(EXTENSION.extendedKeyUsage, false, sequence(...purposes.map(objectIdentifier)));
}

export function subjectMailAddress(address: string): Buffer {
  return extension(EXTENSION.subjectAltName, false, sequence(mailName(address)));
}

/** Only addresses of these hosts (`example.eu`) or of hosts below them (`.example.eu`). */
export function permittedMailDomains(domains: readonly string[]): Buffer {
  const subtrees = domains.map((domain) => sequence(mailName(domain)));
  return extension(EXTENSION.nameConstraints, true, sequence(context(0, ...subtrees)));
}

export function certificatePolicy(oid: string): Buffer {
  return extension(EXTENSION.certificatePolicies, false, sequence(sequence(objectIdentifier(oid))));
}

export function subjectKeyIdentifier(identifier: Buffer): Buffer {
  return extension(EXTENSION.subjectKeyIdentifier, false, octetString(identifier));
}

export function authorityKeyIdentifier(identifier: Buffer): Buffer {
  return extension(EXTENSION.authorityKeyIdentifier, false, sequence(contextPrimitive(0, identifier)));
}

export function crlDistributionPoint(url: string): Buffer {
  const fullName = context(0, uri(url));
  return extension(EXTENSION.crlDistributionPoints, false, sequence(sequence(context(0, fullName))));
}

export function caIssuersLocation(url: string): Buffer {
  const description = sequence(objectIdentifier(AD_CA_ISSUERS), uri(url));
  return extension(EXTENSION.authorityInfoAccess, false, sequence(description));
}

/** One Extension; DER leaves out `critical` when it is false. */
export function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

function mailName(text: string): Buffer {
  return contextPrimitive(1, Buffer.from(text, 'latin1'));
}

function uri(url: string): Buffer {
  return contextPrimitive(6, Buffer.from(url, 'latin1'));
}
