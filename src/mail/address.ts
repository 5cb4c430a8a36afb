import { domainToASCII } from 'node:url';

export interface Address {
  /** Empty where none was given */
  name: string;
  address: string;
}

export type AddressProblem = 'no-address' | 'not-an-address' | 'too-long' | 'bad-domain';

export interface TypedRecipients {
  recipients: Address[];
  /** What could not be read, as it was typed */
  problems: { typed: string; problem: AddressProblem }[];
}

/** RFC 5321 section 4.5.3.1, in octets. */
const MAX_LOCAL_PART = 64;
const MAX_ADDRESS = 254;
const MAX_DOMAIN = 253;

/** atext of RFC 5322 section 3.2.3 with the letters of RFC 6532, in parts joined by dots. */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN_LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** Reads a field of recipients as people type them: `Name <a@b>, "Last, First" <c@d>; e@f`, also with line breaks. */
export function parseRecipients(typed: string): TypedRecipients {
  const result: TypedRecipients = { recipients: [], problems: [] };
  const seen = new Set<string>();
  for (const entry of splitEntries(typed)) {
    const { name, address } = splitName(entry);
    const problem = addressProblem(address);
    if (problem !== null) {
      result.problems.push({ typed: entry, problem });
    } else if (!seen.has(addressKey(address))) {
      seen.add(addressKey(address));
      result.recipients.push({ name, address });
    }
  }
  return result;
}

/** Null for an address that can be written in an SMTP command and a header without quoting. */
export function addressProblem(address: string): AddressProblem | null {
  if (address === '') return 'no-address';
  const parts = address.split('@');
  const [localPart = '', domain = ''] = parts;
  if (parts.length !== 2 || !LOCAL_PART.test(localPart)) return 'not-an-address';
  if (Buffer.byteLength(localPart) > MAX_LOCAL_PART || Buffer.byteLength(address) > MAX_ADDRESS) return 'too-long';
  // domainToASCII drops line breaks and decodes percent signs: what is not of a domain never gets that far
  if (/[^\p{L}\p{M}\p{N}.-]/u.test(domain)) return 'bad-domain';
  const ascii = domainToASCII(domain);
  if (ascii === '' || ascii.length > MAX_DOMAIN || /^[0-9.]+$/.test(ascii)) return 'bad-domain';
  const labels = ascii.split('.');
  return labels.length >= 2 && labels.every((label) => DOMAIN_LABEL.test(label)) ? null : 'bad-domain';
}

/** Domain in lower-case ASCII; empty for what is no address. */
export function addressDomain(address: string): string {
  const at = address.lastIndexOf('@');
  if (at === -1) return '';
  const domain = address.slice(at + 1);
  return domainToASCII(domain) || domain.toLowerCase();
}

/**
 * What two addresses are compared by (row T02: case is ignored). Also the local part: RFC 5321 section 2.4 would let a
 * server tell `Anna` from `anna`, no server here does, and a look-alike must not be another person.
 */
export function addressKey(address: string): string {
  const at = address.lastIndexOf('@');
  if (at === -1) return address.normalize('NFC').toLowerCase();
  return `${address.slice(0, at).normalize('NFC').toLowerCase()}@${addressDomain(address)}`;
}

/** Whether two addresses name the same mailbox. */
export function sameAddress(a: string, b: string): boolean {
  return addressKey(a) === addressKey(b);
}

/** Separators are commas, semicolons and line breaks outside of quotes and angle brackets. */
function splitEntries(typed: string): string[] {
  const entries: string[] = [];
  let entry = '';
  let quoted = false;
  let angled = false;
  for (let at = 0; at < typed.length; at += 1) {
    const character = typed.charAt(at);
    if (quoted && character === '\\' && at + 1 < typed.length) {
      at += 1;
      entry += character + typed.charAt(at);
      continue;
    }
    if (character === '"' && !angled) quoted = !quoted;
    if (!quoted && character === '<') angled = true;
    if (character === '>') angled = false;
    if (/[\r\n]/.test(character) || (!quoted && !angled && /[,;]/.test(character))) {
      entries.push(entry);
      entry = '';
      quoted = false;
      angled = false;
    } else {
      entry += character;
    }
  }
  entries.push(entry);
  return entries.map((each) => each.trim()).filter((each) => each !== '');
}

function splitName(entry: string): Address {
  const match = /^(.*?)<([^<>]*)>$/s.exec(entry);
  if (match === null) return { name: '', address: entry.replace(/^mailto:/i, '') };
  const [, name = '', address = ''] = match;
  return { name: cleanName(name), address: address.trim() };
}

/** A display name without quotes and control characters: it ends up in a header. */
function cleanName(name: string): string {
  const trimmed = name.trim();
  const unquoted = /^".*"$/s.test(trimmed) ? trimmed.slice(1, -1).replace(/\\(.)/gs, '$1') : trimmed;
  return unquoted.replace(/[\x00-\x1f\x7f]+/g, ' ').trim();
}
