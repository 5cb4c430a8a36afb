import type { Context } from '../../context.ts';
import type { WrappingSecret } from '../../vault/master-key.ts';
import { type SignedIn, sessionIdOf, unlockSession } from './session.ts';
import { changePassphrase, openVault, type UnlockResult } from './vault.ts';

export type SessionUnlockResult = { ok: true; cookie: string; masterKey: Buffer } | Exclude<UnlockResult, { ok: true }>;

/** Opens the vault and puts the master key into the session, which gets a new token (rotation at unlock). */
export async function unlock(context: Context, session: SignedIn, by: WrappingSecret): Promise<SessionUnlockResult> {
  const opened = await openAndRecord(context, session, by);
  if (!opened.ok) return opened;
  return { ok: true, cookie: await admitKeys(context, session, opened.masterKey), masterKey: opened.masterKey };
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
  const { masterKey } = opened;
  try {
    const recoveryCode = await changePassphrase(
      database,
      config,
      session.account.id,
      masterKey,
      passphrase,
      context.now(),
    );
    await context.audit.record({ ...whoOf(session), action: 'passphrase-change', object: 'vault', result: 'done' });
    return { ok: true, cookie: await admitKeys(context, session, masterKey), recoveryCode };
  } finally {
    masterKey.fill(0);
  }
}

async function openAndRecord(context: Context, session: SignedIn, by: WrappingSecret): Promise<UnlockResult> {
  const opened = await openVault(context.database, context.config, session.account.id, by, context.now());
  await context.audit.record({
    ...whoOf(session),
    action: by.kind === 'recovery' ? 'recovery-use' : 'unlock',
    object: 'vault',
    result: opened.ok ? 'done' : 'refused',
    ...(opened.ok ? {} : { reason: opened.reason }),
  });
  return opened;
}

function whoOf({ account, network }: SignedIn) {
  return { accountId: account.id, actor: account.address, network };
}

/** The session under a new token, with this master key; its mailbox connection goes with it. */
export async function admitKeys(context: Context, session: SignedIn, masterKey: Buffer): Promise<string> {
  const cookie = await unlockSession(context.database, context.config, session, masterKey, context.now());
  context.mail.rename(session.sessionId, sessionIdOf(cookie));
  return cookie;
}
