/**
 * Issuing certificates, with the profile of the CA/Browser Forum S/MIME Baseline Requirements: a root, an issuing
 * authority below it that is bound to the programme's domains, and the certificates of persons.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { EXTENDED_KEY_USAGE, type KeyUsage } from './certificate-extensions.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  caIssuersLocation,
  certificatePolicy,
  crlDistributionPoint,
  extendedKeyUsage,
  keyUsage,
  permittedMailDomains,
  type SubjectName,
  subjectKeyIdentifier,
  subjectMailAddress,
  writeCertificate,
  writeName,
} from './certificate-writer.ts';
import { readWhole } from './der.ts';
import { PkiError } from './errors.ts';
import { generateKeyPair, type KeyAlgorithm } from './key-pair.ts';
import { readPublicKeyInfo } from './public-key.ts';

export type { SubjectName } from './certificate-writer.ts';

export interface Authority {
  readonly certificate: Certificate;
  /** PKCS#8 in DER, unencrypted: overwrite it after use. */
  readonly privateKey: Buffer;
}

/** Both ends inclusive; fractions of seconds are dropped. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Where programs find the issuer's revocation list and its own certificate. */
export interface IssuerLocations {
  readonly crlUrl?: string;
  readonly caIssuersUrl?: string;
}

/** A new self-signed root with its key. No extended key usage: what it signs says that. */
export async function createRootAuthority(
  options: SubjectName & Validity & { readonly keyAlgorithm: KeyAlgorithm },
): Promise<Authority> {
  const pair = await generateKeyPair(options.keyAlgorithm);
  const name = writeName(options);
  const certificate = writeCertificate(
    {
      serialNumber: randomSerial(),
      subject: name,
      issuer: name,
      publicKey: pair.publicKey,
      notBefore: options.notBefore,
      notAfter: options.notAfter,
      extensions: [
        basicConstraints(true, null),
        keyUsage(['keyCertSign', 'cRLSign']),
        subjectKeyIdentifier(keyIdentifier(pair.publicKey)),
      ],
    },
    pair.privateKey,
  );
  return { certificate, privateKey: pair.privateKey };
}

export interface IssuingAuthorityOptions extends SubjectName, Validity, IssuerLocations {
  readonly issuer: Authority;
  readonly keyAlgorithm: KeyAlgorithm;
  /** `example.eu` allows exactly that host, `.example.eu` the hosts below it (RFC 5280 section 4.2.1.10). */
  readonly domains: readonly string[];
  readonly policyOid?: string;
}

/** A new authority below `issuer` that issues to persons only (pathLen 0), for mail and for these domains only. */
export async function createIssuingAuthority(options: IssuingAuthorityOptions): Promise<Authority> {
  if (options.domains.length === 0) throw new RangeError('an issuing authority needs a domain');
  const pair = await generateKeyPair(options.keyAlgorithm);
  const certificate = issueBelow(options.issuer, options, pair.publicKey, [
    basicConstraints(true, 0),
    keyUsage(['keyCertSign', 'cRLSign']),
    extendedKeyUsage([EXTENDED_KEY_USAGE.emailProtection]),
    permittedMailDomains(options.domains),
    ...(options.policyOid === undefined ? [] : [certificatePolicy(options.policyOid)]),
  ]);
  return { certificate, privateKey: pair.privateKey };
}

/** One key pair for everything, or one of two split ones. */
export type PersonalUsage = 'both' | 'sign' | 'encrypt';

export interface PersonalCertificateOptions extends SubjectName, Validity, IssuerLocations {
  readonly issuer: Authority;
  readonly address: string;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  readonly usage: PersonalUsage;
  readonly policyOid: string;
}

/**
 * A certificate for one person's mail address.
 * Throws PkiError `unsupported` for an address outside ASCII, and `key-unusable` for a key that is neither RSA nor EC.
 */
export function issuePersonalCertificate(options: PersonalCertificateOptions): Certificate {
  const { address, publicKey, usage } = options;
  if (!/^[\x21-\x7e]+@[A-Za-z0-9.-]+$/.test(address)) throw new PkiError('unsupported', 'an ASCII address is needed');
  return issueBelow(options.issuer, options, publicKey, [
    basicConstraints(false, null),
    keyUsage(personalKeyUsage(publicKey, usage)),
    extendedKeyUsage([EXTENDED_KEY_USAGE.emailProtection]),
    subjectMailAddress(address),
    certificatePolicy(options.policyOid),
  ]);
}

/** RFC 7093 section 2, method 1: the leftmost 160 bits of SHA-256 over the key's bits, in place of SHA-1. */
export function keyIdentifier(publicKey: Buffer): Buffer {
  const { keyBits } = readPublicKeyInfo(readWhole(publicKey));
  return createHash('sha256').update(keyBits).digest().subarray(0, 20);
}

function issueBelow(
  issuer: Authority,
  options: SubjectName & Validity & IssuerLocations,
  publicKey: Buffer,
  profile: readonly Buffer[],
): Certificate {
  const { crlUrl, caIssuersUrl, notBefore, notAfter } = options;
  const issuerKey = issuer.certificate.subjectKeyIdentifier ?? keyIdentifier(issuer.certificate.key.spki);
  const extensions = [
    ...profile,
    subjectKeyIdentifier(keyIdentifier(publicKey)),
    authorityKeyIdentifier(issuerKey),
    ...(crlUrl === undefined ? [] : [crlDistributionPoint(crlUrl)]),
    ...(caIssuersUrl === undefined ? [] : [caIssuersLocation(caIssuersUrl)]),
  ];
  const subject = writeName(options);
  const serialNumber = randomSerial();
  const fields = {
    serialNumber,
    subject,
    issuer: issuer.certificate.subjectRaw,
    publicKey,
    notBefore,
    notAfter,
    extensions,
  };
  return writeCertificate(fields, issuer.privateKey);
}

function personalKeyUsage(publicKey: Buffer, usage: PersonalUsage): KeyUsage[] {
  const { family, label } = readPublicKeyInfo(readWhole(publicKey));
  if (family !== 'rsa' && family !== 'ec') throw new PkiError('key-unusable', `no profile for ${label}`);
  const encrypting: KeyUsage = family === 'rsa' ? 'keyEncipherment' : 'keyAgreement';
  if (usage === 'sign') return ['digitalSignature'];
  return usage === 'encrypt' ? [encrypting] : ['digitalSignature', encrypting];
}

// 126 random bits; the first octet keeps the number positive and of full length (RFC 5280 section 4.1.2.2).
function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  return serial;
}
