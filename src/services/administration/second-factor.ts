import { createHash, timingSafeEqual } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { TotpFactor } from '../../generated/prisma/client.ts';
import { openSealed, sealUnder } from '../../vault/seal.ts';
import type { Database } from '../database/connect.ts';
import { countAttempt, forgetAttempts } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';

/** RFC 6238 as every authenticator program knows it: SHA-1, six digits, half a minute; 160 bits of secret (RFC 4226). */
const SECRET_BYTES = 20;
const PERIOD_SECONDS = 30;
/** A clock may be behind or ahead by this many intervals (RFC 6238 section 5.2). */
const WINDOW = 1;
const ATTEMPTS = 5;
const PASSWORD_ATTEMPTS = 10;
/** How long a secret that was shown waits for its first code: whoever saw it at an open window must not have the factor later. */
const UNCONFIRMED_MS = 15 * 60_000;

export type SecondFactorResult =
  | { ok: true }
  | { ok: false; reason: 'wrong' | 'none' }
  | { ok: false; reason: 'too-many-attempts'; retryAt: Date };

/** What an authenticator program needs. Shown once, before the factor counts. */
export type NewSecondFactor = { secret: string; uri: string };

/** Whether a second factor was set up and confirmed: codes, or a passkey. */
export async function hasSecondFactor(database: Database, accountId: string): Promise<boolean> {
  if (await hasCodes(database, accountId)) return true;
  return (await database.prisma.passkey.count({ where: { accountId } })) > 0;
}

/** Whether the account has an authenticator program. */
export async function hasCodes(database: Database, accountId: string): Promise<boolean> {
  return (await database.prisma.totpFactor.count({ where: { accountId, confirmedAt: { not: null } } })) > 0;
}

/**
 * Whether this session may set codes up: the first factor of all, or another one for whoever has shown a factor already. Else a window
 * left open and a password would be enough to add a factor of one's own.
 */
export async function maySetUpCodes(context: Context, session: SignedIn): Promise<boolean> {
  const { database } = context;
  if (await hasCodes(database, session.account.id)) return false;
  if (session.administrationUntil !== null && session.administrationUntil > context.now()) return true;
  return !(await hasSecondFactor(database, session.account.id));
}

/**
 * The secret for the authenticator program: made at the first look, the same for a quarter of an hour unless a code confirms it. Null when there is a factor
 * already: its secret is never shown again.
 */
export async function beginSecondFactor(context: Context, session: SignedIn): Promise<NewSecondFactor | null> {
  const { database, config } = context;
  const accountId = session.account.id;
  const secret = new Secret({ size: SECRET_BYTES });
  const version = config.serverKeys.current;
  const sealed = sealUnder(keyOf(config.serverKeys, version), Buffer.from(secret.bytes), sealContext(accountId));
  const begunAt = context.now();
  await database.prisma.totpFactor.deleteMany({
    where: { accountId, confirmedAt: null, begunAt: { lt: new Date(begunAt.getTime() - UNCONFIRMED_MS) } },
  });
  await database.prisma.totpFactor.createMany({
    skipDuplicates: true,
    data: { accountId, sealedSecret: new Uint8Array(sealed), serverKeyVersion: version, begunAt },
  });
  const row = await database.prisma.totpFactor.findUniqueOrThrow({ where: { accountId } });
  if (row.confirmedAt !== null) return null;
  const totp = totpOf(context, row, session.account.address);
  return { secret: totp.secret.base32, uri: totp.toString() };
}

/** The first code shows that the program has the secret; from then on the factor counts. */
export function confirmSecondFactor(context: Context, session: SignedIn, code: string): Promise<SecondFactorResult> {
  return checkCode(context, session, code, { confirms: true });
}

/** A code of a confirmed factor, good once. */
export function showSecondFactor(context: Context, session: SignedIn, code: string): Promise<SecondFactorResult> {
  return checkCode(context, session, code, { confirms: false });
}

/**
 * Whether this is the password that the person signed in with, in a time that does not depend on where it differs. Counted, so that
 * a window left open is no place to try passwords.
 */
