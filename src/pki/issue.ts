/**
 * Issuing certificates with `@peculiar/x509`, with the profile of the CA/Browser Forum S/MIME Baseline Requirements: a root,
 * an issuing authority below it that is bound to the programme's domains, and the certificates of persons.
 */
import 'reflect-metadata'; // the dependency injection inside @peculiar/x509 does not load without it

import { createHash, createPrivateKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints } from '@peculiar/asn1-x509';
import * as x509 from '@peculiar/x509';
import { type Certificate, parseCertificate } from './certificate.ts';
import { EXTENDED_KEY_USAGE, EXTENSION } from './certificate-extensions.ts';
import { children, rawOf, readWhole } from './der.ts';
import { context, contextPrimitive, objectIdentifier, sequence, setOf, utf8String } from './der-writer.ts';
import { PkiError } from './errors.ts';
import { generateKeyPair, type KeyAlgorithm, type KeyPair } from './key-pair.ts';
import { COMMON_NAME } from './name.ts';
import { readPublicKeyInfo } from './public-key.ts';

/** Who a certificate is about. The organisation and the country (two letters) are optional. */
export interface SubjectName {
  readonly name: string;
  readonly organisation?: string;
  readonly country?: string;
}

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
  readonly ocspUrl?: string;
  /** A second list, signed by another in the issuer's place (RFC 5280 section 5): where, and the signer's Name in DER. */
  readonly indirectCrl?: { readonly url: string; readonly signerName: Buffer };
}

/** A new self-signed root with its key. No extended key usage: what it signs says that. */
export async function createRootAuthority(
  options: SubjectName & Validity & { readonly keyAlgorithm: KeyAlgorithm },
): Promise<Authority> {
  const pair = await generateKeyPair(options.keyAlgorithm);
  return certified(pair, async ({ publicKey, privateKey }) => {
    const name = writeName(options);
    return generate(privateKey, {
      subject: name,
      issuer: name,
      publicKey,
      validity: options,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(AUTHORITY_KEY_USAGE, true),
        new x509.SubjectKeyIdentifierExtension(keyIdentifier(publicKey).toString('hex')),
      ],
    });
  });
}

/** A key without its certificate is handed to nobody: it is overwritten here. */
async function certified(pair: KeyPair, certify: (pair: KeyPair) => Promise<Certificate>): Promise<Authority> {
  try {
    return { certificate: await certify(pair), privateKey: pair.privateKey };
  } catch (error) {
    pair.privateKey.fill(0);
    throw error;
  }
}

export interface IssuingAuthorityOptions extends SubjectName, Validity, IssuerLocations {
  readonly issuer: Authority;
  readonly keyAlgorithm: KeyAlgorithm;
  /** `example.eu` allows exactly that host, `.example.eu` the hosts below it (RFC 5280 section 4.2.1.10). */
  readonly domains: readonly string[];
  readonly policyOid?: string;
  /** What it issues may also serve for signing in (T22): TLS client authentication beside mail. */
  readonly clientAuthentication?: boolean;
}

/** A new authority below `issuer` that issues to persons only (pathLen 0), for mail and for these domains only. */
export async function createIssuingAuthority(options: IssuingAuthorityOptions): Promise<Authority> {
  const pair = await generateKeyPair(options.keyAlgorithm);
  const { domains, policyOid, clientAuthentication } = options;
  return certified(pair, async ({ publicKey }) => {
    const profile = issuingAuthorityProfile(domains, policyOid, clientAuthentication);
    return issueBelow(options.issuer, options, publicKey, profile);
  });
}

/**
 * What makes an issuing authority, in its certificate or in the request for one. Its list of purposes has OCSP signing besides mail, since
 * programs want each purpose of a certificate in those above it too: without, no responder below it would be believed.
 * Throws RangeError without a domain.
 */
export function issuingAuthorityProfile(
  domains: readonly string[],
  policyOid?: string,
  clientAuthentication = false,
): x509.Extension[] {
  if (domains.length === 0) throw new RangeError('an issuing authority needs a domain');
  return [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(AUTHORITY_KEY_USAGE, true),
    new x509.ExtendedKeyUsageExtension([...personalPurposes(clientAuthentication), EXTENDED_KEY_USAGE.ocspSigning]),
    permittedMailDomains(domains),
    ...(policyOid === undefined ? [] : [new x509.CertificatePolicyExtension([policyOid])]),
  ];
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
  /** Browsers show it where a server asks for a certificate (T22); not one that only encrypts. */
  readonly clientAuthentication?: boolean;
}

