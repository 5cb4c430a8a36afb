import type { Context } from '../../context.ts';
import type { SignedIn } from '../sessions/session.ts';
import { endSession } from '../sessions/session.ts';

export const LOCK_MINUTES = { least: 5, most: 60 } as const;
export const SIGNATURE_TEXT_MAX = 2000;

export type Settings = {
  locale: string | null;
  timeZone: string;
  theme: 'light' | 'dark' | null;
  signByDefault: boolean;
  encryptByDefault: boolean;
  signatureText: string;
  lockMinutes: number;
  remoteImages: boolean;
  shortcuts: boolean;
};

/** What of them bears on security: the trail keeps that it changed. */
const RECORDED = ['signByDefault', 'encryptByDefault', 'lockMinutes', 'remoteImages'] as const;

/** Everything at once, as the form has it. */
export async function saveSettings(context: Context, session: SignedIn, settings: Settings): Promise<void> {
  const { account } = session;
  await context.database.prisma.account.update({ where: { id: account.id }, data: settings });
  const changed = RECORDED.filter((name) => settings[name] !== account[name]);
  if (changed.length === 0) return;
  await context.audit.record({
    accountId: account.id,
    actor: account.address,
    network: session.network,
    action: 'settings-change',
    object: account.id,
    result: 'done',
    reason: `settings: ${changed.join(', ')}`,
  });
}

export type SessionSummary = {
  id: string;
  own: boolean;
  createdAt: Date;
  lastSeenAt: Date;
  network: string;
  userAgent: string;
  keysOpen: boolean;
};

/** Where this person is signed in; one's own first. */
export async function listSessions(context: Context, session: SignedIn): Promise<SessionSummary[]> {
  const at = context.now();
  const rows = await context.database.prisma.session.findMany({
    where: { accountId: session.account.id, endsAt: { gt: at } },
    orderBy: { lastSeenAt: 'desc' },
  });
  return rows
    .map((row) => ({
      id: row.id,
      own: row.id === session.sessionId,
      createdAt: row.createdAt,
      lastSeenAt: row.lastSeenAt,
      network: row.network,
      userAgent: row.userAgent,
      keysOpen: row.sealedMasterKey !== null && row.keysUntil !== null && row.keysUntil > at,
    }))
    .sort((a, b) => Number(b.own) - Number(a.own));
}

/** Ends another session of one's own. @returns false when there is no such one, or it is this one */
export async function endOwnSession(context: Context, session: SignedIn, id: string): Promise<boolean> {
  const found = await context.database.prisma.session.findFirst({
    where: { id, accountId: session.account.id, NOT: { id: session.sessionId } },
    select: { id: true },
  });
  if (!found) return false;
  await endSession(context.database, found.id);
  await recordEnd(context, session, 1);
  return true;
}

/** @returns how many were ended */
export async function endOtherSessions(context: Context, session: SignedIn): Promise<number> {
  const ended = await context.database.prisma.session.deleteMany({
    where: { accountId: session.account.id, id: { not: session.sessionId } },
  });
  if (ended.count > 0) await recordEnd(context, session, ended.count);
  return ended.count;
}

async function recordEnd(context: Context, session: SignedIn, count: number): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'sign-out',
    object: 'other-sessions',
    result: 'done',
    reason: `ended ${count}`,
  });
}
