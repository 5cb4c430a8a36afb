import { createHash, randomBytes } from 'node:crypto';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { addressDomain } from '../../mail/address.ts';
import type { Composition } from '../../mail/compose-mime.ts';
import { setFlag } from '../../mail/imap-mailbox.ts';
import { wrapSignedReceipt, writeReadReceipt } from '../../mail/write-receipt.ts';
import { sealedKeyOf, signingIdentity } from '../identities/own-keys.ts';
import { letterOfNonce } from '../letters/letters.ts';
import { enqueueLetter } from '../letters/outbox-enqueue.ts';
import { checkLetter } from '../letters/send-letter.ts';
import { mailboxOf } from '../mailbox/mailbox.ts';
import type { MessageRef } from '../mailbox/message-ref.ts';
import { readMessage } from '../mailbox/read-message.ts';
import type { SignedIn } from '../sessions/session.ts';
import { draftPublicKey } from '../sessions/vault.ts';
import { type ReceiptRequest, receiptRequestOf } from './receipt-request.ts';

/** Words of the receipt in the reader's language; the route brings them from `i18n`. */
export type ReceiptWords = { subject: string; text: string };

export type ReceiptSent =
  | { ok: true; letterId: string }
  | { ok: false; problem: 'not-asked' | 'not-allowed' | 'no-signing-identity' };

/**
 * Sends the receipt that a message asks for, since its reader said so: signed where that is asked for. It leaves as a letter of its own with
 * an empty return path, once for each message whatever is clicked.
 * @throws AppError keys-locked, no-vault, message-gone …
 */
export async function sendReceipt(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  words: ReceiptWords,
): Promise<ReceiptSent> {
  const { database } = context;
  const { account } = session;
  const asked = await requestOf(context, session, ref);
  const request = asked?.request ?? null;
  if (request === null) return { ok: false, problem: 'not-asked' };
  const nonce = nonceOf(request);
  const to = [{ name: '', address: request.to }];
  const plain = { to, cc: [], bcc: [], subject: '', sign: false, encrypt: false, attachments: [] };
  const checked = await checkLetter(context, session, { ...plain, marking: { kind: 'none', handling: '' } });
  if ('problems' in checked) return { ok: false, problem: 'not-allowed' };
  const messageId = `<${randomBytes(16).toString('hex')}@${addressDomain(account.address)}>`;
  const made = await writeReceipt(context, session, request, {
    from: { name: `${account.firstName} ${account.surname}`.trim(), address: account.address },
    ...{ to, cc: [], ...words, attachments: [], messageId, date: context.now() },
    ...{ inReplyTo: request.originalMessageId, references: [request.originalMessageId] },
  });
  if (made === null) return { ok: false, problem: 'no-signing-identity' };
  const headKey = (await draftPublicKey(database, account.id)) ?? noVault();
  const letterId =
    (await enqueueLetter(context, session, {
      ...{ nonce, messageId, headKey, signed: request.signed !== null, encrypted: false, draftId: null, mailFrom: '' },
      head: { ...words, to, cc: [], bcc: [] },
      copies: only({ envelopes: [[request.to]], bytes: { size: made.length, slices: () => [made] }, sent: 'same' }),
    })) ?? (await letterOfNonce(database, account.id, nonce));
  await noteAnswered(context, session, ref);
  if (letterId === null) throw new AppError('busy');
  context.outbox.wake();
  context.outbox.attend(session);
  const who = { accountId: account.id, actor: account.address, network: session.network };
  const reason = request.signed === null ? 'receipt-sent' : 'signed-receipt-sent';
  await context.audit.record({ ...who, action: 'send-state', object: letterId, result: 'done', reason });
  return { ok: true, letterId };
}

/** The reader does not want to be asked again; the sender learns nothing. */
export async function declineReceipt(context: Context, session: SignedIn, ref: MessageRef): Promise<void> {
  if ((await requestOf(context, session, ref)) !== null) await noteAnswered(context, session, ref);
}

async function requestOf(context: Context, session: SignedIn, ref: MessageRef) {
  const message = await readMessage(context, session, ref);
  const request = receiptRequestOf(message, session);
  return request && { request };
}

/** Of the message, so that a second click or another window makes no second one. */
function nonceOf({ originalMessageId, to }: ReceiptRequest): string {
  return `receipt ${createHash('sha256').update(`${originalMessageId} ${to.toLowerCase()}`).digest('base64url')}`;
}

async function writeReceipt(
  context: Context,
  session: SignedIn,
  request: ReceiptRequest,
  composition: Composition,
): Promise<Buffer | null> {
  const { account } = session;
  const facts = { recipient: account.address, originalMessageId: request.originalMessageId };
  if (request.signed === null) return writeReadReceipt(composition, facts);
  if (!session.masterKey) throw new AppError('keys-locked');
  const at = context.now();
  const identity = await signingIdentity(context.database, account, at);
  if (identity === null) return null;
  const sign = { ...sealedKeyOf(identity), chain: identity.chain };
  const job = { kind: 'sign-receipt', about: request.signed, sign, masterKey: session.masterKey, at } as const;
  const signed = await context.workers.run<'sign-receipt'>(job, account.id);
  if (!signed.ok) throw new AppError('internal', {}, { cause: new Error(`${signed.code}: ${signed.message}`) });
  return wrapSignedReceipt(composition, signed.value);
}

async function noteAnswered(
  context: Context,
  session: SignedIn,
  { folder, uidValidity, uid }: MessageRef,
): Promise<void> {
  const messages = { folder, uidValidity, uids: [uid] };
  await mailboxOf(context, session).run((connection) => setFlag(connection, messages, 'receipt-answered', true));
}

function noVault(): never {
  throw new AppError('no-vault');
}

async function* only<T>(one: T): AsyncGenerator<T> {
  yield one;
}