/**
 * A certificate for one person's mail address.
 * Rejects with PkiError `unsupported` for an address outside ASCII, and `key-unusable` for a key that is neither RSA nor EC.
 */
export async function issuePersonalCertificate(options: PersonalCertificateOptions): Promise<Certificate> {
  const { address, publicKey, usage, clientAuthentication = false } = options;
  if (!/^[\x21-\x7e]+@[A-Za-z0-9.-]+$/.test(address)) throw new PkiError('unsupported', 'an ASCII address is needed');
  return issueBelow(options.issuer, options, publicKey, [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(personalKeyUsage(publicKey, usage), true),
    new x509.ExtendedKeyUsageExtension(personalPurposes(clientAuthentication && usage !== 'encrypt')),
    new x509.SubjectAlternativeNameExtension([{ type: 'email', value: address }]),
    new x509.CertificatePolicyExtension([options.policyOid]),
  ]);
}

/** S/MIME Baseline Requirements, section 7.1.2.3 f: mail alone, or client authentication too as the multipurpose profile allows. */
function personalPurposes(clientAuthentication: boolean): string[] {
  const { emailProtection, clientAuth } = EXTENDED_KEY_USAGE;
  return clientAuthentication ? [emailProtection, clientAuth] : [emailProtection];
}

export interface EvidenceSignerOptions extends SubjectName, Validity, IssuerLocations {
  readonly issuer: Authority;
  readonly keyAlgorithm: KeyAlgorithm;
}

/** A service that signs documents (RFC 9336), here the evidence of sent messages, and nothing else: no person and no mail. */
export async function createEvidenceSigner(options: EvidenceSignerOptions): Promise<Authority> {
  const pair = await generateKeyPair(options.keyAlgorithm);
  return certified(pair, async ({ publicKey }) =>
    issueBelow(options.issuer, options, publicKey, [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(digitalSignature | nonRepudiation, true),
      new x509.ExtendedKeyUsageExtension([EXTENDED_KEY_USAGE.documentSigning]),
    ]),
  );
}

/** RFC 7093 section 2, method 1: the leftmost 160 bits of SHA-256 over the key's bits, in place of SHA-1. */
export function keyIdentifier(publicKey: Buffer): Buffer {
  const { keyBits } = readPublicKeyInfo(readWhole(publicKey));
  return createHash('sha256').update(keyBits).digest().subarray(0, 20);
}

/** How what this authority signs names its key. */
export function issuerKeyIdentifier(issuer: Certificate): Buffer {
  return issuer.subjectKeyIdentifier ?? keyIdentifier(issuer.key.spki);
}

export interface StatusSignerOptions extends Validity, IssuerLocations {
  readonly issuer: Authority;
  readonly keyAlgorithm: KeyAlgorithm;
}

/**
 * One that signs lists and OCSP answers in the issuer's place. Whoever asks about it asks it alone, hence ocsp-nocheck
 * (RFC 6960 section 4.2.2.2.1).
 */
export async function createStatusSigner(options: StatusSignerOptions): Promise<Authority> {
  const pair = await generateKeyPair(options.keyAlgorithm);
  return certified(pair, async ({ publicKey }) =>
    issueBelow(
      options.issuer,
      { ...options, name: '' },
      publicKey,
      [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(digitalSignature | cRLSign, true),
        new x509.ExtendedKeyUsageExtension([EXTENDED_KEY_USAGE.ocspSigning]),
        new x509.Extension(EXTENSION.ocspNoCheck, false, new Uint8Array([5, 0])),
      ],
      new x509.Name(statusSignerName(options.issuer.certificate)),
    ),
  );
}

/** The Name in DER of whoever signs in this authority's place: the same whenever it is renewed, so that certificates can name it. */
export function statusSignerName(issuer: Certificate): Buffer {
  const label = `${issuer.commonName ?? issuer.subject} Status`.slice(0, 64);
  const relative = (type: string, value: Buffer) => setOf(sequence(objectIdentifier(type), value));
  const known = children(readWhole(issuer.subjectRaw)).filter((one) => !rawOf(one).includes(COMMON_NAME_DER));
  return sequence(...known.map(rawOf), relative(COMMON_NAME, utf8String(label)));
}

const COMMON_NAME_DER = objectIdentifier(COMMON_NAME);

