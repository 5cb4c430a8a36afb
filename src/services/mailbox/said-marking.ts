import { markingInSubject } from '../../smime/marking.ts';

/** Whether the subject begins with a marking, which anybody can write (S06). */
export function saysSensitive(subject: string): boolean {
  return markingInSubject(subject) !== null;
}
