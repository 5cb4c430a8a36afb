import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import type { HeaderLine } from '../../html/body-document.ts';
import type { BodyThreads } from '../../html/body-thread.ts';
import type { Formats } from '../../i18n/formats.ts';
import { signedIn } from '../../plugins/session.ts';
import { bodyViews, letterDocument } from '../../services/mailbox/message-body.ts';
import { type ReadMessage, readMessage } from '../../services/mailbox/read-message.ts';
import { withScannedPictures } from '../../services/scanning/scan-pictures.ts';
import type { MailAddress, OpenedMessage } from '../../smime/verdict.ts';
import { addressLine } from './letter-view.ts';
import { messageOf } from './params.ts';
import { BodyQuery, bodyFrame, chosenView, sendBody } from './show-body.ts';

/** The whole letter as a document that stands alone, for paper or a window of its own: claim and header above the text. */
export function printMessage(context: Context, threads: BodyThreads) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { view: asked, remote } = BodyQuery.parse(request.query);
    const message = await readMessage(context, session, messageOf(request));
    const { formats } = request;
    const subject = formats.plainLine(message.opened.subject) || formats.t('messages.subject.none');
    const frame = { ...bodyFrame(request, subject), header: headerBlock(message, formats) };
    const view = chosenView(bodyViews(message.opened), asked) === 'html' ? 'html' : 'text';
    const wished = remote === '1' || session.account.remoteImages;
    const shown = view === 'html' ? await withScannedPictures(context, session, message.opened) : message.opened;
    return sendBody(reply, await letterDocument(threads, shown, view, wished, frame));
  };
}

/** Plain text; the claim comes first, as on the page. */
function headerBlock({ opened, facts }: ReadMessage, formats: Formats): HeaderLine[] {
  const { t, longDateTime, utc, plainName, plainLine } = formats;
  const people = (list: readonly MailAddress[]) => list.map((one) => addressLine(one, plainName)).join(', ');
  const signer = opened.signature.signers[0];
  const who = plainName(signer?.name ?? signer?.addresses[0] ?? '');
  const lines: [string, string][] = [
    ['signature', t(`messages.print.signature.${opened.signature.status}`, { name: who })],
    ['encryption', t(`messages.print.encryption.${opened.encryption.status}`)],
    ['marking', markingWords(opened, t)],
    ['subject', plainLine(opened.subject) || t('messages.subject.none')],
    ['from', people(opened.from) || t('messages.list.nobody')],
    ['protectedFrom', people(opened.protectedFrom ?? [])],
    ['to', people(opened.to)],
    ['cc', people(opened.cc)],
    ['date', opened.date ? `${longDateTime(opened.date)} (${utc(opened.date)})` : ''],
    ['arrived', `${longDateTime(facts.internalDate)} (${utc(facts.internalDate)})`],
    ['attachments', opened.attachments.map((attachment) => plainLine(attachment.name)).join(', ')],
  ];
  return lines
    .filter(([, value]) => value !== '')
    .map(([key, value]) => ({ label: t(`messages.header.${key}`), value }));
}

function markingWords({ marking }: OpenedMessage, t: Formats['t']): string {
  if (marking === null) return '';
  return t(marking.bound ? 'messages.print.marking.bound' : 'messages.print.marking.said', { marking: marking.text });
}
