import { addressKey } from '../../mail/address.ts';
import { parseAddressList } from '../../mime/addresses.ts';
import type { ReceiptFacts } from '../../smime/receipt-request.ts';
import type { ReadMessage } from '../mailbox/read-message.ts';
import type { SignedIn } from '../sessions/session.ts';

/** A sender who asks to be told that a message was opened, and where to. */
export type ReceiptRequest = {
  to: string;
  /** It goes to somebody else than the sender: the reader sees that */
  elsewhere: boolean;
  originalMessageId: string;
  /** What a signed receipt has to say; null where only a plain one is asked for */
  signed: ReceiptFacts | null;
};

/** The flag by which all programs know that this was answered (RFC 3503). */
export const ANSWERED_FLAG = '$MDNSent';

/**
 * Null when nothing is asked for or to be said: a message of one's own, one that stays closed, several addresses (RFC 8098 section 2.1 wants
 * to ask about each), or one that was answered. A signed receipt is given only for a signature that is trusted: for any other
 * it would be a signature over a stranger's bytes.
 */
export function receiptRequestOf({ opened, facts, closed }: ReadMessage, session: SignedIn): ReceiptRequest | null {
  const { account } = session;
  const sender = opened.from[0]?.address ?? '';
  if (closed !== 'none' || facts.flags.has(ANSWERED_FLAG) || opened.messageId === null) return null;
  if (isReport(opened.rootHeaders)) return null;
  if (sender === '' || addressKey(sender) === addressKey(account.address)) return null;
  const signed = signedRequest(opened, account.address);
  const to = signed?.to ?? headerRequest(opened.rootHeaders);
  if (to === null) return null;
  const elsewhere = addressKey(to) !== addressKey(sender);
  return { to, elsewhere, originalMessageId: opened.messageId, signed: signed?.facts ?? null };
}

/** Nobody is told of the opening of a report, or of another receipt (RFC 8098 section 2.1). */
function isReport(headers: ReadMessage['opened']['rootHeaders']): boolean {
  return headers.some(({ name, value }) => /^content-type$/i.test(name) && /^multipart\/report/i.test(value));
}

function headerRequest(headers: ReadMessage['opened']['rootHeaders']): string | null {
  const fields = headers.filter(({ name }) => name.toLowerCase() === 'disposition-notification-to');
  const addresses = fields.flatMap(({ value }) => parseAddressList(value));
  const [only] = addresses;
  return addresses.length === 1 && only !== undefined && only.address.includes('@') ? only.address : null;
}

function signedRequest({ signature }: ReadMessage['opened'], own: string): { to: string; facts: ReceiptFacts } | null {
  if (signature.status !== 'trusted') return null;
  const request = signature.signers[0]?.receiptRequest ?? null;
  const [to] = request?.to ?? [];
  if (
    request === null ||
    request.to.length !== 1 ||
    to === undefined ||
    (!request.readers.includes(own.toLowerCase()) && request.readers.length > 0)
  )
    return null;
  const { contentIdentifier, signature: value, attributesDigest } = request;
  return { to, facts: { contentIdentifier, signature: value, attributesDigest } };
}