function issueBelow(
  issuer: Authority,
  options: SubjectName & Validity & IssuerLocations,
  publicKey: Buffer,
  profile: readonly x509.Extension[],
  subject = writeName(options),
): Promise<Certificate> {
  const { caIssuersUrl, ocspUrl } = options;
  const access = {
    ...(ocspUrl === undefined ? {} : { ocsp: ocspUrl }),
    ...(caIssuersUrl === undefined ? {} : { caIssuers: caIssuersUrl }),
  };
  const issuerKey = issuerKeyIdentifier(issuer.certificate);
  return generate(issuer.privateKey, {
    subject,
    issuer: new x509.Name(issuer.certificate.subjectRaw),
    publicKey,
    validity: options,
    extensions: [
      ...profile,
      new x509.SubjectKeyIdentifierExtension(keyIdentifier(publicKey).toString('hex')),
      new x509.AuthorityKeyIdentifierExtension(issuerKey.toString('hex')),
      ...distributionPoints(options),
      ...(Object.keys(access).length === 0 ? [] : [new x509.AuthorityInfoAccessExtension(access)]),
    ],
  });
}

function distributionPoints({ crlUrl, indirectCrl }: IssuerLocations): x509.Extension[] {
  const at = (url: string) => context(0, context(0, contextPrimitive(6, Buffer.from(url, 'latin1'))));
  const points = [
    ...(crlUrl === undefined ? [] : [sequence(at(crlUrl))]),
    ...(indirectCrl === undefined
      ? []
      : [sequence(at(indirectCrl.url), context(2, context(4, indirectCrl.signerName)))]),
  ];
  if (points.length === 0) return [];
  return [new x509.Extension(EXTENSION.crlDistributionPoints, false, new Uint8Array(sequence(...points)))];
}

interface CertificateFields {
  readonly subject: x509.Name;
  readonly issuer: x509.Name;
  readonly publicKey: Buffer;
  readonly validity: Validity;
  readonly extensions: x509.Extension[];
}

async function generate(signingKey: Buffer, fields: CertificateFields): Promise<Certificate> {
  const { validity, ...rest } = fields;
  const key = createPrivateKey({ key: signingKey, format: 'der', type: 'pkcs8' });
  const algorithm = signingAlgorithmOf(key);
  const generated = await x509.X509CertificateGenerator.create(
    {
      ...rest,
      serialNumber: randomSerial(),
      notBefore: validity.notBefore,
      notAfter: validity.notAfter,
      signingKey: key.toCryptoKey(algorithm, false, ['sign']),
      signingAlgorithm: algorithm,
    },
    webcrypto,
  );
  // Read back by this project's own parser: nothing is issued that the message page could not read.
  return parseCertificate(Buffer.from(generated.rawData));
}

function signingAlgorithmOf(key: KeyObject) {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const curve = key.asymmetricKeyType === 'ec' ? key.asymmetricKeyDetails?.namedCurve : undefined;
  if (curve === 'prime256v1') return { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  if (curve === 'secp384r1') return { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
  throw new PkiError('key-unusable', 'authorities sign with RSA, P-256 or P-384');
}

// The string types are named: left to itself the library takes a PrintableString where the characters allow one, and
// unescapes what looks like RFC 4514. Only the country must be a PrintableString (RFC 5280 appendix A.1).
function writeName({ name, organisation, country }: SubjectName): x509.Name {
  return new x509.Name([
    ...(country === undefined ? [] : [{ C: [{ printableString: country }] }]),
    ...(organisation === undefined ? [] : [{ O: [{ utf8String: organisation }] }]),
    { CN: [{ utf8String: name }] },
  ]);
}

const { keyCertSign, cRLSign, digitalSignature, nonRepudiation, keyEncipherment, keyAgreement } = x509.KeyUsageFlags;
const AUTHORITY_KEY_USAGE = keyCertSign | cRLSign;

function personalKeyUsage(publicKey: Buffer, usage: PersonalUsage): x509.KeyUsageFlags {
  const { family, label } = readPublicKeyInfo(readWhole(publicKey));
  if (family !== 'rsa' && family !== 'ec') throw new PkiError('key-unusable', `no profile for ${label}`);
  const encrypting = family === 'rsa' ? keyEncipherment : keyAgreement;
  if (usage === 'sign') return digitalSignature;
  return usage === 'encrypt' ? encrypting : digitalSignature | encrypting;
}

function permittedMailDomains(domains: readonly string[]): x509.Extension {
  const subtrees = domains.map((domain) => new GeneralSubtree({ base: new GeneralName({ rfc822Name: domain }) }));
  const constraints = new NameConstraints({ permittedSubtrees: new GeneralSubtrees(subtrees) });
  return new x509.Extension(EXTENSION.nameConstraints, true, AsnConvert.serialize(constraints));
}

// 126 random bits; the first octet keeps the number positive and of full length (RFC 5280 section 4.1.2.2).
function randomSerial(): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  return serial.toString('hex');
}
