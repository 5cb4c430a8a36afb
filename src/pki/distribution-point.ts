/** Where revocation is published and for what: of a certificate (RFC 5280 section 4.2.1.13) and of a list (section 5.2.5). */
import { bitsOf, booleanOf, children, type DerNode, Fields, readWhole } from './der.ts';
import { PkiError } from './errors.ts';
import { type DistinguishedName, type GeneralName, readGeneralName, readNameBelow } from './name.ts';

/** A set of reasons for revocation, as bits; bit 0 is not used. */
export type ReasonMask = number;

/** keyCompromise to aACompromise. */
export const ALL_REASONS: ReasonMask = 0b1_1111_1110;

export interface DistributionPoint {
  /** Null when the point has no name of its own. */
  readonly names: readonly GeneralName[] | null;
  readonly reasons: ReasonMask;
  /** Who publishes there; null when it is the certificate's issuer. */
  readonly crlIssuer: readonly GeneralName[] | null;
}

export interface IssuingDistributionPoint {
  readonly names: readonly GeneralName[] | null;
  readonly reasons: ReasonMask;
  readonly onlyUserCertificates: boolean;
  readonly onlyAuthorities: boolean;
  readonly onlyAttributeCertificates: boolean;
  readonly indirect: boolean;
}

/** Reads CRLDistributionPoints of a certificate issued by `issuer`. Throws PkiError `malformed`. */
export function readDistributionPoints(value: Buffer, issuer: DistinguishedName): DistributionPoint[] {
  return children(readWhole(value)).map((node) => {
    const fields = new Fields(node);
    const name = fields.optional(0xa0);
    const reasons = fields.optional(0x81);
    const crlIssuer = fields.optional(0xa2);
    const publishers = crlIssuer === null ? null : children(crlIssuer).map(readGeneralName);
    const publisher = publishers?.find((one) => one.kind === 'directoryName')?.name ?? issuer;
    return {
      names: name === null ? null : readPointName(name, publisher),
      reasons: reasons === null ? ALL_REASONS : readReasons(reasons),
      crlIssuer: publishers,
    };
  });
}

/** Reads IssuingDistributionPoint of a list published by `issuer`. Throws PkiError `malformed`. */
export function readIssuingDistributionPoint(value: Buffer, issuer: DistinguishedName): IssuingDistributionPoint {
  const fields = new Fields(readWhole(value));
  const name = fields.optional(0xa0);
  const flag = (tag: number) => readFlag(fields.optional(tag));
  const onlyUserCertificates = flag(0x81);
  const onlyAuthorities = flag(0x82);
  const reasons = fields.optional(0x83);
  const indirect = flag(0x84);
  const onlyAttributeCertificates = flag(0x85);
  if (fields.rest().length > 0) throw new PkiError('malformed', 'issuingDistributionPoint');
  return {
    names: name === null ? null : readPointName(name, issuer),
    reasons: reasons === null ? ALL_REASONS : readReasons(reasons),
    onlyUserCertificates,
    onlyAuthorities,
    onlyAttributeCertificates,
    indirect,
  };
}

function readPointName(node: DerNode, publisher: DistinguishedName): GeneralName[] {
  const choice = children(node)[0];
  if (choice?.tag === 0xa0) return children(choice).map(readGeneralName);
  if (choice?.tag === 0xa1) return [{ kind: 'directoryName', name: readNameBelow(publisher, choice) }];
  throw new PkiError('malformed', 'distribution point name');
}

/** ReasonFlags: the first bit of the string is bit 0. */
function readReasons(node: DerNode): ReasonMask {
  const { bits } = bitsOf({ ...node, tag: 0x03 });
  let mask = 0;
  for (let reason = 1; reason <= 8; reason += 1) {
    if (((bits[reason >> 3] ?? 0) >> (7 - (reason & 7))) & 1) mask |= 1 << reason;
  }
  return mask;
}

function readFlag(node: DerNode | null): boolean {
  return node !== null && booleanOf({ ...node, tag: 0x01 });
}

/** The URIs among the names of a certificate's points, where its revocation list may be fetched. */
export function pointUris(points: readonly DistributionPoint[]): string[] {
  return points.flatMap(({ names }) =>
    (names ?? []).flatMap((name) => (name.kind === 'uniformResourceIdentifier' ? [name.text] : [])),
  );
}
