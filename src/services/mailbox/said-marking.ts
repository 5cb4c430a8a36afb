import { markingInSubject, withoutMarking } from '../../smime/marking.ts';
import type { OpenedMessage } from '../../smime/verdict.ts';

/** Whether the subject begins with a marking, which anybody can write (S06). */
export function saysSensitive(subject: string): boolean {
  return markingInSubject(subject) !== null;
}

/** The subject as it stands beside the stamp: what a trusted signature binds is not said twice. */
export function subjectBesideMarking({ subject, marking }: Pick<OpenedMessage, 'subject' | 'marking'>): string {
  return marking?.bound && markingInSubject(subject) === marking.text ? withoutMarking(subject) : subject;
}
