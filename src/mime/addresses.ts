/** Address lists of header fields (RFC 5322 section 3.4): names, groups, comments, quoted strings, as programs write them. */
import { decodeEncodedWords } from './headers.ts';

export interface Mailbox {
  readonly name: string;
  /** Empty when what stands there is no address. */
  readonly address: string;
}

interface Token {
  kind: 'atom' | 'quoted' | 'comment' | 'special' | 'space';
  text: string;
}

const MAX_ADDRESSES = 10_000;
/** A line at most (RFC 5322 section 2.1.1); no server takes an address of more than 320 (RFC 5321 section 4.5.3.1). */
const MAX_ADDRESS_CHARACTERS = 998;
/** Of one mailbox: names have a dozen words. */
const MAX_TOKENS = 2_000;
const SPECIALS = new Set([',', ';', ':', '<', '>']);

/**
 * All mailboxes of a list, those of groups among them. Encoded words are decoded after the list was taken apart, so that an
 * encoded comma or angle bracket cannot add an address.
 */
export function parseAddressList(value: string): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  let current: Token[] = [];
  let count = 0;
  let inAngle = false;
  const finish = () => {
    // What is longer is none: an address at its beginning may not be what it says.
    const mailbox = count <= MAX_TOKENS ? mailboxOf(current) : { name: phrase(current), address: '' };
    if (mailbox !== null && mailboxes.length < MAX_ADDRESSES) mailboxes.push(mailbox);
    current = [];
    count = 0;
    inAngle = false;
  };
  for (const token of tokens(value)) {
    if (token.kind === 'special') {
      if ((token.text === ',' || token.text === ';') && !inAngle) {
        finish();
        continue;
      }
      if (token.text === ':' && !inAngle) {
        current = []; // the name of a group; its members follow
        count = 0;
        continue;
      }
      if (token.text === '<') inAngle = true;
      if (token.text === '>') inAngle = false;
    }
    count += 1;
    if (count <= MAX_TOKENS) current.push(token);
  }
  finish();
  return mailboxes;
}

function mailboxOf(parts: Token[]): Mailbox | null {
  const open = parts.findIndex((token) => token.kind === 'special' && token.text === '<');
  const comment = parts.findLast((token) => token.kind === 'comment')?.text ?? '';
  if (open >= 0) {
    const close = parts.findIndex((token, index) => index > open && token.kind === 'special' && token.text === '>');
    const inside = parts.slice(open + 1, close < 0 ? undefined : close);
    const after =
      close < 0 ? [] : parts.slice(close + 1).filter((token) => token.kind !== 'space' && token.kind !== 'comment');
    const name = phrase(parts.slice(0, open)) || decodeEncodedWords(comment);
    // Something after the bracket is no mailbox (RFC 5322): which address was meant cannot be told, so none is.
    return { name, address: after.length > 0 ? '' : addressText(inside) };
  }
  const address = addressText(parts);
  if (address) return { name: decodeEncodedWords(comment), address };
  const text = phrase(parts);
  return text || comment ? { name: text || decodeEncodedWords(comment), address: '' } : null;
}

/** The text of tokens as an address, or empty when they are none. */
function addressText(parts: Token[]): string {
  let text = '';
  let gap = false;
  for (const token of parts) {
    if (token.kind === 'comment') continue;
    if (token.kind === 'special') {
      // An obsolete route, `<@relay:user@host>`: the address follows the colon.
      if (token.text !== ':') return '';
      text = '';
      continue;
    }
    if (token.kind === 'space') {
      gap = text !== '';
      continue;
    }
    const piece = token.kind === 'quoted' ? quotedLocalPart(token.text) : token.text;
    if (gap && !/[.@]$/.test(text) && !/^[.@]/.test(piece)) return '';
    gap = false;
    text += piece;
    // Also because each piece looks at all that stands before it.
    if (text.length > MAX_ADDRESS_CHARACTERS) return '';
  }
  const at = text.lastIndexOf('@');
  if (at < 1 || at === text.length - 1 || /[\s\p{C}]/u.test(text)) return '';
  return text;
}

function quotedLocalPart(text: string): string {
  return /^[^\s"(),:;<>@[\\\]]+$/.test(text) ? text : `"${text.replace(/(["\\])/g, '\\$1')}"`;
}

function phrase(parts: Token[]): string {
  const words = parts.map((token) => {
    if (token.kind === 'comment') return '';
    return token.kind === 'space' ? ' ' : token.text;
  });
  return decodeEncodedWords(words.join('').replace(/\s+/g, ' ').trim());
}

function* tokens(value: string): Generator<Token> {
  let index = 0;
  while (index < value.length) {
    const character = value[index] as string;
    if (character === '"') {
      const { text, end } = quotedEnd(value, index + 1);
      yield { kind: 'quoted', text };
      index = end;
    } else if (character === '(') {
      const { text, end } = commentEnd(value, index + 1);
      yield { kind: 'comment', text };
      index = end;
    } else if (SPECIALS.has(character)) {
      yield { kind: 'special', text: character };
      index += 1;
    } else {
      const space = /\s/.test(character);
      const from = index;
      while (index < value.length && isAtomCharacter(value[index] as string, space)) index += 1;
      yield { kind: space ? 'space' : 'atom', text: value.slice(from, index) };
    }
  }
}

function isAtomCharacter(character: string, space: boolean): boolean {
  if (/\s/.test(character)) return space;
  return !space && character !== '"' && character !== '(' && !SPECIALS.has(character);
}

function quotedEnd(value: string, start: number): { text: string; end: number } {
  let text = '';
  for (let index = start; index < value.length; index += 1) {
    const character = value[index] as string;
    if (character === '"') return { text, end: index + 1 };
    if (character === '\\' && index + 1 < value.length) index += 1;
    text += value[index];
  }
  return { text, end: value.length };
}

function commentEnd(value: string, start: number): { text: string; end: number } {
  let depth = 1;
  let text = '';
  for (let index = start; index < value.length; index += 1) {
    const character = value[index] as string;
    if (character === '\\' && index + 1 < value.length) index += 1;
    else if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    if (depth === 0) return { text, end: index + 1 };
    text += value[index];
  }
  return { text, end: value.length };
}

/** Whether two addresses are the same mailbox: row T02 ignores case, in the local part too. ASCII only, others exactly. */
export function sameAddress(a: string, b: string): boolean {
  return a !== '' && foldAscii(a) === foldAscii(b);
}

function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
