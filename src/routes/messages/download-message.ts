import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { downloadMessage } from '../../services/mailbox/message-download.ts';
import { sealAttachment } from './attachment-headers.ts';
import { messageOf } from './params.ts';

/** The message byte for byte as it is stored, encrypted ones encrypted. Of any size: a piece at a time. */
export function saveMessage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const ref = messageOf(request);
    const bytes = await downloadMessage(context, signedIn(request), ref);
    sealAttachment(reply, `message-${ref.uid}.eml`, 'message/rfc822');
    return reply.send(Readable.from(bytes, { objectMode: false }));
  };
}
