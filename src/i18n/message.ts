/** A text of the catalogue, taken apart once at start: plain text, parameters, and plural forms. */
export type MessagePart =
  | { kind: 'text'; text: string }
  | { kind: 'parameter'; name: string }
  | { kind: 'count' }
  | { kind: 'plural'; name: string; forms: ReadonlyMap<string, readonly MessagePart[]> };

export type TextParameters = Readonly<Record<string, string | number>>;

interface Cursor {
  text: string;
  at: number;
}

/**
 * Reads `Hello {name}` and `{count, plural, =0 {none} one {# message} other {# messages}}`; `#` is the number.
 * Braces cannot be escaped: no text of the product needs one. Throws SyntaxError when they do not balance.
 */
export function parseMessage(text: string): readonly MessagePart[] {
  const cursor = { text, at: 0 };
  const parts = parseParts(cursor, false);
  if (cursor.at < text.length) throw new SyntaxError(`A brace is closed that was not opened: ${text}`);
  return parts;
}

function parseParts(cursor: Cursor, inPlural: boolean): MessagePart[] {
  const parts: MessagePart[] = [];
  let plain = '';
  const flush = () => {
    if (plain !== '') parts.push({ kind: 'text', text: plain });
    plain = '';
  };
  while (cursor.at < cursor.text.length) {
    const character = cursor.text.charAt(cursor.at);
    if (character === '}') break;
    if (character === '{') {
      flush();
      parts.push(parseBrace(cursor));
    } else {
      if (character === '#' && inPlural) {
        flush();
        parts.push({ kind: 'count' });
      } else plain += character;
      cursor.at += 1;
    }
  }
  flush();
  return parts;
}

function parseBrace(cursor: Cursor): MessagePart {
  const head = /\{\s*(\w+)\s*(\}|,\s*plural\s*,)/y;
  head.lastIndex = cursor.at;
  const match = head.exec(cursor.text);
  if (match === null) throw new SyntaxError(`A brace that is neither a parameter nor a plural: ${cursor.text}`);
  cursor.at = head.lastIndex;
  const name = match[1] ?? '';
  return match[2] === '}' ? { kind: 'parameter', name } : { kind: 'plural', name, forms: parseForms(cursor) };
}

function parseForms(cursor: Cursor): ReadonlyMap<string, readonly MessagePart[]> {
  const forms = new Map<string, readonly MessagePart[]>();
  const formHead = /\s*(=\d+|\w+)\s*\{/y;
  for (;;) {
    formHead.lastIndex = cursor.at;
    const match = formHead.exec(cursor.text);
    if (match === null) break;
    cursor.at = formHead.lastIndex;
    forms.set(match[1] ?? '', parseParts(cursor, true));
    if (cursor.text.charAt(cursor.at) !== '}') throw new SyntaxError(`A plural form is not closed: ${cursor.text}`);
    cursor.at += 1;
  }
  const end = /\s*\}/y;
  end.lastIndex = cursor.at;
  if (!end.test(cursor.text)) throw new SyntaxError(`A plural is not closed: ${cursor.text}`);
  if (!forms.has('other')) throw new SyntaxError(`A plural needs the form "other": ${cursor.text}`);
  cursor.at = end.lastIndex;
  return forms;
}

/** The rules of one language that a text is written with. */
export interface LanguageRules {
  plural: Intl.PluralRules;
  number: Intl.NumberFormat;
}

/** Puts the parameters in. One that is missing stays visible as `{name}`: a page with a gap would hide the fault. */
export function writeMessage(parts: readonly MessagePart[], rules: LanguageRules, parameters: TextParameters): string {
  return writeParts(parts, rules, parameters, '');
}

function writeParts(
  parts: readonly MessagePart[],
  rules: LanguageRules,
  parameters: TextParameters,
  count: string,
): string {
  let text = '';
  for (const part of parts) {
    if (part.kind === 'text') text += part.text;
    else if (part.kind === 'count') text += count;
    else if (part.kind === 'parameter') text += writeParameter(parameters[part.name], part.name, rules);
    else text += writePlural(part, rules, parameters);
  }
  return text;
}

function writeParameter(value: string | number | undefined, name: string, rules: LanguageRules): string {
  if (value === undefined) return `{${name}}`;
  return typeof value === 'number' ? rules.number.format(value) : value;
}

function writePlural(
  part: Extract<MessagePart, { kind: 'plural' }>,
  rules: LanguageRules,
  parameters: TextParameters,
): string {
  const count = Number(parameters[part.name] ?? Number.NaN);
  const form = part.forms.get(`=${count}`) ?? part.forms.get(rules.plural.select(count)) ?? part.forms.get('other');
  return writeParts(form ?? [], rules, parameters, rules.number.format(count));
}

/** The names of all parameters of a text, for comparing the languages. */
export function parametersOf(parts: readonly MessagePart[]): Set<string> {
  const names = new Set<string>();
  for (const part of parts) {
    if (part.kind === 'parameter') names.add(part.name);
    if (part.kind === 'plural') {
      names.add(part.name);
      for (const form of part.forms.values()) for (const name of parametersOf(form)) names.add(name);
    }
  }
  return names;
}
