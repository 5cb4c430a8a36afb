import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { LOCALES } from '../../../i18n/translate.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { readCountryAccounts } from '../../../services/administration/address-lists.ts';
import type { AdministeredAccount } from '../../../services/administration/administered.ts';
import {
  type ActProblem,
  type ActResult,
  actsFor,
  changeRole,
  removeAccount,
  renewHandOver,
  restoreAccount,
  resumeAccount,
  suspendAccount,
} from '../../../services/administration/manage-account.ts';
import { ACT_ICONS } from './confirm-account.ts';
import { handOverPage } from './hand-over-page.ts';
import { stateMark } from './list-accounts.ts';
import { accountOf } from './params.ts';

export function showAccount(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    accountPage(context, request, reply, await accountOf(context, request), null);
}

export function suspend(context: Context) {
  return act(context, 'suspended', suspendAccount);
}

export function resume(context: Context) {
  return act(context, 'resumed', resumeAccount);
}

export function remove(context: Context) {
  return act(context, 'removed', removeAccount);
}

export function restore(context: Context) {
  return act(context, 'restored', restoreAccount);
}

export function handOver(context: Context) {
  return act(context, 'restored', renewHandOver);
}

const RoleForm = z.object({ role: z.enum(['clerk', 'country', 'central']).nullable().catch(null) });

export function setRole(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const account = await accountOf(context, request);
    const { role } = RoleForm.parse(request.body ?? {});
    const result: ActResult =
      role === null || role === account.role
        ? { ok: false, problem: 'state-changed' }
        : await changeRole(context, signedIn(request), account, role);
    return answer(context, request, reply, account, 'role', result);
  };
}

type Act = (context: Context, session: ReturnType<typeof signedIn>, account: AdministeredAccount) => Promise<ActResult>;

function act(context: Context, done: string, doIt: Act) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const account = await accountOf(context, request);
    return answer(context, request, reply, account, done, await doIt(context, signedIn(request), account));
  };
}

const LetterForm = z.object({ letterLocale: z.enum(LOCALES).nullable().catch(null) });
const STATUS: Record<ActProblem, number> = {
  ...{ 'own-account': 403, 'central-only': 403, 'last-central': 409 },
  ...{ 'limit-reached': 409, 'too-late': 409, 'state-changed': 409 },
};

async function answer(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  account: AdministeredAccount,
  done: string,
  result: ActResult,
) {
  if (!result.ok) {
    const fresh = await accountOf(context, request);
    return accountPage(context, request, reply.code(STATUS[result.problem]), fresh, result.problem);
  }
  if (result.handOver) {
    const { letterLocale } = LetterForm.parse(request.body ?? {});
    return handOverPage(context, request, reply, account, result.handOver, letterLocale);
  }
  leaveNotice(reply, context.config, 'done', `accounts.done.${done}`, { address: account.address });
  return reply.redirect(`/administration/accounts/${account.id}`);
}

async function accountPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  account: AdministeredAccount,
  problem: ActProblem | null,
) {
  const session = signedIn(request);
  const { formats } = request;
  const at = context.now();
  const [country] = await readCountryAccounts(context, session, account.countryId);
  const listed = country?.accounts.find(({ id }) => id === account.id);
  const row = { ...account, handOver: listed?.handOver ?? null };
  return reply.page('administration/account', {
    title: `${formats.plainName(account.firstName)} ${formats.plainName(account.surname)}`,
    place: 'administration',
    section: 'accounts',
    role: session.account.role,
    accountRow: row,
    countryName: formats.country(account.country.isoCode),
    hosted: account.country.mailServer.hosted,
    own: account.id === session.account.id,
    mark: stateMark(row, account.country, at, formats),
    acts: actsFor(session, account, at).map((name) => ({ name, icon: ACT_ICONS[name] })),
    problem: problem && formats.t(`accounts.problem.${problem}`),
    mailDue: account.mailKeptUntil !== null && account.mailKeptUntil <= at && account.mailRemovedAt === null,
    canRemoveMail: context.config.serviceMail !== null && account.country.mailServer.hosted,
  });
}
