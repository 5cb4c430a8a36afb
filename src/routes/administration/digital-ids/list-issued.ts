import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import {
  ISSUED_A_PAGE,
  ISSUED_STATES,
  type IssuedDigitalId,
  listIssued,
} from '../../../services/issued/list-issued.ts';

const PAGE = '/administration/digital-ids';
export const TEXT_MAX = 200;

const Query = z.object({
  text: z.string().trim().max(TEXT_MAX).catch(''),
  state: z.enum(ISSUED_STATES).nullable().catch(null),
  page: z.coerce.number().int().min(1).max(100_000).catch(1),
});

/** How a state looks beside its word. */
export const STATE_LOOKS = {
  valid: { look: 'ok', icon: 'tick' },
  held: { look: 'wait', icon: 'clock' },
  revoked: { look: 'seal', icon: 'cross' },
  ended: { look: '', icon: 'clock' },
  'not-yet': { look: '', icon: 'clock' },
} as const satisfies Record<IssuedDigitalId['state'], unknown>;

export function listIssuedPage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const query = Query.parse(request.query ?? {});
    const { rows, total } = await listIssued(context, session, query);
    const first = (query.page - 1) * ISSUED_A_PAGE;
    return reply.page('administration/digital-ids/list', {
      title: t('publishing.issued.title'),
      place: 'administration',
      section: 'digital-ids',
      role: session.account.role,
      programmeRow: administeredProgramme(session),
      query,
      textMax: TEXT_MAX,
      states: [
        { value: '', text: t('publishing.issued.state.all') },
        ...ISSUED_STATES.map((value) => ({ value, text: t(`publishing.issued.state.${value}`) })),
      ],
      rows: rows.map((row) => ({ ...row, ...STATE_LOOKS[row.state], href: `${PAGE}/${row.id}` })),
      total,
      pager:
        total > ISSUED_A_PAGE
          ? {
              from: Math.min(first + 1, total),
              to: Math.min(first + rows.length, total),
              total,
              newer: query.page > 1 ? addressOf(query, query.page - 1) : null,
              older: first + rows.length < total ? addressOf(query, query.page + 1) : null,
            }
          : null,
    });
  };
}

function addressOf({ text, state }: z.infer<typeof Query>, page: number): string {
  return `${PAGE}?${new URLSearchParams({ text, state: state ?? '', page: String(page) })}`;
}
