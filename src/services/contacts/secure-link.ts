import type { Context } from '../../context.ts';
import type { Contact, LinkState } from '../../generated/prisma/client.ts';
import { addressKey, sameAddress } from '../../mail/address.ts';
import type { OpenedMessage, SignerSummary } from '../../smime/verdict.ts';
import type { Database } from '../database/connect.ts';
import type { SignedIn } from '../sessions/session.ts';
import { noteCapabilities } from './contact-capabilities.ts';

/** Clocks of two offices differ; a signing time this much before our request still counts as after it. */
const CLOCK_TOLERANCE_MS = 10 * 60_000;

/** The answer to a request is on the screen and its Digital ID is not stored yet: the page proposes to add it. */
export type LinkSuggestion = { contactId: string; name: string; address: string };

/**
 * Called after a message was opened: moves the secure link with its sender on (T19). A signature that was not intact
 * moves nothing; `ready` needs a trusted signature inside an encryption. Newer capabilities of a Digital ID that is stored
 * are learnt on the way (T29).
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
    include: { certificates: { select: { id: true, sha256: true } } },
  });
  if (!contact) return null;
  const stored = contact.certificates.find(({ sha256 }) => sha256 === signer.sha256);
  // What a program announces is for what is encrypted to it: with split keys that is not what it signs with (S09).
  const encryptedTo = contact.certificates.find(
    ({ sha256 }) => sha256 === (signer.encryptionCertificate ?? signer.sha256),
  );
  if (encryptedTo && opened.signature.status === 'trusted') {
    await noteCapabilities(context.database, encryptedTo.id, signer, context.now());
  }
  if (contact.linkState === 'asked' && isAfter(opened, signer, contact.linkMessageId, contact.linkAskedAt)) {
    if (!stored) return { contactId: contact.id, name: contact.name, address: contact.address };
    await noteDigitalIdStored(context.database, contact.id, context.now());
    return null;
  }
  const bothWays = opened.signature.status === 'trusted' && opened.encryption.status === 'encrypted';
  if (
    contact.linkState === 'tested' &&
    bothWays &&
    isAfter(opened, signer, contact.linkTestMessageId, contact.linkTestedAt)
  ) {
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
