import { type Address, addressKey, addressProblem, sameAddress } from '../../mail/address.ts';
import { decodeEncodedWords } from '../../mime/headers.ts';
import { markingInSubject, SENSITIVE, withoutMarking } from '../../smime/marking.ts';
import { MAX_QUOTE_CHARACTERS, mayQuote } from '../../smime/reply-quote.ts';
import type { MailAddress, OpenedMessage } from '../../smime/verdict.ts';
import type { DraftOrigin } from './drafts.ts';

export type AnswerMode = 'reply' | 'reply-all' | 'forward';

/** What an answer starts with. */
export type Answer = {
  to: Address[];
  cc: Address[];
  subject: string;
  /** The text quoted or forwarded; empty where it is withheld or there is none */
  quote: string;
  quoteWithheld: DraftOrigin['quoteWithheld'];
  mustEncrypt: boolean;
  /** The subject was read inside an encryption only, so it leaves inside one only (RFC 9788 section 6.1) */
  hideSubject: boolean;
  /** The answer keeps it, and its subject does not repeat it (S06); null without one */
  marking: string | null;
  inReplyTo: string | null;
  references: string[];
};

/** Words around a quote, in the writer's language. */
export type QuoteWords = {
  /** On 24 November 2026, 11:25, Marta Klein wrote: */
  attribution(date: Date | null, from: string): string;
  /** The block of header lines above a forwarded text */
  forwarded(header: { from: string; to: string; date: Date | null; subject: string }): string;
};

/** Prefixes that programs of the three languages put before an answer's subject. */
const PREFIXES = { reply: /^(re|aw|antw|réf|rép)\s*:\s*/i, forward: /^(fwd?|wg|tr)\s*:\s*/i };
/** RFC 5322 section 3.6.4 names no limit; relays have one for header lines. */
const MAX_REFERENCES = 30;

/**
 * Builds the beginning of an answer from the message as it was opened, never from what stands outside a signature.
 * @param text of the message, also where it has HTML alone: that is read elsewhere, it may take long
 */
export function composeAnswer(
  opened: OpenedMessage,
  mode: AnswerMode,
  own: string,
  words: QuoteWords,
  text = opened.text,
): Answer {
  const { to, cc } = mode === 'forward' ? { to: [], cc: [] } : replyRecipients(opened, mode, own);
  const quoteWithheld = withheldQuote(opened, mode, to.length + cc.length);
  const prefix = mode === 'forward' ? 'Fwd: ' : 'Re: ';
  const known = mode === 'forward' ? PREFIXES.forward : PREFIXES.reply;
  const subject = withoutMarking(quoteWithheld === null ? opened.subject : outerSubject(opened));
  return {
    to,
    cc,
    subject: known.test(subject) ? subject : `${prefix}${subject}`,
    quote: quoteWithheld === null ? quoteOf(opened, mode, words, text) : '',
    quoteWithheld,
    mustEncrypt: isEncrypted(opened),
    hideSubject: opened.subjectHidden,
    marking: quoteWithheld === null ? (opened.marking?.text ?? null) : outerMarking(opened),
    inReplyTo: opened.messageId,
    references: referencesOf(opened),
  };
}

/** Any layer counts: also of a message that could not be opened, and of one whose encryption is weak. */
export function isEncrypted(opened: OpenedMessage): boolean {
  return opened.encryption.status !== 'none' || opened.layers.some((layer) => layer.kind === 'encrypted');
}

/**
 * Why the text of this message must not be quoted without being asked for. Whoever re-sends a captured cipher text as his
 * own must not get its text back with the answer (security.md, "The claim about encryption").
 */
export function withheldQuote(
  opened: OpenedMessage,
  mode: AnswerMode,
  recipients: number,
): DraftOrigin['quoteWithheld'] {
  if (!isEncrypted(opened)) return null;
  if (opened.encryption.status === 'failed') return 'closed';
  // A forward goes to people whom the writer names; an answer to whom the message names.
  if (mode === 'forward') return null;
  if (opened.encryption.malleable) return 'malleable';
  if (!mayQuote(opened)) return 'no-signature';
  // The signature proves the From address alone; further recipients may have been put on by whoever re-sent it.
  return recipients > 1 && !opened.headersProtected ? 'unprotected-recipients' : null;
}

