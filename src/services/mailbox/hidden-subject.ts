import type { MessageRow } from '../../mail/message-list.ts';

/** Programs that hide the subject leave one of these outside (RFC 9788 section 3.2.1; older ones vary). */
const HIDDEN_SUBJECT = /^(?:\[?(?:\.{3}|…)\]?|encrypted message)$/i;

/** Whether the line of a message shows no subject because it is inside the encryption. */
export function hidesItsSubject({ looksEncrypted, subject }: Pick<MessageRow, 'looksEncrypted' | 'subject'>): boolean {
  return looksEncrypted && (subject.trim() === '' || HIDDEN_SUBJECT.test(subject.trim()));
}
