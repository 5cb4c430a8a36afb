import { type Config, keyOf } from '../../config.ts';
import { AppError } from '../../errors.ts';
import type { Account, Country, MailServer, Prisma, Programme, Session } from '../../generated/prisma/client.ts';
import {
  formatSessionToken,
  generateSessionToken,
  hashSessionSecret,
  isSessionSecret,
  openFromSession,
  parseSessionToken,
  type SessionToken,
  sealForSession,
} from '../../vault/session-secret.ts';
import type { Database } from '../database/connect.ts';
import type { ClientCertificate } from './client-certificate.ts';

/** How stale `lastSeenAt` may be: a write per request would be waste. */
const SEEN_EVERY_MS = 30_000;

export type SignedInAccount = Account & { country: Country & { programme: Programme; mailServer: MailServer } };

/** A request of somebody who is signed in. Buffers are the request's own; `forget` overwrites them. */
export type SignedIn = {
  token: SessionToken;
  sessionId: string;
  account: SignedInAccount;
  network: string;
  /** Of the browser's certificate that the session is bound to */
  certificateSha256: string | null;
  /** Mailbox password as typed at sign-in */
  mailboxPassword(): string;
  /** The unlocked master key, null while locked or when there is no vault */
  masterKey: Buffer | null;
  hasVault: boolean;
  keysUntil: Date | null;
  endsAt: Date;
  /** Until when the session may administrate; null for clerks and before the second factor was shown */
  administrationUntil: Date | null;
  /** The programme that a central administrator chose to administrate; null: that of the own country */
  administeredProgramme: Programme | null;
  forget(): void;
};

/**
 * Opens a session and gives the cookie's value. Called at sign-in and at unlock with a new token each time
 * (a token seen before the step is worth nothing after it).
 */
export async function createSession(
  database: Database,
  config: Config,
  of: {
    accountId: string;
    mailboxPassword: string;
    network: string;
    userAgent: string;
    /** Shown at the sign-in: the session is worth nothing without it */
    certificate?: ClientCertificate | null;
    /** Not after this, such as the end of that certificate */
    until?: Date;
  },
  at: Date,
): Promise<string> {
  const token = generateSessionToken();
  const key = keyOf(config.sessionKeys, config.sessionKeys.current);
  await database.prisma.session.create({
    data: {
      id: token.id,
      accountId: of.accountId,
      secretHash: new Uint8Array(hashSessionSecret(token.secret)),
      sessionKeyVersion: config.sessionKeys.current,
      sealedCredential: new Uint8Array(sealForSession(token, key, Buffer.from(of.mailboxPassword), 'credential')),
      createdAt: at,
      lastSeenAt: at,
      endsAt: new Date(Math.min(at.getTime() + config.sessionMs, of.until?.getTime() ?? Number.POSITIVE_INFINITY)),
      network: of.network,
      userAgent: of.userAgent.slice(0, 200),
      ...(of.certificate && {
        certificateSha256: of.certificate.sha256,
        certificate: new Uint8Array(of.certificate.der),
        certificateCheckedAt: at,
      }),
    },
  });
  return formatSessionToken(token);
}

/** Id part of a cookie's value that `createSession` or `unlockSession` gave. */
export function sessionIdOf(cookie: string): string {
  return cookie.split('.')[0] ?? '';
}