/** The one that travelled in clear: where the text is withheld, a subject from inside the encryption is text like the rest. */
function outerSubject({ rootHeaders }: OpenedMessage): string {
  return decodeEncodedWords(rootHeaders.find(({ name }) => name.toLowerCase() === 'subject')?.value ?? '');
}

/** Of a marking that may come from inside the encryption no more than that there is one: its instruction is text, too. */
function outerMarking(opened: OpenedMessage): string | null {
  return markingInSubject(outerSubject(opened)) ?? (opened.marking === null ? null : SENSITIVE);
}

function replyRecipients(opened: OpenedMessage, mode: AnswerMode, own: string): { to: Address[]; cc: Address[] } {
  // In encrypted mail Reply-To counts only where it is protected: it could name whoever re-sent the cipher text.
  const useReplyTo = opened.replyTo.length > 0 && (!isEncrypted(opened) || opened.headersProtected);
  // Whoever changed the From outside is not answered (RFC 9788 section 6.2).
  const senders = useReplyTo ? opened.replyTo : (opened.protectedFrom ?? opened.from);
  const mine = senders.length > 0 && senders.every((sender) => sameAddress(sender.address, own));
  // An answer to one's own letter goes on to those it went to.
  const to = mine ? opened.to : senders;
  if (mode === 'reply') return { to: distinct(to, []), cc: [] };
  const rest = (mine ? opened.cc : [...opened.to, ...opened.cc]).filter((one) => !sameAddress(one.address, own));
  const first = distinct(to, []);
  return { to: first, cc: distinct(rest, first) };
}

/** Each once, without those that are no addresses: a header may hold anything. */
function distinct(list: readonly MailAddress[], without: readonly Address[]): Address[] {
  const seen = new Set(without.map((one) => addressKey(one.address)));
  return list.flatMap(({ name, address }) => {
    const key = addressKey(address);
    if (seen.has(key) || addressProblem(address) !== null) return [];
    seen.add(key);
    return [{ name, address }];
  });
}

function referencesOf(opened: OpenedMessage): string[] {
  const all = [...opened.references, ...(opened.messageId === null ? [] : [opened.messageId])];
  const distinctIds = [...new Set(all)];
  if (distinctIds.length <= MAX_REFERENCES) return distinctIds;
  // The first names the conversation, the last ones the place in it.
  return [distinctIds[0] ?? '', ...distinctIds.slice(1 - MAX_REFERENCES)];
}

/** The text of the message, quoted or below a block of header lines. */
export function quoteOf(
  opened: OpenedMessage,
  mode: AnswerMode,
  words: QuoteWords,
  textOfMessage: string | null,
): string {
  const text = (textOfMessage ?? '').slice(0, MAX_QUOTE_CHARACTERS).replace(/\r\n?/g, '\n').trimEnd();
  const [from] = opened.from;
  const sender = from === undefined ? '' : from.name || from.address;
  if (mode === 'forward') {
    const header = {
      from: opened.from.map(writeAddress).join(', '),
      to: opened.to.map(writeAddress).join(', '),
      date: opened.date,
      subject: opened.subject,
    };
    return `${words.forwarded(header)}\n\n${text}`;
  }
  if (text === '') return '';
  const quoted = text.split('\n').map((line) => (line.startsWith('>') || line === '' ? `>${line}` : `> ${line}`));
  return `${words.attribution(opened.date, sender)}\n${quoted.join('\n')}`;
}

/** As a field of recipients is typed and read again: `Name <a@b>`, the name quoted where it must be. */
export function writeAddress({ name, address }: { name: string; address: string }): string {
  if (name.trim() === '' || name === address) return address;
  const plain = /^[\p{L}\p{M}\p{N} .'’-]+$/u.test(name);
  return `${plain ? name : `"${name.replace(/["\\]/g, '\\$&')}"`} <${address}>`;
}

/** Text, signature text and quote in the order in which people write. */
export function letterText(signatureText: string, quote: string): string {
  const signature = signatureText.trim() === '' ? '' : `\n\n-- \n${signatureText.trim()}`;
  return `${signature}${quote === '' ? '' : `\n\n${quote}\n`}`;
}
