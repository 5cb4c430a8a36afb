/** Writing certificate revocation lists (RFC 5280 section 5): version 2, complete; direct, or indirect for another authority. */
import type { Certificate } from './certificate.ts';
import { EXTENSION } from './certificate-extensions.ts';
import { parseRevocationList, type RevocationList } from './crl.ts';
import {
  bitString,
  boolean,
  context,
  contextPrimitive,
  element,
  generalizedTime,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  time,
} from './der-writer.ts';
import { issuerKeyIdentifier } from './issue.ts';
import { signBytes, signingScheme } from './sign.ts';

/** CRLReason by name (RFC 5280 section 5.3.1). `unspecified` is left out of entries, as it should be. */
export const REVOCATION_REASON = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
} as const;
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
export type RevocationReasonName = keyof typeof REVOCATION_REASON;

export interface WrittenEntry {
  /** In hexadecimal, as `Certificate.serialNumber`. */
  readonly serialNumber: string;
  readonly revokedAt: Date;
  readonly reason: RevocationReasonName;
  /** Since when the key may have been in other hands, where that is before `revokedAt` (section 5.3.2). */
  readonly invalidSince?: Date | null;
}

export interface RevocationListContent {
  /** Who signs. */
  readonly signer: Certificate;
  /** PKCS#8 in DER. */
  readonly privateKey: Uint8Array;
  readonly number: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: readonly WrittenEntry[];
  /**
   * When it is signed by another than the issuer of what it is about: where it is published, that issuer, and where the signer's own
   * certificate is.
   */
  readonly indirect?: { readonly url: string; readonly issuer: Certificate; readonly signerUrl: string };
}

/** A signed list, read back by this project's own parser. Throws PkiError `key-unusable`. */
export function writeRevocationList(content: RevocationListContent): RevocationList {
  const scheme = signingScheme(content.privateKey);
  const { signer, entries, indirect } = content;
  const extensions = [
    extension(EXTENSION.authorityKeyIdentifier, sequence(contextPrimitive(0, issuerKeyIdentifier(signer)))),
    extension(EXTENSION.crlNumber, integer(octetsOfNumber(content.number))),
    ...(indirect === undefined ? [] : [indirectPoint(indirect.url), signerLocation(indirect.signerUrl)]),
  ];
  const revoked = entries.map((entry, index) => writeEntry(entry, index === 0 ? (indirect?.issuer ?? null) : null));
  const tbs = sequence(
    integer(1),
    scheme.algorithm,
    signer.subjectRaw,
    time(content.thisUpdate),
    time(content.nextUpdate),
    ...(revoked.length === 0 ? [] : [sequence(...revoked)]),
    context(0, sequence(...extensions)),
  );
  return parseRevocationList(sequence(tbs, scheme.algorithm, bitString(signBytes(scheme, tbs))));
}

/** The first entry of an indirect list names the issuer that it and those after it are about (section 5.3.3). */
function writeEntry(entry: WrittenEntry, about: Certificate | null): Buffer {
  const { serialNumber, revokedAt, reason, invalidSince } = entry;
  const extensions = [
    ...(reason === 'unspecified'
      ? []
      : [extension(EXTENSION.reasonCode, element(0x0a, Buffer.from([REVOCATION_REASON[reason]])))]),
    ...(invalidSince ? [extension(EXTENSION.invalidityDate, generalizedTime(invalidSince))] : []),
    ...(about === null
      ? []
      : [extension(EXTENSION.certificateIssuer, sequence(context(4, about.subjectRaw)), { critical: true })]),
  ];
  return sequence(
    integer(serialOctets(serialNumber)),
    time(revokedAt),
    ...(extensions.length === 0 ? [] : [sequence(...extensions)]),
  );
}

/** Section 5.2.5: always critical. */
function indirectPoint(url: string): Buffer {
  const point = context(0, context(0, contextPrimitive(6, Buffer.from(url, 'latin1'))));
  const indirect = contextPrimitive(4, Buffer.from([0xff]));
  return extension(EXTENSION.issuingDistributionPoint, sequence(point, indirect), { critical: true });
}

/** Section 5.2.7: nobody has the signer's certificate already. */
function signerLocation(url: string): Buffer {
  const access = sequence(objectIdentifier(CA_ISSUERS), contextPrimitive(6, Buffer.from(url, 'latin1')));
  return extension(EXTENSION.authorityInfoAccess, sequence(access));
}

/** Extension (section 4.1) around its value in DER. */
export function extension(oid: string, value: Uint8Array, { critical = false } = {}): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));
}

export function serialOctets(serialNumber: string): Buffer {
  return Buffer.from(serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`, 'hex');
}

function octetsOfNumber(value: bigint): Buffer {
  return serialOctets(value.toString(16));
}
