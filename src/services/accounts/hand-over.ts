import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Config, keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { HandOver, Prisma } from '../../generated/prisma/client.ts';
import { generateSpokenCode, normaliseSpokenCode } from '../../vault/spoken-code.ts';
import { countAttempt, forgetAttempts } from '../sessions/attempts.ts';
import { subscriberOf } from '../sessions/sign-in.ts';
import { hashMailboxPassword } from './accounts.ts';
import { endSessionsOf } from './end-sessions.ts';
import { type PasswordProblem, passwordProblem } from './mailbox-password.ts';

/** Long enough for a letter within a country; a new code is two clicks. */
export const HAND_OVER_DAYS = 7;
const DAY_MS = 86_400_000;
/** 80 random bits: with the limits for attempts, and kept only as a keyed hash, they cannot be guessed or worked out. */
const CODE_CHARACTERS = 16;

/** What is shown once: `7K2M-…`, and until when it is good. */
export type NewHandOver = { code: string; endsAt: Date };

/** A code in place of any earlier one of this account. */
export async function makeHandOver(
  tx: Prisma.TransactionClient,
  config: Config,
  accountId: string,
  at: Date,
): Promise<NewHandOver> {
  const code = generateSpokenCode(CODE_CHARACTERS);
  const version = config.serverKeys.current;
  const endsAt = new Date(at.getTime() + HAND_OVER_DAYS * DAY_MS);
  const codeHash = new Uint8Array(hashOf(keyOf(config.serverKeys, version), accountId, code));
  const values = { codeHash, serverKeyVersion: version, madeAt: at, endsAt };
  await tx.handOver.upsert({ where: { accountId }, create: { accountId, ...values }, update: values });
  return { code, endsAt };
}

export type Welcome = { address: string; code: string; password: string; repeated: string; network: string };

export type WelcomeResult =
  | { ok: true }
  | { ok: false; reason: 'refused' | PasswordProblem }
  | { ok: false; reason: 'too-many-attempts'; retryAt: Date };

/**
 * The holder chooses the password of a hosted mailbox with the code. The rules for passwords are checked before anything is looked
 * up; for an unknown address, a wrong code and one that ended there is one answer after the same time.
 */
export async function takeOverMailbox(context: Context, welcome: Welcome): Promise<WelcomeResult> {
  const startedMs = performance.now();
  const problem = passwordProblem(welcome.password, welcome.repeated, welcome.address);
  if (problem !== null) return { ok: false, reason: problem };
  const result = await attempt(context, welcome);
  if (!result.ok && result.reason === 'refused') {
    const leftMs = context.config.signInFailureMs - (performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, leftMs)));
  }
  return result;
}

async function attempt(context: Context, welcome: Welcome): Promise<WelcomeResult> {
  const { database, config } = context;
  const at = context.now();
  const address = welcome.address
    .trim()
    .toLowerCase()
    .replace(/\p{Cc}/gu, '\ufffd');
  const record = (result: 'done' | 'refused', accountId: string | null, reason?: string) =>
    context.audit.record({
      ...{ accountId, actor: address.slice(0, 254), network: welcome.network, action: 'password-change' as const },
      ...{ object: 'hand-over', result, ...(reason === undefined ? {} : { reason }) },
    });
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const subscriber = subscriberOf(welcome.network);
  const network = await countAttempt(database, 'hand-over-network', subscriber, config.networkLimit, key, at);
  const counted = network.allowed
    ? await countAttempt(database, 'hand-over', address, config.signInLimit, key, at)
    : network;
  if (!counted.allowed) {
    await record('refused', null, 'too-many-attempts');
    return { ok: false, reason: 'too-many-attempts', retryAt: counted.retryAt };
  }
  const account = await database.prisma.account.findUnique({
    where: { addressKey: address },
    include: { handOver: true, country: { include: { mailServer: true } } },
  });
  const accountId = account?.id ?? null;
  const isOpen =
    account?.state === 'active' && account.country.mailServer.hosted && account.country.suspendedAt === null;
  if (!account?.handOver || !isOpen || !isCode(config, account.handOver, welcome.code, at)) {
    await record('refused', accountId, 'refused');
    return { ok: false, reason: 'refused' };
  }
  if (!(await setPassword(context, account.handOver, welcome.password, at))) {
    await record('refused', accountId, 'refused');
    return { ok: false, reason: 'refused' };
  }
  await forgetAttempts(database, 'hand-over', address, key);
  await record('done', accountId);
  return { ok: true };
}

/** Works once: of two who come with the same code at the same moment, the one whose deletion counts. */
async function setPassword(context: Context, handOver: HandOver, password: string, at: Date): Promise<boolean> {
  const { accountId, codeHash } = handOver;
  const mailboxPasswordHash = await hashMailboxPassword(password);
  return context.database.prisma.$transaction(async (tx) => {
    await tx.$queryRaw`select id from account where id = ${accountId}::uuid for update`;
    const used = await tx.handOver.deleteMany({ where: { accountId, codeHash, account: { state: 'active' } } });
    if (used.count === 0) return false;
    await tx.account.update({ where: { id: accountId }, data: { mailboxPasswordHash } });
    await endSessionsOf(tx, accountId, at);
    return true;
  });
}

function isCode(config: Config, handOver: HandOver, typed: string, at: Date): boolean {
  const key = config.serverKeys.keys.get(handOver.serverKeyVersion);
  if (!key) return false;
  const isEqual = timingSafeEqual(hashOf(key, handOver.accountId, typed), Buffer.from(handOver.codeHash));
  return isEqual && handOver.endsAt > at;
}

function hashOf(key: Uint8Array, accountId: string, code: string): Buffer {
  return createHmac('sha256', key)
    .update(`hand-over ${accountId} ${normaliseSpokenCode(code)}`)
    .digest();
}
