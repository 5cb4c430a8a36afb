import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { signedIn } from '../../plugins/session.ts';
import { downloadMessage } from '../../services/mailbox/message-download.ts';
import { folderHref, messageHref } from '../../services/mailbox/message-ref.ts';
import { checkDownload, type Obstacle } from '../../services/scanning/check-download.ts';
import { megabytes } from '../drafts/compose-checks.ts';
import { sealAttachment } from './attachment-headers.ts';
import { messageOf } from './params.ts';

/** The message byte for byte as it is stored, encrypted ones encrypted. Of any size: a piece at a time. */
export function saveMessage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const ref = messageOf(request);
    const session = signedIn(request);
    const obstacle = await checkDownload(context, session, ref);
    if (obstacle !== null) return withheldPage(context, request, reply, obstacle);
    const bytes = await downloadMessage(context, session, ref);
    sealAttachment(reply, `message-${ref.uid}.eml`, 'message/rfc822');
    return reply.send(Readable.from(bytes, { objectMode: false }));
  };
}

/** With the message its attachment would leave: what is to be done about that stands at the attachment. */
function withheldPage(context: Context, request: FastifyRequest, reply: FastifyReply, obstacle: Obstacle) {
  const { t } = request.formats;
  const { index, finding } = obstacle;
  const ref = messageOf(request);
  return reply.code(finding === null ? 503 : 403).page('messages/withheld', {
    title: t('scanning.withheld.title'),
    text: withheldText(t, obstacle, context.scanner?.maxBytes ?? 0),
    currentFolder: ref.folder,
    folderHref: folderHref(ref.folder),
    attachment: index === null ? null : `${messageHref(ref)}/attachments/${index}${finding === null ? '' : '/finding'}`,
    back: messageHref(ref),
  });
}

function withheldText(t: Formats['t'], { index, finding, isTooLarge }: Obstacle, limitBytes: number): string {
  if (finding !== null)
    return t(index === null ? 'scanning.withheld.message.infected' : 'scanning.withheld.infected', { finding });
  if (index !== null) return t('scanning.withheld.unscanned');
  if (isTooLarge) return t('scanning.withheld.message.tooLarge', { limit: megabytes(limitBytes) });
  return t('scanning.withheld.message.unscanned');
}
