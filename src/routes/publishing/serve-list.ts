import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import type { PublishedLists } from '../../services/publishing/published-lists.ts';
import { sayPlainly } from './plain-answer.ts';

/** Of the authority's own list, and with `-daily` of the one that its signer signs. */
const Params = z.object({ file: z.string().regex(/^[0-9a-f]{64}(-daily)?\.crl$/) });

/** A revocation shall not wait in a cache for long. */
const CACHED_SECONDS = 900;

/** The list in force (RFC 2585 section 4.2); one that is over is given too, since it may still prove a revocation. */
export function serveList(context: Pick<Context, 'now'>, lists: PublishedLists) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const params = Params.safeParse(request.params);
    const file = params.data?.file ?? '';
    const list = params.success
      ? await lists.find(file.slice(0, 64), file.endsWith('-daily.crl') ? 'indirect' : 'direct')
      : null;
    if (list === null) return sayPlainly(reply, 404);
    const left = Math.floor((list.nextUpdate.getTime() - context.now().getTime()) / 1000);
    const tag = `"${list.sha256}"`;
    reply
      .header('cache-control', `public, max-age=${Math.max(0, Math.min(CACHED_SECONDS, left))}`)
      .header('etag', tag)
      .header('last-modified', list.thisUpdate.toUTCString())
      .header('content-security-policy', 'sandbox')
      .header('cross-origin-resource-policy', 'cross-origin');
    if (request.headers['if-none-match'] === tag) return reply.code(304).send();
    return reply.type('application/pkix-crl').send(list.bytes);
  };
}
