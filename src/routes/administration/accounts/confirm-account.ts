import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { HAND_OVER_DAYS } from '../../../services/accounts/hand-over.ts';
import {
  type AccountAct,
  ADDRESS_RESTS_DAYS,
  actsFor,
  MAIL_KEPT_DAYS,
  rolesFor,
} from '../../../services/administration/manage-account.ts';
import { LETTER_LANGUAGES } from './hand-over-page.ts';
import { accountOf } from './params.ts';

export const ACT_ICONS: Record<AccountAct, string> = {
  suspend: 'lock',
  resume: 'lock-open',
  remove: 'bin',
  restore: 'person',
  'hand-over': 'key',
  role: 'people',
};

type Effect = { icon: string; key: string };

/** What an act does, one line for each thing, for a mailbox that is hosted here and for a country's own server. */
const EFFECTS: Record<AccountAct, { always: Effect[]; hosted: Effect[]; own: Effect[] }> = {
  suspend: {
    always: [{ icon: 'lock', key: 'suspend.sessions' }],
    hosted: [
      { icon: 'server', key: 'suspend.hosted' },
      { icon: 'inbox', key: 'suspend.mail' },
    ],
    own: [{ icon: 'server', key: 'suspend.own' }],
  },
  resume: { always: [{ icon: 'lock-open', key: 'resume.signIn' }], hosted: [], own: [] },
  remove: {
    always: [
      { icon: 'lock', key: 'remove.sessions' },
      { icon: 'card', key: 'remove.digitalId' },
      { icon: 'person', key: 'remove.address' },
    ],
    hosted: [{ icon: 'inbox', key: 'remove.hosted' }],
    own: [{ icon: 'server', key: 'remove.own' }],
  },
  restore: {
    always: [{ icon: 'person', key: 'restore.address' }],
    hosted: [{ icon: 'key', key: 'restore.hosted' }],
    own: [{ icon: 'lock-open', key: 'restore.own' }],
  },
  'hand-over': {
    always: [],
    hosted: [
      { icon: 'lock', key: 'hand-over.old' },
      { icon: 'key', key: 'hand-over.code' },
      { icon: 'seal', key: 'hand-over.keys' },
    ],
    own: [],
  },
  role: { always: [{ icon: 'lock', key: 'role.sessions' }], hosted: [], own: [] },
};

/** Says what will happen before anything does. What cannot be done as the account is now leads back to its page. */
export function confirmAct(context: Context, act: AccountAct) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const account = await accountOf(context, request);
    if (!actsFor(session, account, context.now()).includes(act))
      return reply.redirect(`/administration/accounts/${account.id}`);
    const { t, locale } = request.formats;
    const { hosted } = account.country.mailServer;
    const { always, [hosted ? 'hosted' : 'own']: further } = EFFECTS[act];
    const days = { kept: MAIL_KEPT_DAYS, rests: ADDRESS_RESTS_DAYS, code: HAND_OVER_DAYS };
    const makesCode = act === 'hand-over' || (act === 'restore' && hosted);
    return reply.page('administration/confirm-account', {
      title: t(`accounts.confirm.${act}`),
      place: 'administration',
      section: 'accounts',
      role: session.account.role,
      accountRow: account,
      act,
      effects: [...always, ...further].map(({ icon, key }) => ({ icon, text: t(`accounts.effect.${key}`, days) })),
      roles: act === 'role' && rolesFor(session, account).map((value) => roleChoice(value, t)),
      letterLanguages: makesCode && LETTER_LANGUAGES,
      letterLocale: locale,
    });
  };
}

function roleChoice(value: string, t: (key: string) => string) {
  return { value, text: t(`administration.role.${value}`), why: t(`accounts.role.why.${value}`) };
}
