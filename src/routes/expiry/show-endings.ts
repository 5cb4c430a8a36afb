import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { ENDING_KINDS, listEndings } from '../../services/expiry/expiry-watch.ts';
import { presentEnding } from './present-ending.ts';

const A_PAGE = 50;
const Query = z.object({ page: z.coerce.number().int().min(1).max(100_000).catch(1) });

/** Everything that ends, also what was put aside. */
export function showEndings(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { formats } = request;
    const { page } = Query.parse(request.query);
    const skip = (page - 1) * A_PAGE;
    const wanted = { kinds: ENDING_KINDS, withAcknowledged: true, skip, take: A_PAGE };
    const { endings, total } = await listEndings(context, session, formats.day, wanted);
    // What stood there was settled meanwhile.
    if (endings.length === 0 && page > 1) return reply.redirect('/expiry');
    const { phase } = session.account.country.programme;
    return reply.page('expiry/show', {
      title: formats.t('expiry.title'),
      endings: endings.map((ending) => presentEnding(formats, ending, phase, context.now())),
      pager: total > A_PAGE ? pagerOf(page, skip, endings.length, total) : null,
    });
  };
}

function pagerOf(page: number, skip: number, shown: number, total: number) {
  return {
    from: skip + 1,
    to: skip + shown,
    total,
    newer: page > 1 ? `/expiry?page=${page - 1}` : null,
    older: skip + shown < total ? `/expiry?page=${page + 1}` : null,
  };
}
