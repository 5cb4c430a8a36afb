import { randomInt } from 'node:crypto';

/** Without those that are taken for one another on the phone or on paper. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const GROUP = 4;

/** Groups of four letters and digits joined by `-`, to be read out and typed; five of them are 99 random bits. */
export function readablePassword(groups: number): string {
  const pick = () => LETTERS[randomInt(LETTERS.length)] as string;
  return Array.from({ length: groups }, () => Array.from({ length: GROUP }, pick).join('')).join('-');
}
