import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { accountsNamed, NO_FILTER, ownScope, searchTrail } from '../../services/audit/search-trail.ts';
import { presentEntry } from '../audit-words.ts';
import { readCursor, trailAddress } from '../trail-form.ts';

const PAGE = '/settings/activity';
const ENTRIES = 50;

/** What was done with one's own account, newest first: who sees something that they did not do can act. */
export function showActivity(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { formats } = request;
    const session = signedIn(request);
    const scope = ownScope(session);
    const after = readCursor(request.query);
    const found = await searchTrail(context.database, scope, NO_FILTER, { after, limit: ENTRIES + 1 });
    const shown = found.slice(0, ENTRIES);
    const accounts = await accountsNamed(context.database, scope, shown);
    const last = shown.at(-1);
    return reply.page('settings/activity', {
      title: formats.t('activity.title'),
      place: 'settings',
      entries: shown.map((entry) => {
        const shownEntry = presentEntry(formats, entry, accounts);
        // From where an administrator works is not the clerk's to know.
        return entry.accountId === session.account.id
          ? shownEntry
          : { ...shownEntry, network: formats.t('activity.byOthers') };
      }),
      newest: after === null ? null : PAGE,
      older: last && found.length > ENTRIES ? trailAddress(PAGE, {}, last) : null,
    });
  };
}
