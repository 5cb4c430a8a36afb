/** Groups of header-like fields inside the machine-readable parts of reports (RFC 3464 section 2.1, RFC 8098 section 3.1). */

/** Names in lower case; of a field given twice the first counts. */
export type ReportFields = ReadonlyMap<string, string>;

const MAX_GROUPS = 1_001;
const MAX_FIELDS = 100;
const MAX_VALUE = 2_000;

/**
 * The groups of fields that blank lines part, unfolded; groups without any field are left out.
 * @param text the decoded part; what is more than a thousand groups or a hundred fields in one is not read
 */
export function readReportFields(text: string): ReportFields[] {
  const groups: ReportFields[] = [];
  let group = new Map<string, string>();
  let last: string | null = null;
  const close = () => {
    if (group.size > 0) groups.push(group);
    group = new Map();
    last = null;
  };
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (groups.length >= MAX_GROUPS) return groups;
    if (line.trim() === '') {
      close();
      continue;
    }
    if (/^[ \t]/.test(line)) {
      const begun = last === null ? undefined : group.get(last);
      if (last !== null && begun !== undefined) group.set(last, `${begun} ${line.trim()}`.slice(0, MAX_VALUE));
      continue;
    }
    const [, name, value = ''] = /^([!-9;-~]{1,100})[ \t]*:[ \t]*(.*)$/.exec(line) ?? [];
    last = null;
    if (name === undefined || group.size >= MAX_FIELDS || group.has(name.toLowerCase())) continue;
    last = name.toLowerCase();
    group.set(last, value.trim().slice(0, MAX_VALUE));
  }
  close();
  return groups;
}

/** `rfc822; a@b` as type and value; the type is lower case, empty where none is written. */
export function typedValue(value: string | undefined): { type: string; value: string } | null {
  if (value === undefined) return null;
  const semicolon = value.indexOf(';');
  const type = semicolon < 0 ? '' : value.slice(0, semicolon).trim().toLowerCase();
  const rest = semicolon < 0 ? value : value.slice(semicolon + 1);
  return { type: /^[a-z0-9-]*$/.test(type) ? type : '', value: rest.trim() };
}

/**
 * The address of a recipient field, without angle brackets; `utf-8` addresses with their `\x{…}` resolved (RFC 6533
 * section 3). Null for what is no mail address.
 */
export function recipientAddress(value: string | undefined): string | null {
  const typed = typedValue(value);
  if (typed === null) return null;
  const bare = typed.value.replace(/^<(.*)>$/, '$1').trim();
  const address = typed.type === 'utf-8' ? bare.replace(/\\x\{([0-9A-Fa-f]{2,6})\}/g, unicodeOf) : bare;
  if (typed.type !== '' && typed.type !== 'rfc822' && typed.type !== 'utf-8') return null;
  return /^[^\s@<>]{1,256}@[^\s@<>]{1,255}$/u.test(address) ? address : null;
}

function unicodeOf(written: string, hex: string): string {
  const point = Number.parseInt(hex, 16);
  // Surrogates are no characters, and a control character could hide what follows.
  const fits = point > 0x20 && point !== 0x7f && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
  return fits ? String.fromCodePoint(point) : written;
}

/** `xtext` of RFC 3461 section 4: `+2B` for `+`. Some servers pass on what they should have decoded. */
export function decodeXtext(value: string): string {
  return value.replace(/\+([0-9A-F]{2})/g, (written, hex: string) => {
    const code = Number.parseInt(hex, 16);
    return code > 0x20 && code < 0x7f ? String.fromCharCode(code) : written;
  });
}
