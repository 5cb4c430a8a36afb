import { randomUUID } from 'node:crypto';
import type { Context } from '../../context.ts';
import type { Contact } from '../../generated/prisma/client.ts';
import { addressKey } from '../../mail/address.ts';
import { type SendProblem, sendLetter } from '../letters/send-letter.ts';
import type { SignedIn } from '../sessions/session.ts';

/** One request is one letter each: more than this is no list of partners. */
export const MAX_LINK_RECIPIENTS = 50;

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
export async function askForSecureLink(
  context: Context,
  session: SignedIn,
  request: LinkRequest,
): Promise<LinkOutcome> {
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

/** For the hidden field of a form that sends letters. */
export function newLinkNonce(): string {
  return randomUUID();
}
