import type { Context } from '../../context.ts';
import type { Address } from '../../mail/address.ts';
import { type SendResult, sendLetter } from '../letters/send-letter.ts';
import type { SignedIn } from '../sessions/session.ts';

/** Words in the sender's language; the route brings them from `i18n`. */
export type LetterText = { subject: string; text: string };

/** First steps: signed and encrypted to oneself; `noteSelfTest` sees it when it comes back. */
export function sendSelfTest(
  context: Context,
  session: SignedIn,
  nonce: string,
  letter: LetterText,
): Promise<SendResult> {
  const { account } = session;
  const to = [{ name: `${account.firstName} ${account.surname}`, address: account.address }];
  return sendLetter(context, session, {
    nonce,
    to,
    cc: [],
    bcc: [],
    ...letter,
    attachments: [],
    sign: true,
    encrypt: true,
  });
}

/** A signed letter carries the own certificates, and the root when asked, so that a partner can answer encrypted (S12). */
export function sendOwnCertificates(
  context: Context,
  session: SignedIn,
  nonce: string,
  to: readonly Address[],
  letter: LetterText & { includeRoot: boolean },
): Promise<SendResult> {
  return sendLetter(context, session, {
    nonce,
    to,
    cc: [],
    bcc: [],
    ...letter,
    attachments: [],
    sign: true,
    encrypt: false,
  });
}
