import type { TextParameters } from './message.ts';
import type { Translate } from './translate.ts';

/** A piece of a sentence; `foreign` ones are names and addresses that a view puts into `<bdi>`. */
export interface Piece {
  text: string;
  foreign: boolean;
}

const LONGEST_NAME = 80;
const FIRST_PLACEHOLDER = 0xe000;

/** Ticks, locks and shields, with which pages mark what was verified, and the signs that choose how they look. */
const MARKS = /[\u2611\u2705\u2713\u2714\u{1f50f}-\u{1f513}\u{1f5f8}\u{1f5f9}\u{1f6e1}][\ufe0e\ufe0f]?/gu;

/**
 * A name or address that came with a message or a certificate, as it may stand in a claim: one line, cut at 80 characters,
 * without characters that turn the writing direction or show nothing (UAX #9): a name must not rewrite the sentence, nor
 * look like a verdict of its own.
 */
export function plainName(name: string): string {
  const line = name
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(MARKS, '')
    .replace(/[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, '')
    .trim();
  const characters = [...line];
  return characters.length <= LONGEST_NAME ? line : `${characters.slice(0, LONGEST_NAME - 1).join('')}…`;
}

/**
 * A subject or the name of a file, in full, as it may stand beside a claim: one line, without characters that turn the
 * writing direction of others (UAX #9) and without the marks of a verdict. Joiners stay: scripts and pictures need them.
 */
export function plainLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(MARKS, '')
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
}

/**
 * The common name of a name as certificates have it, `C=DE, O=KBA, CN=Root 7`: what people call an issuer. The whole name
 * where it has none.
 */
export function commonNameOf(name: string): string {
  const parts = name.split(/, (?=(?:[A-Za-z]+|[0-9.]+)=)/);
  return parts.findLast((part) => part.startsWith('CN=') && part.length > 3)?.slice(3) ?? name;
}

/** Translates a sentence in pieces, so that foreign names in it can be isolated from its writing direction. */
export function translateInPieces(
  t: Translate,
  key: string,
  names: Readonly<Record<string, string>>,
  parameters: TextParameters = {},
): Piece[] {
  const placeholders: Record<string, string> = {};
  const texts = new Map<string, string>();
  for (const [index, [name, value]] of Object.entries(names).entries()) {
    const placeholder = String.fromCharCode(FIRST_PLACEHOLDER + index);
    placeholders[name] = placeholder;
    texts.set(placeholder, plainName(value));
  }
  return t(key, { ...parameters, ...placeholders })
    .split(/([\ue000-\ue00f])/)
    .filter((piece) => piece !== '')
    .map((piece) => ({ text: texts.get(piece) ?? piece, foreign: texts.has(piece) }));
}
