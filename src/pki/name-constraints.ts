/**
 * Name constraints (RFC 5280 section 4.2.1.10) for mail addresses, DNS names, URIs, IP addresses and directory names. A
 * constraint on another kind of name is not guessed at: a certificate that has such a name then fails.
 */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import type { Certificate } from './certificate.ts';
import { mailAddressesOf } from './certificate-extensions.ts';
import { children, type DerNode, Fields, readWhole, TAG } from './der.ts';
import {
  attributeTexts,
  type DistinguishedName,
  EMAIL_ADDRESS,
  type GeneralName,
  isWithinName,
  readGeneralName,
} from './name.ts';

export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
  /** A subtree with minimum or maximum, which RFC 5280 forbids. */
  readonly unusable: boolean;
}

/** Reads the extension's value. Throws PkiError `malformed`. */
export function readNameConstraints(value: Buffer): NameConstraints {
  const fields = new Fields(readWhole(value));
  const permitted = readSubtrees(fields.optional(0xa0));
  const excluded = readSubtrees(fields.optional(0xa1));
  return {
    permitted: permitted.bases,
    excluded: excluded.bases,
    unusable: permitted.unusable || excluded.unusable,
  };
}

/** Whether every name of the certificate is allowed by these constraints. */
export function satisfiesNameConstraints(certificate: Certificate, constraints: NameConstraints): boolean {
  if (constraints.unusable) return false;
  return namesOf(certificate).every((name) => allows(constraints, name));
}

/** How many comparisons judging these two would take: names times subtrees. */
export function constraintComparisons(certificate: Certificate, constraints: NameConstraints): number {
  const names = certificate.subjectAltNames.length + certificate.subjectName.attributes.length + 1;
  return names * (constraints.permitted.length + constraints.excluded.length);
}

type ConstrainedName =
  | { kind: 'rfc822Name' | 'dNSName' | 'uniformResourceIdentifier'; text: string }
  | { kind: 'directoryName'; name: DistinguishedName }
  | { kind: 'iPAddress'; bytes: Buffer }
  | { kind: 'other'; of: GeneralName['kind'] };

function namesOf(certificate: Certificate): ConstrainedName[] {
  const names: ConstrainedName[] = [];
  if (certificate.subjectName.keys.length > 0) names.push({ kind: 'directoryName', name: certificate.subjectName });
  // RFC 5280 wants emailAddress of the subject checked when there is no alternative name; this product takes the address
  // from it in any case, so it is checked in any case.
  for (const text of attributeTexts(certificate.subjectName, EMAIL_ADDRESS)) names.push({ kind: 'rfc822Name', text });
  for (const name of certificate.subjectAltNames) {
    const addresses = mailAddressesOf([name]);
    if (addresses.length > 0) names.push({ kind: 'rfc822Name', text: addresses[0] as string });
    else if (name.kind === 'otherName' || name.kind === 'unknown') names.push({ kind: 'other', of: name.kind });
    else names.push(name);
  }
  return names;
}

function allows(constraints: NameConstraints, name: ConstrainedName): boolean {
  if (name.kind === 'other') {
    const concerns = (base: GeneralName) => base.kind === name.of || base.kind === 'unknown';
    return !constraints.permitted.some(concerns) && !constraints.excluded.some(concerns);
  }
  const permitted = constraints.permitted.filter((base) => base.kind === name.kind);
  const excluded = constraints.excluded.filter((base) => base.kind === name.kind);
  if (permitted.length === 0 && excluded.length === 0) return true;
  const matches = (base: GeneralName, whenUnclear: boolean) => isWithin(name, base) ?? whenUnclear;
  if (excluded.some((base) => matches(base, true))) return false;
  return permitted.length === 0 || permitted.some((base) => matches(base, false));
}

