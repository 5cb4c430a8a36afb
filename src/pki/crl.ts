/** Certificate revocation lists (RFC 5280 section 5) as data: read lazily, since real ones have a hundred thousand entries. */
import { createHash } from 'node:crypto';
import { type Certificate, readAlgorithm, type SignatureAlgorithm } from './certificate.ts';
import { pemBlocks } from './certificate-bundle.ts';
import { EXTENSION, type Extension, readAuthorityKeyIdentifier, readExtensions } from './certificate-extensions.ts';
import {
  asBuffer,
  bitsOf,
  children,
  contentOf,
  type DerNode,
  eachChild,
  Fields,
  integerBytesOf,
  rawOf,
  readWhole,
  smallIntegerOf,
  TAG,
} from './der.ts';
import { timeOf } from './der-text.ts';
import { type IssuingDistributionPoint, readIssuingDistributionPoint } from './distribution-point.ts';
import { PkiError } from './errors.ts';
import { type DistinguishedName, describeName, readGeneralName, readName, sameName } from './name.ts';

/** CRLReason (RFC 5280 section 5.3.1). */
export const CRL_REASON = { certificateHold: 6, removeFromCrl: 8 } as const;

export interface RevocationList {
  readonly der: Buffer;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly issuerName: DistinguishedName;
  /** For people. */
  readonly issuer: string;
  readonly thisUpdate: Date;
  /** Null in lists that break RFC 5280 section 5.1.2.5: such a one is never fresh. */
  readonly nextUpdate: Date | null;
  readonly authorityKeyIdentifier: Buffer | null;
  readonly number: bigint | null;
  /** Of a delta list: the number of the complete list that it builds on. */
  readonly deltaBase: bigint | null;
  readonly point: IssuingDistributionPoint | null;
  /** The DER of `point`. */
  readonly pointRaw: Buffer | null;
  readonly unknownCriticalExtension: boolean;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly tbs: Buffer;
  readonly signature: Buffer;
  /** The entries; null when there are none. */
  readonly revoked: DerNode | null;
}

export interface RevokedEntry {
  readonly revokedAt: Date;
  /** CRLReason; null when the entry gives none. */
  readonly reason: number | null;
  /** Since when the key may have been in other hands, where the entry says so (section 5.3.2). */
  readonly invalidSince: Date | null;
}

/** Largest list read. */
export const MAX_CRL_BYTES = 32 * 1024 * 1024;

const UNDERSTOOD: ReadonlySet<string> = new Set([
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.issuerAltName,
  EXTENSION.crlNumber,
  EXTENSION.deltaCrlIndicator,
  EXTENSION.issuingDistributionPoint,
]);
const UNDERSTOOD_IN_ENTRIES: ReadonlySet<string> = new Set([
  EXTENSION.reasonCode,
  EXTENSION.invalidityDate,
  EXTENSION.certificateIssuer,
]);

/**
 * Reads a list in DER. It points into the given bytes, which must not change. Throws PkiError `malformed` or `too-complex`; the entries
 * are read by `findEntry`.
 */
export function parseRevocationList(bytes: Uint8Array): RevocationList {
  if (bytes.length > MAX_CRL_BYTES) throw new PkiError('too-complex', 'revocation list too large');
  const der = asBuffer(bytes);
  const outer = new Fields(readWhole(der, { strict: true }));
  const tbsNode = outer.next(TAG.sequence);
  const algorithmNode = outer.next(TAG.sequence);
  const { bits: signature, unused } = bitsOf(outer.next(TAG.bitString));
  if (outer.rest().length > 0) throw new PkiError('malformed', 'revocation list');
  const fields = new Fields(tbsNode);
  const version = fields.optional(TAG.integer);
  if (version !== null && smallIntegerOf(version) !== 1) throw new PkiError('malformed', 'revocation list version');
  const innerAlgorithm = rawOf(fields.next(TAG.sequence));
  if (!innerAlgorithm.equals(rawOf(algorithmNode))) throw new PkiError('malformed', 'signature algorithms differ');
  const issuerName = readName(fields.next(TAG.sequence));
  const thisUpdate = timeOf(fields.next());
  // Before X.509 there was none, and no database keeps such a time.
  if (thisUpdate.getUTCFullYear() < 1988) throw new PkiError('malformed', 'time of a revocation list');
  const nextUpdate = fields.optional(TAG.utcTime) ?? fields.optional(TAG.generalizedTime);
  const revoked = fields.optional(TAG.sequence);
  const extensionsNode = fields.optional(0xa0);
  if (fields.rest().length > 0) throw new PkiError('malformed', 'revocation list: unknown field');
  return {
    der,
    sha256: createHash('sha256').update(der).digest('hex'),
    issuerName,
    issuer: describeName(issuerName),
    thisUpdate,
    nextUpdate: nextUpdate === null ? null : timeOf(nextUpdate),
    ...readListExtensions(extensionsNode, issuerName),
    signatureAlgorithm: readAlgorithm(algorithmNode),
    tbs: rawOf(tbsNode),
    // One that is no whole number of octets fits no key.
    signature: unused > 0 ? Buffer.alloc(0) : signature,
    revoked,
  };
}

