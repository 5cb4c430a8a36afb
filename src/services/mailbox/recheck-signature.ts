import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import { askResponders } from '../revocation/ocsp-answers.ts';
import { refreshListsNow } from '../revocation/refresh-lists.ts';
import { evidenceKey, forgetEvidence } from '../revocation/signature-evidence.ts';
import { countAttempt } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';
import type { MessageRef } from './message-ref.ts';
import { isAnchored, readMessage } from './read-message.ts';

/** Lists are large: a responder that is slow must not hold the page up. */
const PATIENCE_MS = 8000;
/** Of one person in a quarter of an hour: each asks authorities outside, who may be slow or out of reach. */
const RECHECKS_MAX = 20;

/**
 * Forgets by what the signature of a message was judged and fetches what is published now, so that the next opening judges anew. What
 * proves a revocation is kept: whoever can silence the authority must not have it forgotten. The audit trail keeps that somebody asked.
 * @returns when it may be asked again, where it was asked too often; null when it was done
 */
export async function recheckSignature(context: Context, session: SignedIn, ref: MessageRef): Promise<Date | null> {
  const { config, database } = context;
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const counted = await countAttempt(database, 'recheck', session.account.id, RECHECKS_MAX, key, context.now());
  if (!counted.allowed) return counted.retryAt;
  const { opened, facts } = await readMessage(context, session, ref);
  const { signers } = opened.signature;
  if (!signers.some(({ revocation }) => revocation.status === 'revoked'))
    await forgetEvidence(database, session.account.id, evidenceKey(facts));
  const paths = signers.filter(isAnchored).map(({ path }) => path);
  context.fetcher.askAgain(paths.flat().map((one) => one.sha256));
  const asked = Promise.all([
    refreshListsNow(context),
    ...paths.map((path) =>
      askResponders(
        context,
        path.map((one) => one.der),
        { anew: true, judgedBy: [] },
      ),
    ),
  ]);
  await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref())]);
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'recheck',
    object: opened.signature.signers[0]?.sha256 ?? '',
    result: 'done',
  });
  return null;
}
