/**
 * What a style attribute of a message may say: how letters, boxes and tables look. Nothing that fetches, moves content out of
 * its place, hides it, or depends on anything outside the attribute.
 */
const LENGTH = /^(?:0|auto|\d{1,4}(?:\.\d{1,4})?(?:px|pt|em|rem|ex|ch|%|cm|mm|in|pc)?|thin|medium|thick)$/;
const COLOUR =
  /^(?:[a-z]{3,25}|#[0-9a-f]{3,8}|(?:rgb|hsl)a?\(\s*[\d.]{1,7}(?:%|deg)?(?:(?:\s*[,/]\s*|\s+)[\d.]{1,7}%?){2,3}\s*\))$/;
const LINE_STYLE = /^(?:none|hidden|dotted|dashed|solid|double|groove|ridge|inset|outset)$/;
const BORDER_PART = (word: string) => LENGTH.test(word) || LINE_STYLE.test(word) || COLOUR.test(word);

type Rule = (value: string) => boolean;
const words = (rule: RegExp | Rule, most: number): Rule => {
  const accepts = typeof rule === 'function' ? rule : (word: string) => rule.test(word);
  // A colour function has spaces inside its brackets; they are taken out before the words are counted.
  return (value) => {
    const parts = value.replace(/\(([^)]*)\)/g, (bracket) => bracket.replace(/\s+/g, '')).split(' ');
    return parts.length <= most && parts.every(accepts);
  };
};
const oneOf =
  (...allowed: string[]): Rule =>
  (value) =>
    allowed.includes(value);

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['color', (value) => COLOUR.test(value)],
  ['background-color', (value) => COLOUR.test(value)],
  // The shorthand is what most programs write for a plain colour; pictures in it need url(), which no rule lets through.
  ['background', (value) => COLOUR.test(value)],
  ['font-family', (value) => /^[a-z0-9 ,'"-]{1,200}$/.test(value)],
  [
    'font-size',
    (value) => LENGTH.test(value) || /^(?:xx?-small|small|medium|large|xx?-large|smaller|larger)$/.test(value),
  ],
  ['font-style', oneOf('normal', 'italic', 'oblique')],
  ['font-weight', (value) => /^(?:normal|bold|bolder|lighter|[1-9]00)$/.test(value)],
  ['font-variant', oneOf('normal', 'small-caps')],
  ['line-height', (value) => value === 'normal' || LENGTH.test(value)],
  ['letter-spacing', (value) => value === 'normal' || LENGTH.test(value)],
  ['text-align', oneOf('left', 'right', 'center', 'justify', 'start', 'end')],
  ['text-decoration', words(/^(?:none|underline|overline|line-through|solid|dotted|dashed|wavy|double)$/, 3)],
  ['text-transform', oneOf('none', 'uppercase', 'lowercase', 'capitalize')],
  ['vertical-align', (value) => /^(?:baseline|top|middle|bottom|sub|super|text-top|text-bottom)$/.test(value)],
  ['white-space', oneOf('normal', 'nowrap', 'pre', 'pre-wrap', 'pre-line')],
  ['direction', oneOf('ltr', 'rtl')],
  ['list-style-type', (value) => /^[a-z-]{3,25}$/.test(value)],
  ['width', (value) => LENGTH.test(value)],
  ['max-width', (value) => value === 'none' || LENGTH.test(value)],
  ['height', (value) => LENGTH.test(value)],
  ['border-collapse', oneOf('collapse', 'separate')],
  ['border-spacing', words(LENGTH, 2)],
  ['margin', words(LENGTH, 4)],
  ['padding', words(LENGTH, 4)],
  ['border', words(BORDER_PART, 3)],
  ['border-width', words(LENGTH, 4)],
  ['border-style', words(LINE_STYLE, 4)],
  ['border-color', words(COLOUR, 4)],
  ['border-radius', words(LENGTH, 4)],
  ...['top', 'right', 'bottom', 'left'].flatMap((side): [string, Rule][] => [
    [`margin-${side}`, (value) => LENGTH.test(value)],
    [`padding-${side}`, (value) => LENGTH.test(value)],
    [`border-${side}`, words(BORDER_PART, 3)],
    [`border-${side}-width`, (value) => LENGTH.test(value)],
    [`border-${side}-style`, (value) => LINE_STYLE.test(value)],
    [`border-${side}-color`, (value) => COLOUR.test(value)],
  ]),
]);

const LONGEST_ATTRIBUTE = 4000;

/** The declarations of a style attribute that are known to be harmless, or '' when none is. */
export function harmlessStyle(style: string): string {
  // Escapes and comments exist in CSS to write a name so that a filter does not see it (CSS Syntax 3, section 4.3.7).
  if (style.length > LONGEST_ATTRIBUTE || /[\\<>{}@]|\/\*/.test(style)) return '';
  const kept: string[] = [];
  for (const declaration of style.split(';')) {
    const colon = declaration.indexOf(':');
    if (colon < 0) continue;
    const property = declaration.slice(0, colon).trim().toLowerCase();
    const value = declaration
      .slice(colon + 1)
      .trim()
      .toLowerCase()
      .replace(/\s*!\s*important$/, '')
      .replace(/\s+/g, ' ');
    if (RULES.get(property)?.(value)) kept.push(`${property}:${value}`);
  }
  return kept.join(';');
}