export async function checkOwnPassword(
  context: Context,
  session: SignedIn,
  typed: string,
): Promise<SecondFactorResult> {
  const { database, config } = context;
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const subject = `${session.account.id} password`;
  const counted = await countAttempt(database, 'second-factor', subject, PASSWORD_ATTEMPTS, key, context.now());
  if (!counted.allowed)
    return record(context, session, { ok: false, reason: 'too-many-attempts', retryAt: counted.retryAt });
  if (!isOwnPassword(session, typed)) return record(context, session, { ok: false, reason: 'wrong' });
  await forgetAttempts(database, 'second-factor', subject, key);
  return { ok: true };
}

/** Compared in a time that does not depend on where the two differ. */
export function isOwnPassword(session: SignedIn, typed: string): boolean {
  const [own, other] = [session.mailboxPassword(), typed].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(own as Buffer, other as Buffer);
}

async function checkCode(
  context: Context,
  session: SignedIn,
  code: string,
  { confirms }: { confirms: boolean },
): Promise<SecondFactorResult> {
  const { database } = context;
  const accountId = session.account.id;
  const at = context.now();
  const counted = await countFactorAttempt(context, session);
  if (!counted.allowed)
    return record(context, session, { ok: false, reason: 'too-many-attempts', retryAt: counted.retryAt });
  const row = await database.prisma.totpFactor.findUnique({ where: { accountId } });
  if (row === null || (row.confirmedAt === null) !== confirms)
    return record(context, session, { ok: false, reason: 'none' });
  const step = stepOf(totpOf(context, row, session.account.address), code, at);
  // One code is good once, also for two requests at the same moment.
  const used =
    step === null
      ? 0
      : await database.prisma.totpFactor.updateMany({
          where: { accountId, lastStep: { lt: step } },
          data: { lastStep: step, ...(confirms ? { confirmedAt: at } : {}) },
        });
  if (used === 0 || used.count === 0) return record(context, session, { ok: false, reason: 'wrong' });
  await forgetFactorAttempts(context, session);
  return record(context, session, { ok: true });
}

async function record(context: Context, session: SignedIn, result: SecondFactorResult): Promise<SecondFactorResult> {
  await recordFactor(context, session, result.ok ? 'done' : 'refused', result.ok ? undefined : result.reason);
  return result;
}

export async function recordFactor(
  context: Context,
  session: SignedIn,
  result: 'done' | 'refused',
  reason?: string,
): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'second-factor',
    object: session.account.id,
    result,
    ...(reason === undefined ? {} : { reason }),
  });
}

/** Of an account, whichever factor is tried. */
export function countFactorAttempt({ database, config, now }: Context, session: SignedIn) {
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  return countAttempt(database, 'second-factor', session.account.id, ATTEMPTS, key, now());
}

export function forgetFactorAttempts({ database, config }: Context, session: SignedIn): Promise<void> {
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  return forgetAttempts(database, 'second-factor', session.account.id, key);
}

function stepOf(totp: TOTP, code: string, at: Date): bigint | null {
  const digits = code.replace(/\s/g, '');
  if (!/^\d{6}$/.test(digits)) return null;
  const delta = totp.validate({ token: digits, timestamp: at.getTime(), window: WINDOW });
  return delta === null ? null : BigInt(Math.floor(at.getTime() / 1000 / PERIOD_SECONDS) + delta);
}

function totpOf({ config }: Pick<Context, 'config'>, row: TotpFactor, address: string): TOTP {
  const secret = openSealed(
    keyOf(config.serverKeys, row.serverKeyVersion),
    row.sealedSecret,
    sealContext(row.accountId),
  );
  const buffer = secret.buffer.slice(secret.byteOffset, secret.byteOffset + secret.length) as ArrayBuffer;
  secret.fill(0);
  return new TOTP({
    issuer: 'Sealpost',
    label: address,
    secret: new Secret({ buffer }),
    digits: 6,
    period: PERIOD_SECONDS,
    algorithm: 'SHA1',
  });
}

function sealContext(accountId: string): string {
  return `second factor ${accountId}`;
}
