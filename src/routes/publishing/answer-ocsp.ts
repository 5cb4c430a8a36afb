import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import type { OcspResponder } from '../../services/publishing/ocsp-responder.ts';
import { sayPlainly } from './plain-answer.ts';

/** RFC 5019 section 5: GET is for requests of up to 255 octets in base64; others do not reach us. */
const MAX_GET_CHARACTERS = 2000;
/** A revocation shall not wait in a cache for long. */
const CACHED_SECONDS = 900;

type Needs = Pick<Context, 'now'>;

/** RFC 6960 appendix A.1: the request in base64 as the end of the address; caches between may keep the answer. */
export function answerGet(context: Needs, responder: OcspResponder) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const text = (request.params as { '*': string })['*'];
    if (text.length > MAX_GET_CHARACTERS) return sayPlainly(reply, 414);
    return answer(context, responder, Buffer.from(text, 'base64'), reply, true);
  };
}

export function answerPost(context: Needs, responder: OcspResponder) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    return answer(context, responder, body, reply, false);
  };
}

async function answer(
  { now }: Needs,
  responder: OcspResponder,
  bytes: Buffer,
  reply: FastifyReply,
  mayBeCached: boolean,
): Promise<FastifyReply> {
  const given = await responder.answer(bytes);
  reply.header('cross-origin-resource-policy', 'cross-origin').header('content-security-policy', 'sandbox');
  if (mayBeCached && given.until !== null) {
    const left = Math.floor((given.until.getTime() - now().getTime()) / 1000);
    reply
      .header('cache-control', `public, no-transform, must-revalidate, max-age=${Math.min(CACHED_SECONDS, left)}`)
      .header('expires', given.until.toUTCString());
  }
  return reply.type('application/ocsp-response').send(given.bytes);
}
