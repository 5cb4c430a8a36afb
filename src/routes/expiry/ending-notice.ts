import type { FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { ENDING_KINDS, type EndingKind, listEndings } from '../../services/expiry/expiry-watch.ts';
import { type EndingView, presentEnding } from './present-ending.ts';

/** Above the mail there is room for fewer: the mail is what the page is for. */
const SHOWN = { all: 2, some: 3 };

/** The first few that end, and how many there are in all where those are not all. */
export type EndingNotice = {
  endings: EndingView[];
  total: number | null;
  /** Where putting one aside leads back to */
  back: string;
};

/** What a page says of what ends (T11), of these kinds or, in the mailbox, of all; null where there is nothing to say. */
export async function endingNotice(
  context: Context,
  request: FastifyRequest,
  kinds?: readonly EndingKind[],
): Promise<EndingNotice | null> {
  const session = signedIn(request);
  const { formats } = request;
  const take = kinds ? SHOWN.some : SHOWN.all;
  const wanted = { kinds: kinds ?? ENDING_KINDS, withAcknowledged: false, skip: 0, take };
  const { endings, total } = await listEndings(context, session, formats.day, wanted);
  if (endings.length === 0) return null;
  const { phase } = session.account.country.programme;
  return {
    endings: endings.map((ending) => presentEnding(formats, ending, phase, context.now())),
    total: total > endings.length ? total : null,
    back: backOf(request),
  };
}

/** A form that was refused is shown at an address of its own that cannot be opened: back to its place, `/trust`. */
function backOf({ method, url }: FastifyRequest): string {
  return method === 'GET' ? url : `/${url.split(/[/?]/)[1] ?? ''}`;
}
