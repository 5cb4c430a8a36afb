import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Attachment } from '../../services/mailbox/message-attachment.ts';
import { sealAttachment } from './attachment-headers.ts';

/** Gives the bytes of a checked attachment away; it is released when they went. */
export function sendAttachment(reply: FastifyReply, attachment: Attachment) {
  sealAttachment(reply, attachment.name, attachment.type);
  reply.header('content-length', attachment.size);
  // As fast as the network takes them: given at once, all of a large file goes through the event loop in one turn.
  const stream = Readable.from(attachment.slices(), { objectMode: false });
  stream.once('close', () => void attachment.release());
  return reply.send(stream);
}
