import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { countAttempt, forgetAttempts } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';

const PASSPHRASE_ATTEMPTS = 10;

/** What was done with an authority goes into the trail; `object` is the thumbprint, or the id of a request. */
export async function recordAuthority(
  context: Context,
  session: SignedIn,
  object: string,
  result: 'done' | 'refused',
  reason: string,
): Promise<void> {
  const { account, network } = session;
  const who = { accountId: account.id, actor: account.address, network };
  await context.audit.record({ ...who, action: 'administration', object, result, reason });
}

export type Counted<T> = { ok: true; value: T } | WrongPassphrase;
export type WrongPassphrase =
  | { ok: false; problem: 'wrong-passphrase' }
  | { ok: false; problem: 'too-many-attempts'; retryAt: Date };

/**
 * Opens something under an authority's passphrase: attempts are counted for the programme on all nodes, and refusals recorded. The caller
 * closes what was opened; only what it never gets is closed here.
 */
export async function openUnderCount<T>(
  context: Context,
  session: SignedIn,
  object: string,
  open: () => Promise<T | null>,
  close: (value: T) => void,
): Promise<Counted<T>> {
  const { database, config } = context;
  const programmeId = administeredProgramme(session).id;
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const counted = await countAttempt(database, 'authority', programmeId, PASSPHRASE_ATTEMPTS, key, context.now());
  const value = counted.allowed ? await open() : null;
  if (value === null) {
    const problem = counted.allowed ? 'wrong-passphrase' : 'too-many-attempts';
    const reason = counted.allowed ? 'authority-wrong-passphrase' : problem;
    await recordAuthority(context, session, object, 'refused', reason);
    return counted.allowed
      ? { ok: false, problem: 'wrong-passphrase' }
      : { ok: false, problem: 'too-many-attempts', retryAt: counted.retryAt };
  }
  try {
    await forgetAttempts(database, 'authority', programmeId, key);
  } catch (error) {
    close(value);
    throw error;
  }
  return { ok: true, value };
}
