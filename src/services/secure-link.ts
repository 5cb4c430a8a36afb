import { randomUUID } from 'node:crypto';
import type { Context } from '../context.ts';
import type { Contact, LinkState } from '../generated/prisma/client.ts';
import { addressKey, sameAddress } from '../mail/address.ts';
import type { OpenedMessage, SignerSummary } from '../smime/verdict.ts';
import type { Database } from './database/connect.ts';
import { type SendProblem, sendLetter } from './send-letter.ts';
import type { SignedIn } from './session.ts';

/** Clocks of two offices differ; a signing time this much before our request still counts as after it. */
const CLOCK_TOLERANCE_MS = 10 * 60_000;
/** One request is one letter each: more than this is no list of partners. */
export const MAX_LINK_RECIPIENTS = 50;

/** The answer to a request is on the screen and its Digital ID is not stored yet: the page proposes to add it. */
export type LinkSuggestion = { contactId: string; name: string; address: string };

/**
 * Called after a message was opened: moves the secure link with its sender on (T19). A signature that was not intact
 * moves nothing; `ready` needs a trusted signature inside an encryption.
 * @returns what to propose to the reader, or null
 */
export async function noteLinkProgress(
  context: Context,
  session: SignedIn,
  opened: OpenedMessage,
): Promise<LinkSuggestion | null> {
  const signer = signerOfSender(opened);
  const from = opened.from[0];
  if (!signer || !from) return null;
  const { prisma } = context.database;
  const contact = await prisma.contact.findUnique({
    where: { accountId_addressKey: { accountId: session.account.id, addressKey: addressKey(from.address) } },
    include: { certificates: { where: { sha256: signer.sha256 }, select: { id: true } } },
  });
  if (!contact) return null;
  if (contact.linkState === 'asked' && isAfter(opened, signer, contact.linkMessageId, contact.linkAskedAt)) {
    if (contact.certificates.length === 0) return { contactId: contact.id, name: contact.name, address: contact.address };
    await noteDigitalIdStored(context.database, contact.id, context.now());
    return null;
  }
  const bothWays = opened.signature.status === 'trusted' && opened.encryption.status === 'encrypted';
  if (contact.linkState === 'tested' && bothWays && isAfter(opened, signer, contact.linkTestMessageId, contact.linkTestedAt)) {
    await prisma.contact.updateMany({
      where: { id: contact.id, linkState: 'tested' },
      data: { linkState: 'ready', linkReadyAt: context.now() },
    });
  }
  return null;
}

/** The intact signature of the one From address; none where the claim grants nothing. */
function signerOfSender(opened: OpenedMessage): SignerSummary | null {
  const { status, signers } = opened.signature;
  const from = opened.from[0];
  if ((status !== 'trusted' && status !== 'untrusted') || opened.from.length !== 1 || !from) return null;
  const ofSender = signers.find(
    (signer) => signer.intact && signer.addresses.some((address) => sameAddress(address, from.address)),
  );
  return ofSender ?? null;
}

/** Whether a message answers ours: it refers to it, or it was signed after it. */
function isAfter(opened: OpenedMessage, signer: SignerSummary, messageId: string | null, since: Date | null): boolean {
  const answered = [opened.inReplyTo, ...opened.references].flatMap((id) => (id === null ? [] : [bareId(id)]));
  if (messageId !== null && answered.includes(bareId(messageId))) return true;
  const written = signer.signingTime ?? opened.date;
  return since !== null && written !== null && written.getTime() >= since.getTime() - CLOCK_TOLERANCE_MS;
}

function bareId(messageId: string): string {
  return messageId.trim().replace(/^<|>$/g, '');
}

/** A Digital ID of the contact was stored: an open request counts as answered. */
export async function noteDigitalIdStored(database: Database, contactId: string, at: Date): Promise<void> {
  await database.prisma.contact.updateMany({
    where: { id: contactId, linkState: 'asked' },
    data: { linkState: 'answered', linkAnsweredAt: at },
  });
}

/** Called after a letter was queued: one that is encrypted and signed tests the link with each contact it goes to (S05). */
export async function noteLinkSent(
  context: Context,
  session: SignedIn,
  sent: { messageId: string; addresses: readonly string[]; signed: boolean; encrypted: boolean },
): Promise<void> {
  if (!sent.signed || !sent.encrypted) return;
  await context.database.prisma.contact.updateMany({
    where: {
      accountId: session.account.id,
      addressKey: { in: sent.addresses.map(addressKey) },
      linkState: { in: ['none', 'asked', 'answered'] },
    },
    data: { linkState: 'tested', linkTestedAt: context.now(), linkTestMessageId: sent.messageId },
  });
}

