/** Distinguished names (RFC 5280 sections 4.1.2.4 and 7.1): reading, showing and comparing them. */
import { children, contentOf, type DerNode, Fields, oidOf, rawOf, TAG } from './der.ts';
import { printable, textOf } from './der-text.ts';
import { PkiError } from './errors.ts';

export interface NameAttribute {
  readonly type: string;
  /** Null when it is not a character string. */
  readonly text: string | null;
}

/** A name as a list of relative names, each with a key that is equal exactly when RFC 5280 calls them equal. */
export interface DistinguishedName {
  readonly attributes: NameAttribute[];
  readonly keys: string[];
}

export const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';
export const COMMON_NAME = '2.5.4.3';

const LABELS: Record<string, string> = {
  [COMMON_NAME]: 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.25': 'DC',
  '0.9.2342.19200300.100.1.1': 'UID',
  [EMAIL_ADDRESS]: 'E',
};

/** Reads a Name (a SEQUENCE of SET of attributes). */
export function readName(node: DerNode): DistinguishedName {
  if (node.tag !== TAG.sequence) throw new PkiError('malformed', 'a name was expected');
  const attributes: NameAttribute[] = [];
  const keys = children(node).map((relative) => {
    if (relative.tag !== TAG.set) throw new PkiError('malformed', 'a relative name was expected');
    return readRelativeName(relative, attributes);
  });
  return { attributes, keys };
}

/** The name that a relative name means below `base` (RFC 5280 section 4.2.1.13, nameRelativeToCRLIssuer). */
export function readNameBelow(base: DistinguishedName, relative: DerNode): DistinguishedName {
  const attributes = [...base.attributes];
  const key = readRelativeName(relative, attributes);
  return { attributes, keys: [...base.keys, key] };
}

function readRelativeName(node: DerNode, attributes: NameAttribute[]): string {
  const parts = children(node).map((pair) => {
    const fields = new Fields(pair);
    const type = oidOf(fields.next(TAG.oid));
    const value = fields.next();
    const text = textOf(value);
    attributes.push({ type, text });
    return `${type}=${text === null ? `#${rawOf(value).toString('hex')}` : `"${comparable(text)}`}`;
  });
  return JSON.stringify(parts.sort());
}

/** Names are equal when all their relative names are, in order. */
export function sameName(a: DistinguishedName, b: DistinguishedName): boolean {
  return a.keys.length === b.keys.length && a.keys.every((key, index) => key === b.keys[index]);
}

/** Whether `name` lies in the subtree below `base` (RFC 5280 section 4.2.1.10, directoryName). */
export function isWithinName(name: DistinguishedName, base: DistinguishedName): boolean {
  return base.keys.length <= name.keys.length && base.keys.every((key, index) => key === name.keys[index]);
}

/** A line for people, the order as in the certificate. */
export function describeName(name: DistinguishedName): string {
  return name.attributes
    .map(({ type, text }) => `${LABELS[type] ?? type}=${text === null ? '?' : printable(text)}`)
    .join(', ');
}

/** All values of one attribute, as written. */
export function attributeTexts(name: DistinguishedName, type: string): string[] {
  return name.attributes.flatMap((attribute) =>
    attribute.type === type && attribute.text !== null ? [attribute.text] : [],
  );
}

/** The value of a single-valued attribute as people should see it: the last, most specific one; null when absent. */
export function shownAttribute(name: DistinguishedName, type: string): string | null {
  const text = attributeTexts(name, type).at(-1);
  return text === undefined ? null : printable(text);
}

// RFC 5280 section 7.1: case and runs of space do not matter (caseIgnoreMatch, after RFC 4518 preparation).
function comparable(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
}

/** The kinds of GeneralName (RFC 5280 section 4.2.1.6) by their context tag number. */
export type GeneralName =
  | { kind: 'rfc822Name' | 'dNSName' | 'uniformResourceIdentifier'; text: string }
  | { kind: 'directoryName'; name: DistinguishedName }
  | { kind: 'iPAddress'; bytes: Buffer }
  | { kind: 'otherName'; type: string; value: DerNode }
  | { kind: 'unknown'; tag: number };

/** Whether two general names are the same one; kinds that are not compared are never the same. */
export function sameGeneralName(a: GeneralName, b: GeneralName): boolean {
  if (a.kind === 'directoryName' && b.kind === 'directoryName') return sameName(a.name, b.name);
  if ('text' in a && 'text' in b) return a.kind === b.kind && a.text === b.text;
  return false;
}

/** Reads one GeneralName. */
export function readGeneralName(node: DerNode): GeneralName {
  switch (node.tag) {
    case 0xa0: {
      const fields = new Fields(node, 0xa0);
      const type = oidOf(fields.next(TAG.oid));
      const value = children(fields.next(0xa0))[0];
      if (!value) throw new PkiError('malformed', 'otherName');
      return { kind: 'otherName', type, value };
    }
    case 0x81:
      return { kind: 'rfc822Name', text: contentOf(node).toString('latin1') };
    case 0x82:
      return { kind: 'dNSName', text: contentOf(node).toString('latin1') };
    case 0xa4: {
      const inner = children(node)[0];
      if (!inner) throw new PkiError('malformed', 'directoryName');
      return { kind: 'directoryName', name: readName(inner) };
    }
    case 0x86:
      return { kind: 'uniformResourceIdentifier', text: contentOf(node).toString('latin1') };
    case 0x87:
      return { kind: 'iPAddress', bytes: contentOf(node) };
    default:
      return { kind: 'unknown', tag: node.tag };
  }
}
