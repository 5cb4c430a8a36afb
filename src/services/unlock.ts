import type { Context } from '../context.ts';
import type { WrappingSecret } from '../vault/master-key.ts';
import { type SignedIn, sessionIdOf, unlockSession } from './session.ts';
import { openVault, type UnlockResult } from './vault.ts';

export type SessionUnlockResult = { ok: true; cookie: string; masterKey: Buffer } | Exclude<UnlockResult, { ok: true }>;

/** Opens the vault and puts the master key into the session, which gets a new token (rotation at unlock). */
export async function unlock(context: Context, session: SignedIn, by: WrappingSecret): Promise<SessionUnlockResult> {
  const opened = await openVault(context.database, context.config, session.account.id, by, context.now());
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: by.kind === 'recovery' ? 'recovery-use' : 'unlock',
    object: 'vault',
    result: opened.ok ? 'done' : 'refused',
    ...(opened.ok ? {} : { reason: opened.reason }),
  });
  if (!opened.ok) return opened;
  const cookie = await admitKeys(context, session, opened.masterKey);
  return { ok: true, cookie, masterKey: opened.masterKey };
}

/** The session under a new token, with this master key; its mailbox connection goes with it. */
export async function admitKeys(context: Context, session: SignedIn, masterKey: Buffer): Promise<string> {
  const cookie = await unlockSession(context.database, context.config, session, masterKey, context.now());
  context.mail.rename(session.sessionId, sessionIdOf(cookie));
  return cookie;
}
