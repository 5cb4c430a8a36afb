import type { FastifyReply, FastifyRequest } from 'fastify';
import { folderHref } from '../../services/mailbox/message-ref.ts';

/** Every mailbox has an INBOX, under this name (RFC 9051 section 5.1). */
export function enterMailbox() {
  return async (_request: FastifyRequest, reply: FastifyReply) => reply.redirect(folderHref('INBOX'));
}
