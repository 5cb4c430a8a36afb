import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { downloadMessage } from '../../services/mailbox/message-download.ts';
import { folderHref, type MessageRef, messageHref } from '../../services/mailbox/message-ref.ts';
import { checkDownload, type Obstacle } from '../../services/scanning/check-download.ts';
import { sealAttachment } from './attachment-headers.ts';
import { messageOf } from './params.ts';

/** The message byte for byte as it is stored, encrypted ones encrypted. Of any size: a piece at a time. */
export function saveMessage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const ref = messageOf(request);
    const session = signedIn(request);
    const obstacle = await checkDownload(context, session, ref);
    if (obstacle !== null) return withheldPage(request, reply, ref, obstacle);
    const bytes = await downloadMessage(context, session, ref);
    sealAttachment(reply, `message-${ref.uid}.eml`, 'message/rfc822');
    return reply.send(Readable.from(bytes, { objectMode: false }));
  };
}

/** With the message its attachment would leave: what is to be done about that stands at the attachment. */
function withheldPage(request: FastifyRequest, reply: FastifyReply, ref: MessageRef, { index, finding }: Obstacle) {
  const { t } = request.formats;
  return reply.code(finding === null ? 503 : 403).page('messages/withheld', {
    title: t('scanning.withheld.title'),
    text: finding === null ? t('scanning.withheld.unscanned') : t('scanning.withheld.infected', { finding }),
    currentFolder: ref.folder,
    folderHref: folderHref(ref.folder),
    attachment: `${messageHref(ref)}/attachments/${index}${finding === null ? '' : '/finding'}`,
    back: messageHref(ref),
  });
}