/** The session of a cookie, or null: unknown, wrong secret, ended, or the account is no longer active. */
export async function findSession(
  database: Database,
  config: Config,
  cookie: string,
  network: string,
  at: Date,
): Promise<SignedIn | null> {
  const token = parseSessionToken(cookie);
  if (!token) return null;
  const row = await database.prisma.session.findUnique({
    where: { id: token.id },
    include: {
      account: {
        include: { vault: { select: { version: true } }, country: { include: { programme: true, mailServer: true } } },
      },
    },
  });
  if (!row || !isSessionSecret(token.secret, row.secretHash)) return null;
  const isShutOut = row.account.state !== 'active' || row.account.country.suspendedAt !== null;
  if (row.endsAt <= at || isShutOut || isSignedOut(row)) {
    await endSession(database, row.id);
    return null;
  }
  const sessionKey = config.sessionKeys.keys.get(row.sessionKeyVersion);
  const credential = sessionKey ? openFromSession(token, sessionKey, row.sealedCredential, 'credential') : null;
  if (!sessionKey || !credential) return null;
  if (at.getTime() - row.lastSeenAt.getTime() > SEEN_EVERY_MS) await touch(database, row.id, at);
  const masterKey = await openKeys(database, row, token, sessionKey, at);
  return {
    token,
    sessionId: row.id,
    account: row.account,
    network,
    certificateSha256: row.certificateSha256,
    mailboxPassword: () => credential.toString('utf8'),
    masterKey,
    hasVault: row.account.vault !== null,
    keysUntil: masterKey ? row.keysUntil : null,
    endsAt: row.endsAt,
    administrationUntil: row.administrationUntil,
    administeredProgramme: await findChosenProgramme(database, row, row.account.role),
    forget: () => {
      credential.fill(0);
      masterKey?.fill(0);
    },
  };
}

/** Begun before all sessions of the account were ended, with a password that counts no longer. */
function isSignedOut({ createdAt, account }: Session & { account: Account }): boolean {
  return account.signedOutAt !== null && createdAt < account.signedOutAt;
}

/** What was chosen counts only as long as it is granted. */
async function findChosenProgramme(
  database: Database,
  { accountId, administeredProgrammeId: programmeId }: Session,
  role: Account['role'],
): Promise<Programme | null> {
  if (programmeId === null || role !== 'central') return null;
  const grant = await database.prisma.programmeGrant.findUnique({
    where: { accountId_programmeId: { accountId, programmeId } },
    include: { programme: true },
  });
  return grant?.programme ?? null;
}

/** Idle lock: keys that ran out are forgotten in the row too, not only ignored. */
async function openKeys(
  database: Database,
  row: Session,
  token: SessionToken,
  sessionKey: Buffer,
  at: Date,
): Promise<Buffer | null> {
  if (!row.sealedMasterKey || !row.keysUntil) return null;
  if (row.keysUntil <= at) {
    await forgetKeys(database, row.id);
    return null;
  }
  return openFromSession(token, sessionKey, row.sealedMasterKey, 'master key');
}

async function touch(database: Database, id: string, at: Date): Promise<void> {
  await database.prisma.session.updateMany({ where: { id }, data: { lastSeenAt: at } });
}

/** A master key, and the version of the vault that it was taken from. */
export type OpenedKeys = { masterKey: Buffer; version: number };

/**
 * Puts the unlocked master key into the session under a new token; the old one ends.
 * @returns the new cookie's value; null when the vault was changed since it was opened: what opened it may count no longer
 */
export async function unlockSession(
  database: Database,
  config: Config,
  session: SignedIn,
  { masterKey, version }: OpenedKeys,
  at: Date,
): Promise<string | null> {
  return database.prisma.$transaction(async (tx) => {
    // The lock orders this and a change of the passphrase, which locks the sessions after the vault.
    const [vault] = await tx.$queryRaw<{ version: number }[]>`
      select version from vault where account_id = ${session.account.id}::uuid for share`;
    if (vault?.version !== version) return null;
    const kept = { masterKey, keysUntil: lockTime(session, at) };
    return expectRenewed(await renewToken({ prisma: tx }, config, session, kept));
  });
}

/**
 * Lets the session administrate, under a new token: the old one ends, so that whoever had it before the step has nothing after it.
 * @returns the new cookie's value
 */
export async function elevateSession(
  database: Database,
  config: Config,
  session: SignedIn,
  until: Date,
): Promise<string> {
  return renewWithItsKeys(database, config, session, { administrationUntil: until });
}

/**
 * The session goes on with the new password of the mailbox, under a new token; it counts as begun now, when all others end.
 * @param tx the transaction that changes the password
 * @returns the new cookie's value
 */
export async function renewCredential(
  tx: SessionTable,
  config: Config,
  session: SignedIn,
  password: string,
  at: Date,
): Promise<string> {
  return renewWithItsKeys({ prisma: tx }, config, session, { createdAt: at }, password);
}

