import type { FastifyReply } from 'fastify';

/** Programs read the number; people hardly come here. */
export function sayPlainly(reply: FastifyReply, status: number): FastifyReply {
  const said = { 404: 'Not found.', 413: 'Too large.', 415: 'Not understood.' }[status] ?? 'Not available.';
  return reply.code(status).type('text/plain; charset=utf-8').send(said);
}