/** Null when the name or the base makes no sense, so that neither list may be judged by it. */
function isWithin(name: ConstrainedName, base: GeneralName): boolean | null {
  if (name.kind === 'directoryName' && base.kind === 'directoryName') return isWithinName(name.name, base.name);
  if (name.kind === 'rfc822Name' && base.kind === 'rfc822Name') return isMailWithin(name.text, base.text);
  if (name.kind === 'dNSName' && base.kind === 'dNSName') return isHostWithin(name.text, base.text);
  if (name.kind === 'uniformResourceIdentifier' && base.kind === 'uniformResourceIdentifier')
    return isUriWithin(name.text, base.text);
  if (name.kind === 'iPAddress' && base.kind === 'iPAddress') return isAddressWithin(name.bytes, base.bytes);
  return null;
}

/** The base is an address followed by a mask of the same length, whose ones come first; IPv4 and IPv6 never meet. */
function isAddressWithin(address: Buffer, base: Buffer): boolean | null {
  const size = base.length / 2;
  const known = (length: number) => length === 4 || length === 16;
  if (!known(address.length) || !known(size)) return null;
  const mask = base.subarray(size);
  const bits = [...mask].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  if (!/^1*0*$/.test(bits)) return null;
  if (address.length !== size) return false;
  return address.every((octet, index) => {
    const ones = mask[index] as number;
    return (octet & ones) === ((base[index] as number) & ones);
  });
}

/** `host`: exactly that host; `.domain`: the hosts below it. A URI without a host name can be told to be neither. */
function isUriWithin(uri: string, base: string): boolean | null {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(uri)?.[1];
  const host = authority === undefined ? null : asciiHost(authority.replace(/^.*@/, '').replace(/:\d*$/, ''));
  if (host === null || isIP(host) !== 0) return null;
  const baseHost = asciiHost(base.replace(/^\./, ''));
  if (baseHost === null) return null;
  return base.startsWith('.') ? host.endsWith(`.${baseHost}`) : host === baseHost;
}

/**
 * `user@host`: that mailbox; `host`: all mailboxes of exactly that host; `.domain`: those of hosts below it. RFC 9598
 * section 6 applies the same to SmtpUTF8Mailbox.
 */
function isMailWithin(address: string, base: string): boolean | null {
  const at = address.lastIndexOf('@');
  const host = at < 1 ? null : asciiHost(address.slice(at + 1));
  if (host === null || base === '') return null;
  const baseAt = base.lastIndexOf('@');
  if (baseAt >= 0) {
    const baseHost = asciiHost(base.slice(baseAt + 1));
    if (baseHost === null) return null;
    const [wanted, has] = [base.slice(0, baseAt), address.slice(0, at)];
    if (baseHost !== host) return false;
    // RFC 5280 tells `Ann` from `ann`, mail programs do not (T02): what only case sets apart is neither permitted nor safe.
    return wanted === has || (wanted.toLowerCase() === has.toLowerCase() ? null : false);
  }
  const baseHost = asciiHost(base.replace(/^\./, ''));
  if (baseHost === null) return null;
  return base.startsWith('.') ? host.endsWith(`.${baseHost}`) : host === baseHost;
}

/** A DNS constraint means the name itself and everything below it; the empty one means every name. */
function isHostWithin(written: string, base: string): boolean | null {
  const host = asciiHost(written.replace(/^\*\./, ''));
  if (host === null) return null;
  if (base === '') return true;
  const baseHost = asciiHost(base.replace(/^\./, ''));
  if (baseHost === null) return null;
  return host.endsWith(`.${baseHost}`) || (host === baseHost && !base.startsWith('.'));
}

function asciiHost(written: string): string | null {
  // domainToASCII follows the URL standard and would turn `1` into `0.0.0.1`, so plain ASCII does not pass through it.
  const host = /^[\x21-\x7e]+$/.test(written) ? written.toLowerCase() : domainToASCII(written);
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host) ? host : null;
}

function readSubtrees(node: DerNode | null): { bases: GeneralName[]; unusable: boolean } {
  if (node === null) return { bases: [], unusable: false };
  let unusable = false;
  const bases = children(node).map((subtree) => {
    const fields = new Fields(subtree, TAG.sequence);
    const base = readGeneralName(fields.next());
    if (fields.rest().length > 0) unusable = true;
    return base;
  });
  return { bases, unusable };
}
