import type { Context } from '../../context.ts';
import type { WrappingSecret } from '../../vault/master-key.ts';
import { type OpenedKeys, type SignedIn, sessionIdOf, unlockSession } from './session.ts';
import { changePassphrase, openVault, type UnlockResult } from './vault.ts';

export type SessionUnlockResult = { ok: true; cookie: string; masterKey: Buffer } | Exclude<UnlockResult, { ok: true }>;

/** Opens the vault and puts the master key into the session, which gets a new token (rotation at unlock). */
export async function unlock(context: Context, session: SignedIn, by: WrappingSecret): Promise<SessionUnlockResult> {
  const opened = await openAndRecord(context, session, by);
  if (!opened.ok) return opened;
  let cookie: string | null = null;
  try {
    cookie = await admitKeys(context, session, opened);
  } finally {
    if (cookie === null) opened.masterKey.fill(0);
  }
  if (cookie !== null) return { ok: true, cookie, masterKey: opened.masterKey };
  return changedMeanwhile(context, session, by);
}

export type RenewedPassphrase =
  | { ok: true; cookie: string; recoveryCode: string }
  | Exclude<UnlockResult, { ok: true }>;

/**
 * A new passphrase and recovery code against the present passphrase or code. Every other session locks; this one goes on
 * under a new token.
 */
export async function renewPassphrase(
  context: Context,
  session: SignedIn,
  by: WrappingSecret,
  passphrase: string,
): Promise<RenewedPassphrase> {
  const opened = await openAndRecord(context, session, by);
  if (!opened.ok) return opened;
  const { database, config } = context;
  try {
    const changed = await changePassphrase(database, config, session.account.id, opened, passphrase, context.now());
    if (changed === null) return await changedMeanwhile(context, session, by);
    await context.audit.record({ ...whoOf(session), action: 'passphrase-change', object: 'vault', result: 'done' });
    const cookie = await admitKeys(context, session, changed);
    return cookie === null
      ? await changedMeanwhile(context, session, by)
      : { ok: true, cookie, recoveryCode: changed.recoveryCode };
  } finally {
    opened.masterKey.fill(0);
  }
}

/** What opened the vault a moment ago opens it no more: as wrong as any other. */
async function changedMeanwhile(
  context: Context,
  session: SignedIn,
  by: WrappingSecret,
): Promise<Extract<UnlockResult, { reason: 'wrong' | 'no-vault' }>> {
  await recordOpening(context, session, by, 'wrong');
  return { ok: false, reason: 'wrong' };
}

async function openAndRecord(context: Context, session: SignedIn, by: WrappingSecret): Promise<UnlockResult> {
  const opened = await openVault(context.database, context.config, session.account.id, by, context.now());
  await recordOpening(context, session, by, opened.ok ? null : opened.reason);
  return opened;
}

function recordOpening(
  context: Context,
  session: SignedIn,
  by: WrappingSecret,
  refusal: Exclude<UnlockResult, { ok: true }>['reason'] | null,
): Promise<void> {
  return context.audit.record({
    ...whoOf(session),
    action: by.kind === 'recovery' ? 'recovery-use' : 'unlock',
    object: 'vault',
    result: refusal === null ? 'done' : 'refused',
    ...(refusal === null ? {} : { reason: refusal }),
  });
}

function whoOf({ account, network }: SignedIn) {
  return { accountId: account.id, actor: account.address, network };
}

/** The session under a new token, with this master key; its mailbox connection goes with it. @returns as `unlockSession` */
export async function admitKeys(context: Context, session: SignedIn, opened: OpenedKeys): Promise<string | null> {
  const cookie = await unlockSession(context.database, context.config, session, opened, context.now());
  if (cookie !== null) context.mail.rename(session.sessionId, sessionIdOf(cookie));
  return cookie;
}