/**
 * The lists of a `.crl` or `.pem` file: DER, or any number up to `most` in PEM. Throws PkiError when there is none, one cannot be read,
 * or there are too many.
 */
export function readRevocationLists(bytes: Uint8Array, most = Number.POSITIVE_INFINITY): RevocationList[] {
  const blocks = bytes[0] === TAG.sequence ? [] : pemBlocks(bytes, ['X509 CRL', 'CRL']);
  if (blocks.length > most) throw new PkiError('too-complex', 'too many revocation lists');
  return (blocks.length > 0 ? blocks : [bytes]).map(parseRevocationList);
}

function readListExtensions(node: DerNode | null, issuer: DistinguishedName) {
  const extensions = node === null ? new Map<string, Extension>() : readExtensions(readWhole(contentOf(node)));
  const read = <T>(type: string, reader: (value: Buffer) => T): T | null => {
    const extension = extensions.get(type);
    return extension === undefined ? null : reader(extension.value);
  };
  return {
    authorityKeyIdentifier: read(EXTENSION.authorityKeyIdentifier, readAuthorityKeyIdentifier),
    number: read(EXTENSION.crlNumber, readNumber),
    deltaBase: read(EXTENSION.deltaCrlIndicator, readNumber),
    point: read(EXTENSION.issuingDistributionPoint, (value) => readIssuingDistributionPoint(value, issuer)),
    pointRaw: extensions.get(EXTENSION.issuingDistributionPoint)?.value ?? null,
    unknownCriticalExtension: hasUnknownCritical(extensions, UNDERSTOOD),
  };
}

function hasUnknownCritical(extensions: ReadonlyMap<string, Extension>, understood: ReadonlySet<string>): boolean {
  return [...extensions].some(([type, { critical }]) => critical && !understood.has(type));
}

/** Numbers of lists have up to 20 octets (section 5.2.3). */
function readNumber(value: Buffer): bigint {
  const octets = integerBytesOf(readWhole(value));
  if ((octets[0] as number) & 0x80 || octets.length > 21) throw new PkiError('malformed', 'number of a list');
  return BigInt(`0x${octets.toString('hex')}`);
}

export interface FoundEntry {
  readonly entry: RevokedEntry | null;
  /** Some entry has a critical extension that is not understood: then the list proves nobody good (section 5.3). */
  readonly unreadable: boolean;
}

/**
 * Looks for a certificate in a list. In an indirect list the entries name the issuer they are about, each for those that
 * follow (section 5.3.3). Throws PkiError `malformed`.
 */
export function findEntry(
  list: RevocationList,
  certificate: Pick<Certificate, 'serialRaw' | 'issuerName'>,
): FoundEntry {
  let entry: RevokedEntry | null = null;
  let unreadable = false;
  let aboutIssuer = sameName(list.issuerName, certificate.issuerName);
  if (list.revoked === null) return { entry, unreadable };
  for (const node of eachChild(list.revoked)) {
    const [serial, at, extensionsNode] = children(node);
    if (serial === undefined || at === undefined) throw new PkiError('malformed', 'entry of a revocation list');
    const extensions = extensionsNode === undefined ? NO_EXTENSIONS : readExtensions(extensionsNode);
    const names = extensions.get(EXTENSION.certificateIssuer);
    if (names !== undefined) aboutIssuer = namesIssuer(names.value, certificate.issuerName);
    if (hasUnknownCritical(extensions, UNDERSTOOD_IN_ENTRIES)) unreadable = true;
    if (aboutIssuer && rawOf(serial).equals(certificate.serialRaw)) entry = readEntry(at, extensions);
  }
  return { entry, unreadable };
}

const NO_EXTENSIONS: ReadonlyMap<string, Extension> = new Map();

function namesIssuer(value: Buffer, issuer: DistinguishedName): boolean {
  return children(readWhole(value))
    .map(readGeneralName)
    .some((name) => name.kind === 'directoryName' && sameName(name.name, issuer));
}

function readEntry(at: DerNode, extensions: ReadonlyMap<string, Extension>): RevokedEntry {
  const reason = extensions.get(EXTENSION.reasonCode);
  const invalidSince = extensions.get(EXTENSION.invalidityDate);
  return {
    revokedAt: timeOf(at),
    reason: reason === undefined ? null : smallIntegerOf(readWhole(reason.value)),
    invalidSince: invalidSince === undefined ? null : timeOf(readWhole(invalidSince.value)),
  };
}
