import { createHash } from 'node:crypto';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { fetchSource, type MessageFacts } from '../../mail/message-source.ts';
import type { OpenedMessage, SignerSummary } from '../../smime/verdict.ts';
import type { JobFailure, OpenJob, TrustBytes } from '../../smime/worker-jobs.ts';
import { sealedKeysOf } from '../identities/own-keys.ts';
import { askResponders, hasAnswersBeside } from '../revocation/ocsp-answers.ts';
import { evidenceKey, evidenceOf } from '../revocation/signature-evidence.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type TrustMaterial, trustOf } from '../trust/trust-of.ts';
import { mailboxOf, valueOrError } from './mailbox.ts';
import type { MessageRef } from './message-ref.ts';

/**
 * Why an encrypted message stays closed although the mailbox gave it: `locked` keys, `no-vault` yet, or `none` of it
 * (then a failed encryption means that no key of this person fits).
 */
export type Closed = 'locked' | 'no-vault' | 'none';

export type ReadMessage = {
  ref: MessageRef;
  opened: OpenedMessage;
  facts: MessageFacts;
  closed: Closed;
};

/**
 * Fetches a message and opens it in a worker, with every key the person ever had and what the person trusts, judged at its
 * arrival. Works with locked keys too. The trail records each decryption; `recorded` is for documents of a page that was.
 * @throws AppError message-gone, message-too-large, message-too-complex, mail-server-…, busy
 */
export async function readMessage(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  options: { recorded?: boolean } = {},
): Promise<ReadMessage> {
  let { opened, facts } = await openOnce(context, session, ref);
  if ((isUnchecked(opened) && (await askAboutSigners(context, opened))) || (await hasOtherAnswers(context, opened)))
    ({ opened, facts } = await openOnce(context, session, ref, signersOf(opened)));
  const failed = opened.encryption.status === 'failed';
  const closed = !failed || session.masterKey ? 'none' : session.hasVault ? 'locked' : 'no-vault';
  const message: ReadMessage = { ref, opened, facts, closed };
  if (!options.recorded) await recordDecryption(context, session, message);
  return message;
}

async function openOnce(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  certificates: readonly string[] = [],
): Promise<{ opened: OpenedMessage; facts: MessageFacts }> {
  const { job, facts, release } = await openingOf(context, session, ref, certificates);
  const result = await context.workers.run<'open'>({ kind: 'open', ...job }, session.account.id);
  await release();
  if (!result.ok) throw failedJob(result.code, result.message);
  return { opened: result.value, facts };
}

function isUnchecked({ signature }: OpenedMessage): boolean {
  return signature.signers.some((signer) => signer.intact && signer.revocation.status === 'unchecked');
}

/** Asks once for what is not known about the signers, where it may be asked for. True when there is something to judge by. */
async function askAboutSigners(context: Context, { signature }: OpenedMessage): Promise<boolean> {
  const answered = await Promise.all(
    signature.signers.filter(isAnchored).map(({ path, revocation }) => {
      const certificates = path.map((one) => one.der);
      return askResponders(context, certificates, { judgedBy: revocation.evidence });
    }),
  );
  return answered.includes(true);
}

/** What a responder said may be newer than the list that a signer is good by: an answer at hand is never passed over. */
async function hasOtherAnswers(context: Context, { signature }: OpenedMessage): Promise<boolean> {
  const good = signature.signers.filter(({ revocation }) => revocation.status === 'good');
  const found = await Promise.all(
    good.map(({ path, revocation }) => {
      const certificates = path.map((one) => one.sha256);
      return hasAnswersBeside(context.database, certificates, revocation.evidence, context.now());
    }),
  );
  return found.includes(true);
}

/** Nobody is asked for the sake of strangers: they could name any address below a listed one, and have it asked again and again. */
export function isAnchored({ intact, reasons }: SignerSummary): boolean {
  return intact && !reasons.some((reason) => reason === 'unknown-issuer' || reason === 'issuer-not-trusted');
}

/** SHA-256 of all certificates on the paths of the signers. */
function signersOf({ signature }: OpenedMessage): string[] {
  return signature.signers.flatMap((signer) => signer.path.map((one) => one.sha256));
}

/**
 * Everything a worker needs to open this message; `release` when no job needs it any more.
 * @throws AppError as `readMessage`
 */
export async function openingOf(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  certificates: readonly string[] = [],
): Promise<{ job: Omit<OpenJob, 'kind'>; facts: MessageFacts; release(): Promise<void> }> {
  const { messageLimitBytes: limit, spoolFolder } = context.config;
  const [source, asked] = await Promise.allSettled([
    mailboxOf(context, session).run((connection) => fetchSource(connection, ref, limit, spoolFolder)),
    Promise.all([sealedKeysOf(context.database, session.account.id), trustOf(context.database, session.account.id)]),
  ]);
  if (source.status === 'rejected') throw source.reason;
  const { bytes, release, ...facts } = valueOrError(source.value);
  if (asked.status === 'rejected') {
    await release();
    throw asked.reason;
  }
  const [keys, material] = asked.value;
  try {
    const trust = await withEvidence(context, session, material, facts, certificates);
    return { job: { bytes, keys, masterKey: session.masterKey, trust, at: facts.internalDate }, facts, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** What was published about revocation, and what this message was judged by before. */
async function withEvidence(
  context: Context,
  session: SignedIn,
  material: TrustMaterial,
  facts: MessageFacts,
  certificates: readonly string[],
): Promise<TrustBytes> {
  const kept = await evidenceOf(context.database, session.account.id, evidenceKey(facts));
  const wanted = { certificates, earlier: kept?.evidence ?? [] };
  const revocation = await context.revocation.evidence(session.account.id, wanted, context.now());
  return { ...material, intermediates: [...material.intermediates, ...(kept?.chain ?? [])], revocation };
}

/** What a page says about a job that failed. */
export function failedJob(code: JobFailure, message: string): AppError {
  if (code === 'too-complex') return new AppError('message-too-complex');
  if (code === 'closed') return new AppError('busy');
  if (code === 'no-room') return new AppError('no-room');
  return new AppError('internal', {}, { cause: new Error(`${code}: ${message}`) });
}

/**
 * Writes the decryption into the trail; done by `readMessage`, unless it was told that the caller does it beside other work.
 * The object is a hash: a Message-ID may tell who wrote, and the trail is read by others.
 */
export async function recordDecryption(context: Context, session: SignedIn, message: ReadMessage): Promise<void> {
  const { opened, closed } = message;
  if (closed !== 'none' || !opened.layers.some((layer) => layer.kind === 'encrypted')) return;
  const failed = opened.encryption.status === 'failed';
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'decrypt',
    object: createHash('sha256')
      .update(opened.messageId ?? '')
      .digest('hex'),
    result: failed ? 'failed' : 'done',
    ...(failed ? { reason: 'no-key-fits' } : {}),
  });
}