export type LinkRequest = {
  /** From the form: a double click asks once */
  nonce: string;
  recipients: readonly { name: string; address: string }[];
  subject: string;
  text: string;
};

export type LinkOutcome = {
  asked: string[];
  refused: { address: string; problems: SendProblem[] }[];
};

/**
 * Sends each recipient a letter of its own, signed and not encrypted, that asks for a signed answer; whoever is no
 * contact yet becomes one. Nobody sees who else was asked.
 */
export async function askForSecureLink(context: Context, session: SignedIn, request: LinkRequest): Promise<LinkOutcome> {
  const outcome: LinkOutcome = { asked: [], refused: [] };
  for (const recipient of request.recipients) {
    const sent = await sendLetter(context, session, {
      nonce: `${request.nonce} ${addressKey(recipient.address)}`,
      to: [recipient],
      cc: [],
      bcc: [],
      subject: request.subject,
      text: request.text,
      attachments: [],
      sign: true,
      encrypt: false,
      includeRoot: true,
    });
    if (sent.ok) {
      await noteAsked(context, session, recipient, sent.messageId);
      outcome.asked.push(recipient.address);
    } else outcome.refused.push({ address: recipient.address, problems: sent.problems });
  }
  return outcome;
}

/** A new request begins a new round: what an earlier one reached no longer counts. */
async function noteAsked(
  context: Context,
  session: SignedIn,
  recipient: { name: string; address: string },
  messageId: string,
): Promise<void> {
  const at = context.now();
  const key = addressKey(recipient.address);
  const round = {
    linkState: 'asked' as const,
    linkAskedAt: at,
    linkMessageId: messageId,
    linkAnsweredAt: null,
    linkTestedAt: null,
    linkTestMessageId: null,
    linkReadyAt: null,
  };
  const { prisma } = context.database;
  await prisma.contact.createMany({
    skipDuplicates: true,
    data: {
      accountId: session.account.id,
      name: recipient.name || recipient.address,
      address: recipient.address,
      addressKey: key,
      createdAt: at,
    },
  });
  // The second half of a double click finds the round begun already.
  await prisma.contact.updateMany({
    where: {
      accountId: session.account.id,
      addressKey: key,
      OR: [{ linkMessageId: null }, { linkMessageId: { not: messageId } }],
    },
    data: round,
  });
}

/** Sends the contact an encrypted and signed letter that asks for an answer of the same kind (S05). */
export async function testSecureLink(
  context: Context,
  session: SignedIn,
  contact: Pick<Contact, 'id' | 'name' | 'address'>,
  letter: { nonce: string; subject: string; text: string },
): Promise<{ ok: true } | { ok: false; problems: SendProblem[] }> {
  const sent = await sendLetter(context, session, {
    nonce: letter.nonce,
    to: [{ name: contact.name, address: contact.address }],
    cc: [],
    bcc: [],
    subject: letter.subject,
    text: letter.text,
    attachments: [],
    sign: true,
    encrypt: true,
  });
  if (!sent.ok) return sent;
  await context.database.prisma.contact.updateMany({
    where: {
      id: contact.id,
      accountId: session.account.id,
      OR: [{ linkTestMessageId: null }, { linkTestMessageId: { not: sent.messageId } }],
    },
    data: {
      linkState: 'tested',
      linkTestedAt: context.now(),
      linkTestMessageId: sent.messageId,
      linkReadyAt: null,
    },
  });
  return { ok: true };
}

export type LinkStep = { state: Exclude<LinkState, 'none'>; reached: boolean; at: Date | null };

/** The track of the four states, with the time each was reached; one that was skipped has none. */
export function linkTrack(
  contact: Pick<Contact, 'linkState' | 'linkAskedAt' | 'linkAnsweredAt' | 'linkTestedAt' | 'linkReadyAt'>,
): LinkStep[] {
  const times = {
    asked: contact.linkAskedAt,
    answered: contact.linkAnsweredAt,
    tested: contact.linkTestedAt,
    ready: contact.linkReadyAt,
  };
  return (['asked', 'answered', 'tested', 'ready'] as const).map((state) => ({
    state,
    reached: times[state] !== null,
    at: times[state],
  }));
}

/** For the hidden field of a form that sends letters. */
export function newLinkNonce(): string {
  return randomUUID();
}