type SessionTable = Pick<Database['prisma'], 'session'>;
type Times = { keysUntil?: Date | null; administrationUntil?: Date; createdAt?: Date };

/** Keys that the request found open are kept only where they still are: a lock that came in between stays one. */
async function renewWithItsKeys(
  database: { prisma: SessionTable },
  config: Config,
  session: SignedIn,
  times: Times,
  mailboxPassword?: string,
): Promise<string> {
  const { masterKey } = session;
  const open =
    masterKey &&
    (await renewToken(database, config, session, { masterKey, ...times }, mailboxPassword, {
      sealedMasterKey: { not: null },
    }));
  const locked = { masterKey: null, keysUntil: null, ...times };
  return open ?? expectRenewed(await renewToken(database, config, session, locked, mailboxPassword));
}

/** @throws AppError form-expired: another window took this step at the same moment and the token along; its cookie is the browser's now */
function expectRenewed(cookie: string | null): string {
  if (cookie === null) throw new AppError('form-expired');
  return cookie;
}

/**
 * The session goes on under a new token; the old one ends. What it keeps is sealed anew, to the new secret.
 * @returns null where there is no such session any more, or not as `only` says
 */
async function renewToken(
  database: { prisma: SessionTable },
  config: Config,
  session: SignedIn,
  { masterKey, ...times }: { masterKey: Uint8Array | null } & Times,
  mailboxPassword = session.mailboxPassword(),
  only: Prisma.SessionWhereInput = {},
): Promise<string | null> {
  const token = generateSessionToken();
  const key = keyOf(config.sessionKeys, config.sessionKeys.current);
  const credential = Buffer.from(mailboxPassword);
  try {
    const renewed = await database.prisma.session.updateMany({
      where: { ...only, id: session.sessionId },
      data: {
        id: token.id,
        secretHash: new Uint8Array(hashSessionSecret(token.secret)),
        sessionKeyVersion: config.sessionKeys.current,
        sealedCredential: new Uint8Array(sealForSession(token, key, credential, 'credential')),
        sealedMasterKey: masterKey && new Uint8Array(sealForSession(token, key, masterKey, 'master key')),
        ...times,
      },
    });
    return renewed.count === 0 ? null : formatSessionToken(token);
  } finally {
    credential.fill(0);
  }
}

/** Work keeps the administration open, as it does the keys; what was ended meanwhile stays so. */
export async function keepAdministrationOpen(database: Database, sessionId: string, until: Date): Promise<void> {
  await database.prisma.session.updateMany({
    where: { id: sessionId, administrationUntil: { not: null } },
    data: { administrationUntil: until },
  });
}

export async function endAdministration(database: Database, sessionId: string): Promise<void> {
  await database.prisma.session.updateMany({ where: { id: sessionId }, data: { administrationUntil: null } });
}

/** Work keeps the keys open: the idle lock counts from the last thing the person did. */
export async function extendKeys(database: Database, session: SignedIn, at: Date): Promise<Date | null> {
  if (!session.masterKey) return null;
  const until = lockTime(session, at);
  await database.prisma.session.updateMany({
    where: { id: session.sessionId, sealedMasterKey: { not: null } },
    data: { keysUntil: until },
  });
  return until;
}

function lockTime(session: SignedIn, at: Date): Date {
  const idle = at.getTime() + session.account.lockMinutes * 60_000;
  return new Date(Math.min(idle, session.endsAt.getTime()));
}

export async function forgetKeys(database: Database, sessionId: string): Promise<void> {
  await database.prisma.session.updateMany({
    where: { id: sessionId },
    data: { sealedMasterKey: null, keysUntil: null },
  });
}

export async function endSession(database: Database, sessionId: string): Promise<void> {
  await database.prisma.session.deleteMany({ where: { id: sessionId } });
}

/** Rows of sessions that ended, and keys of those that were left alone. */
export async function removeEndedSessions(database: Database, at: Date): Promise<void> {
  await database.prisma.session.deleteMany({ where: { endsAt: { lte: at } } });
  await database.prisma.session.updateMany({
    where: { keysUntil: { lte: at } },
    data: { sealedMasterKey: null, keysUntil: null },
  });
}
