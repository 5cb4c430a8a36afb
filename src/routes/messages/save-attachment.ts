import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { signedIn } from '../../plugins/session.ts';
import { readAttachmentOf } from '../../services/mailbox/message-attachment.ts';
import { sealAttachment } from './attachment-headers.ts';
import { messageOf } from './params.ts';

const Params = z.object({ index: z.coerce.number().int().min(0).max(9999) });

export function saveAttachment(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const params = Params.safeParse(request.params);
    if (!params.success) throw new AppError('not-found');
    const attachment = await readAttachmentOf(context, signedIn(request), messageOf(request), params.data.index);
    sealAttachment(reply, attachment.name, attachment.type);
    reply.header('content-length', attachment.size);
    // As fast as the network takes them: given at once, all of a large file goes through the event loop in one turn.
    const stream = Readable.from(attachment.slices(), { objectMode: false });
    stream.once('close', () => void attachment.release());
    return reply.send(stream);
  };
}
