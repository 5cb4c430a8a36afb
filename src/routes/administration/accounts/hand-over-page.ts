import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { formatsFor } from '../../../i18n/formats.ts';
import type { Locale } from '../../../i18n/translate.ts';
import { signedIn } from '../../../plugins/session.ts';
import type { NewHandOver } from '../../../services/accounts/hand-over.ts';
import { type AdministeredAccount, administeredProgramme } from '../../../services/administration/administered.ts';

/** Each language by its own name, whatever the page's language. */
export const LETTER_LANGUAGES = [
  { value: 'en', text: 'English' },
  { value: 'fr', text: 'Français' },
  { value: 'de', text: 'Deutsch' },
];

/** The code, once: the answer to the form that made it, which no address shows again. Printed, it is a letter to the holder. */
export function handOverPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  account: AdministeredAccount,
  handOver: NewHandOver,
  letterLocale: Locale | null,
) {
  const session = signedIn(request);
  const letter = formatsFor(letterLocale ?? request.formats.locale, request.formats.timeZone);
  return reply.page('administration/hand-over', {
    title: request.formats.t('accounts.handOver.title'),
    place: 'administration',
    section: 'accounts',
    role: session.account.role,
    accountRow: account,
    handOver,
    letter,
    programmeName: administeredProgramme(session).name,
    sender: `${session.account.firstName} ${session.account.surname}`,
    senderAddress: session.account.address,
    welcomeUrl: `${context.config.publicUrl.origin}/welcome`,
  });
}
