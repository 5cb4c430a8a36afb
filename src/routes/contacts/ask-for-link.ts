import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { isLocale, LOCALES, type Locale, translator } from '../../i18n/translate.ts';
import { parseRecipients } from '../../mail/address.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { findContact } from '../../services/contacts/contacts.ts';
import {
  askForSecureLink,
  MAX_LINK_RECIPIENTS,
  newLinkNonce,
  testSecureLink,
} from '../../services/contacts/secure-link-letters.ts';
import type { SendProblem } from '../../services/letters/send-letter.ts';
import type { SignedIn } from '../../services/sessions/session.ts';
import { contactPage } from './contact-page.ts';
import { contactParam } from './params.ts';

const Query = z.object({ to: z.string().max(20_000).catch(''), in: z.string().optional().catch(undefined) });
const Nonce = z.object({ nonce: z.uuid() });
const Form = z.object({
  nonce: z.uuid(),
  recipients: z.string().max(20_000),
  subject: z.string().trim().min(1).max(500),
  text: z.string().trim().min(1).max(20_000),
});
const Typed = z
  .object({
    nonce: z.uuid().catch(() => newLinkNonce()),
    recipients: z.string(),
    subject: z.string(),
    text: z.string(),
  })
  .catch(() => ({ nonce: newLinkNonce(), recipients: '', subject: '', text: '' }));

type Typed = z.infer<typeof Typed>;
type Faults = { recipients?: string; subject?: string; text?: string };

/** One request for a whole list of partners, with a text the clerk can change; the partner's language can be chosen. */
export function showAsk() {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const query = Query.parse(request.query ?? {});
    const locale = isLocale(query.in) ? query.in : request.formats.locale;
    const letter = requestLetter(locale, signedIn(request));
    return askPage(request, reply, { nonce: newLinkNonce(), recipients: query.to, ...letter }, {});
  };
}

export function askRecipients(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    unlockedKey(request);
    const { t } = request.formats;
    const form = Form.safeParse(request.body);
    const typed = Typed.parse(request.body);
    const { recipients, problems } = parseRecipients(typed.recipients);
    const faults: Faults = {};
    if (!form.success) {
      const wrong = new Set(form.error.issues.map((issue) => issue.path[0]));
      if (wrong.has('subject')) faults.subject = t('contacts.ask.subject.fault');
      if (wrong.has('text')) faults.text = t('contacts.ask.text.fault');
    }
    if (problems.length > 0) {
      faults.recipients = t('contacts.ask.recipients.unreadable', {
        list: problems.map((one) => one.typed).join(', '),
      });
    } else if (recipients.length === 0) faults.recipients = t('contacts.ask.recipients.none');
    else if (recipients.length > MAX_LINK_RECIPIENTS) {
      faults.recipients = t('contacts.ask.recipients.tooMany', { limit: MAX_LINK_RECIPIENTS });
    }
    if (!form.success || Object.keys(faults).length > 0) return askPage(request, reply.code(400), typed, faults);
    const { nonce, subject, text } = form.data;
    const { asked, refused } = await askForSecureLink(context, session, { nonce, recipients, subject, text });
    if (refused.length > 0) {
      const why = refused.map((one) => `${one.address}: ${problemTexts(request.formats, one.problems)}`).join(' ');
      const sent = asked.length > 0 ? `${t('contacts.ask.some', { list: asked.join(', ') })} ` : '';
      // Those who were asked already leave the field, so that sending again asks the others only.
      const left = refused.map((one) => one.address).join('\n');
      return askPage(request, reply.code(422), { ...typed, recipients: left }, { recipients: sent + why });
    }
    leaveNotice(reply, context.config, 'done', 'contacts.ask.done', { count: asked.length });
    return reply.redirect('/contacts');
  };
}

/** The one button: asks this contact with the standard text. */
export function askContact(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    unlockedKey(request);
    const contact = await findContact(context, session, contactParam(request));
    const nonce = Nonce.safeParse(request.body).data?.nonce ?? newLinkNonce();
    const { name, address } = contact;
    const letter = requestLetter(request.formats.locale, session);
    const { refused } = await askForSecureLink(context, session, { nonce, recipients: [{ name, address }], ...letter });
    const refusal = refused[0];
    if (refusal) {
      reply.code(422);
      const link = problemTexts(request.formats, refusal.problems);
      return contactPage(request, reply, contact, context.now(), { faults: { link } });
    }
    leaveNotice(reply, context.config, 'done', 'contacts.link.asked', { name });
    return reply.redirect(`/contacts/${contact.id}`);
  };
}

/** An encrypted and signed letter that asks for an answer of the same kind (S05). */
export function testContact(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    unlockedKey(request);
    const contact = await findContact(context, session, contactParam(request));
    const nonce = Nonce.safeParse(request.body).data?.nonce ?? newLinkNonce();
    const t = request.formats.t;
    const sent = await testSecureLink(context, session, contact, {
      nonce: `${nonce} test`,
      subject: t('contacts.link.test.subject'),
      text: t('contacts.link.test.text', { name: fullName(session) }),
    });
    if (!sent.ok) {
      reply.code(422);
      const link = problemTexts(request.formats, sent.problems);
      return contactPage(request, reply, contact, context.now(), { faults: { link } });
    }
    leaveNotice(reply, context.config, 'done', 'contacts.link.tested', { name: contact.name });
    return reply.redirect(`/contacts/${contact.id}`);
  };
}

function askPage(request: FastifyRequest, reply: FastifyReply, typed: Typed, faults: Faults) {
  const { t } = request.formats;
  const to = encodeURIComponent(typed.recipients.slice(0, 1500));
  return reply.page('contacts/ask', {
    title: t('contacts.ask.title'),
    place: 'contacts',
    typed,
    faults,
    limit: MAX_LINK_RECIPIENTS,
    languages: LOCALES.map((locale) => ({
      locale,
      text: t(`contacts.ask.language.${locale}`),
      href: `/contacts/link?in=${locale}&to=${to}`,
    })),
  });
}

function requestLetter(locale: Locale, session: SignedIn): { subject: string; text: string } {
  const t = translator(locale);
  return {
    subject: t('contacts.link.letter.subject'),
    text: t('contacts.link.letter.text', { name: fullName(session) }),
  };
}

function fullName(session: SignedIn): string {
  return `${session.account.firstName} ${session.account.surname}`;
}

function problemTexts({ t, size }: Formats, problems: readonly SendProblem[]): string {
  return problems
    .map((problem) => {
      switch (problem.code) {
        case 'missing-digital-ids': {
          const reason = problem.recipients[0]?.reason ?? 'no-digital-id';
          return t(`contacts.link.problem.${problem.code}`, { reason: t(`contacts.mark.${reason}.short`) });
        }
        case 'attachments-too-large':
          return t(`contacts.link.problem.${problem.code}`, { limit: size(problem.limitBytes) });
        default:
          return t(`contacts.link.problem.${problem.code}`);
      }
    })
    .join(' ');
}
