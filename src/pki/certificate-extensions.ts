/** The extensions of a certificate (RFC 5280 section 4.2) that say what it is and what its key is for. */
import {
  bitsOf,
  booleanOf,
  children,
  contentOf,
  type DerNode,
  Fields,
  octetsOf,
  oidOf,
  readWhole,
  smallIntegerOf,
  TAG,
} from './der.ts';
import { textOf } from './der-text.ts';
import { PkiError } from './errors.ts';
import { type GeneralName, readGeneralName } from './name.ts';

export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  freshestCrl: '2.5.29.46',
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
} as const;

export const EXTENDED_KEY_USAGE = {
  any: '2.5.29.37.0',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  /** RFC 9336 */
  documentSigning: '1.3.6.1.5.5.7.3.36',
} as const;

export type KeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'
  | 'encipherOnly'
  | 'decipherOnly';

/** In the order of their bits (RFC 5280 section 4.2.1.3). */
export const KEY_USAGES: readonly KeyUsage[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];

const SMTP_UTF8_MAILBOX = '1.3.6.1.5.5.7.8.9';

export interface Extension {
  readonly critical: boolean;
  /** The DER inside the octet string. */
  readonly value: Buffer;
}

/** Reads `Extensions`. A type that occurs twice is refused (RFC 5280 section 4.2). */
export function readExtensions(node: DerNode): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  for (const item of children(node)) {
    const fields = new Fields(item);
    const type = oidOf(fields.next(TAG.oid));
    const critical = fields.optional(TAG.boolean);
    const value = octetsOf(fields.next(TAG.octetString));
    if (extensions.has(type)) throw new PkiError('malformed', `extension ${type} occurs twice`);
    extensions.set(type, { critical: critical !== null && booleanOf(critical), value });
  }
  return extensions;
}

export function readKeyUsage(value: Buffer): Set<KeyUsage> {
  const { bits } = bitsOf(readWhole(value));
  return new Set(KEY_USAGES.filter((_, index) => ((bits[index >> 3] ?? 0) >> (7 - (index & 7))) & 1));
}

/** Object identifiers of the purposes. */
export function readExtendedKeyUsage(value: Buffer): string[] {
  return children(readWhole(value)).map(oidOf);
}

export interface BasicConstraints {
  readonly ca: boolean;
  /** How many intermediate authorities may follow; null for no limit. */
  readonly pathLength: number | null;
}

export function readBasicConstraints(value: Buffer): BasicConstraints {
  const fields = new Fields(readWhole(value));
  const ca = fields.optional(TAG.boolean);
  const pathLength = fields.optional(TAG.integer);
  return { ca: ca !== null && booleanOf(ca), pathLength: pathLength === null ? null : smallIntegerOf(pathLength) };
}

export function readSubjectKeyIdentifier(value: Buffer): Buffer {
  const node = readWhole(value);
  if (node.tag !== TAG.octetString) throw new PkiError('malformed', 'subjectKeyIdentifier');
  return contentOf(node);
}

/** The keyIdentifier alone: issuer and serial of the authority's own certificate do not help to find it. */
export function readAuthorityKeyIdentifier(value: Buffer): Buffer | null {
  const identifier = new Fields(readWhole(value)).optional(0x80);
  return identifier === null ? null : contentOf(identifier);
}

export function readGeneralNames(value: Buffer): GeneralName[] {
  return children(readWhole(value)).map(readGeneralName);
}

/** Mail addresses among general names: rfc822Name, and SmtpUTF8Mailbox (RFC 9598). */
export function mailAddressesOf(names: readonly GeneralName[]): string[] {
  return names.flatMap((name) => {
    if (name.kind === 'rfc822Name') return [name.text];
    if (name.kind !== 'otherName' || name.type !== SMTP_UTF8_MAILBOX) return [];
    const text = textOf(name.value);
    return text === null ? [] : [text];
  });
}
