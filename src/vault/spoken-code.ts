import { randomBytes } from 'node:crypto';

/** Crockford's base 32: no letter that is taken for another one when it is read aloud or from paper. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Random characters of five bits each, in groups of four: for paper and telephone. */
export function generateSpokenCode(characters: number): string {
  const code = [...randomBytes(characters)].map((byte) => ALPHABET[byte & 31]).join('');
  return inGroups(code);
}

/** What people type instead of what is on the paper: lower case, spaces, O for 0, I or L for 1. */
export function normaliseSpokenCode(typed: string): string {
  return typed
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
}

/** The same in the form that `generateSpokenCode` gave it: for what compares it letter by letter. */
export function groupSpokenCode(typed: string): string {
  return inGroups(normaliseSpokenCode(typed));
}

function inGroups(code: string): string {
  return (code.match(/.{1,4}/g) ?? []).join('-');
}
