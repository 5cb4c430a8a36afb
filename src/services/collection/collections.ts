import { type Config, keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { CollectionLeave, Pop3Server } from '../../generated/prisma/client.ts';
import { isSafePop3Login } from '../../mail/pop3-connection.ts';
import { countAttempt } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { sealPassword } from './collection-password.ts';

export const LOGIN_MAX = 200;
export const LEAVE_DAYS = { least: 1, most: 365 } as const;
/** Wrong ones before we stop: many servers lock an account after five. */
export const PASSWORD_TRIES = 3;
/** Of one holder in a quarter of an hour: nobody shall try out here what others' passwords are. */
const SAVES_MAX = 6;

/** What the page of the holder shows. */
export type ShownCollection = {
  state: 'on' | 'stopped' | 'off';
  login: string;
  leave: CollectionLeave;
  leaveDays: number;
  outcome: string | null;
  endedAt: Date | null;
  succeededAt: Date | null;
  dueAt: Date;
  isRunning: boolean;
  lastCount: number;
  totalCount: number;
  /** Why messages stay at the other server, and how many */
  refused: { reason: string; count: number }[];
};

export type CollectionPage = { server: Pop3Server; collection: ShownCollection | null };

/** Null where there is nothing to collect from, or no hosted mailbox to collect into. */
export async function readOwnCollection(context: Context, session: SignedIn): Promise<CollectionPage | null> {
  const { prisma } = context.database;
  const server = await ownServer(context, session);
  if (server === null) return null;
  const accountId = session.account.id;
  const row = await prisma.collection.findUnique({ where: { accountId } });
  if (row === null) return { server, collection: null };
  const refused = await prisma.collectedMessage.groupBy({
    by: ['reason'],
    where: { accountId, state: 'refused', retired: false },
    _count: true,
  });
  const { state, login, leave, leaveDays, outcome, endedAt, succeededAt, dueAt, lastCount, totalCount } = row;
  return {
    server,
    collection: {
      ...{ state, login, leave, leaveDays, outcome, endedAt, succeededAt, dueAt, lastCount, totalCount },
      isRunning: row.claimedUntil !== null && row.claimedUntil > context.now(),
      refused: refused.map(({ reason, _count }) => ({ reason: reason ?? '', count: _count })),
    },
  };
}

export type CollectionForm = { login: string; password: string; leave: CollectionLeave; leaveDays: number };
export type SaveResult =
  | { ok: true }
  | { ok: false; problem: 'none' | 'password-missing' | 'login' }
  | { ok: false; problem: 'too-many'; retryAt: Date };

/**
 * Switches it on, or changes it. An empty password keeps the present one, for the same name only.
 * Another name is another mailbox: its UIDLs mean nothing beside the old ones.
 */
export async function saveCollection(context: Context, session: SignedIn, form: CollectionForm): Promise<SaveResult> {
  const { database, config, now } = context;
  const server = await ownServer(context, session);
  if (server === null) return { ok: false, problem: 'none' };
  const accountId = session.account.id;
  const { login, password, leave, leaveDays } = form;
  if (!isSafePop3Login({ user: login, password: password || 'kept' })) return { ok: false, problem: 'login' };
  const present = await database.prisma.collection.findUnique({ where: { accountId } });
  const isSame = present?.login === login && present.serverId === server.id;
  if (password === '' && !(isSame && present?.state === 'on')) return { ok: false, problem: 'password-missing' };
  const at = now();
  if (password !== '') {
    const counted = await countAttempt(database, 'collection', accountId, SAVES_MAX, serverKey(config), at);
    if (!counted.allowed) {
      await record(context, session, 'collection-changed', 'refused');
      return { ok: false, problem: 'too-many', retryAt: counted.retryAt };
    }
  }
  const data = {
    ...{ login, leave, leaveDays, serverId: server.id, state: 'on' as const, dueAt: at },
    // A round that is under way ends: it would go on with what was changed.
    claim: null,
    ...(password === '' ? {} : { failures: 0, refusals: 0, outcome: null }),
  };
  await database.prisma.$transaction(async (tx) => {
    if (present !== null && !isSame) await retire(tx, { accountId });
    if (password === '') {
      // Only as long as the password that is kept is for this name.
      await tx.collection.updateMany({ where: { accountId, login, serverId: server.id, state: 'on' }, data });
    } else {
      const whole = { ...data, ...sealPassword(config, password, { accountId, login, server }) };
      await tx.collection.upsert({ where: { accountId }, create: { accountId, ...whole }, update: whole });
    }
  });
  await record(context, session, present?.state === 'on' ? 'collection-changed' : 'collection-on');
  return { ok: true };
}

/** The password is gone at once; what was collected is remembered, so that nothing comes twice when it is switched on again. */
export async function switchOffCollection(context: Context, session: SignedIn): Promise<void> {
  const changed = await context.database.prisma.collection.updateMany({
    where: { accountId: session.account.id, state: { not: 'off' } },
    data: { state: 'off', sealedPassword: null, claim: null, outcome: null, failures: 0, refusals: 0 },
  });
  if (changed.count > 0) await record(context, session, 'collection-off');
}

/** The next free node collects now; what was refused is tried again. @returns false where it is not switched on */
export async function collectNow(context: Context, session: SignedIn): Promise<boolean> {
  const accountId = session.account.id;
  const [changed] = await context.database.prisma.$transaction([
    context.database.prisma.collection.updateMany({
      where: { accountId, state: 'on' },
      data: { dueAt: context.now() },
    }),
    context.database.prisma.collectedMessage.deleteMany({
      where: { accountId, state: 'refused', collection: { state: 'on' } },
    }),
  ]);
  if (changed.count === 0) return false;
  await record(context, session, 'collection-now');
  return true;
}

type Transaction = Pick<Context['database']['prisma'], 'collectedMessage'>;

/** What was collected elsewhere is known by its bytes only. */
export async function retire(tx: Transaction, of: { accountId: string } | { collection: { serverId: string } }) {
  await tx.collectedMessage.updateMany({ where: { ...of, state: { not: 'refused' } }, data: { retired: true } });
  await tx.collectedMessage.deleteMany({ where: { ...of, state: 'refused' } });
}

async function ownServer({ database, config }: Context, { account }: SignedIn): Promise<Pop3Server | null> {
  if (!account.country.mailServer.hosted || config.serviceMail === null) return null;
  return database.prisma.pop3Server.findUnique({ where: { countryId: account.countryId } });
}

function serverKey({ serverKeys }: Pick<Config, 'serverKeys'>): Buffer {
  return keyOf(serverKeys, serverKeys.current);
}

async function record(
  context: Context,
  { account, network }: SignedIn,
  reason: string,
  result: 'done' | 'refused' = 'done',
): Promise<void> {
  const event = { accountId: account.id, actor: account.address, network, object: account.id } as const;
  await context.audit.record({ ...event, action: 'collection', result, reason });
}
