/** Reports of failure in words for people: Exim's with its header field, and those of qmail (QSBMF). No other text is guessed at. */

import { parseAddressList } from '../mime/addresses.ts';
import { decodedStart } from '../mime/decode.ts';
import type { MimeEntity } from '../mime/entity.ts';
import { headerValue, parseEntity } from '../mime/parse.ts';
import type { DeliveryAction, DeliveryReport, RecipientReport } from './report.ts';

const MAX_TEXT_BYTES = 256 * 1024;
const MAX_RECIPIENTS = 500;

/** Null where the message is no such report. */
export function readTextReport(message: MimeEntity): DeliveryReport | null {
  const text = textOf(message);
  if (text === null) return null;
  const recipients = eximRecipients(message, text) ?? qmailRecipients(text);
  if (recipients === null || recipients.length === 0) return null;
  return {
    form: 'text',
    envelopeId: null,
    reportingMta: null,
    arrivedAt: null,
    recipients,
    messageId: returnedId(text),
  };
}

function textOf(message: MimeEntity): string | null {
  const part = message.contentType.value === 'text/plain' ? message : message.children[0];
  if (part === undefined || part.contentType.value !== 'text/plain') return null;
  return decodedStart(part, MAX_TEXT_BYTES).toString('utf8');
}

/** `X-Failed-Recipients` names them; a warning about a delay has none and says `Warning: message … delayed` in its subject. */
function eximRecipients(message: MimeEntity, text: string): RecipientReport[] | null {
  const failed = headerValue(message, 'x-failed-recipients');
  if (failed !== null) {
    const addresses = parseAddressList(failed).map((each) => each.address);
    return addresses
      .filter((address) => address.includes('@'))
      .slice(0, MAX_RECIPIENTS)
      .map((address) => recipient(address, 'failed', linesBelow(text, address)));
  }
  const subject = headerValue(message, 'subject') ?? '';
  if (!/^Warning: message \S{1,40} delayed/.test(subject)) return null;
  const listed = /to which the message has not yet been delivered (?:is|are):\s*\r?\n\r?\n((?:[ \t]+.*\r?\n?)+)/.exec(
    text,
  );
  const addresses = [...(listed?.[1] ?? '').matchAll(/^[ \t]+([^\s@<>]{1,256}@[^\s@<>]{1,255})[ \t]*\r?$/gm)];
  return addresses.slice(0, MAX_RECIPIENTS).map(([, address = '']) => recipient(address, 'delayed', null));
}

/** QSBMF: `Hi. This is …`, then paragraphs that begin with `<address>:`, up to `--- Below this line …`. */
function qmailRecipients(text: string): RecipientReport[] | null {
  if (!/^Hi\. This is /.test(text)) return null;
  const above = text.split(/^--- /m)[0] ?? '';
  return above
    .split(/\r?\n[ \t]*\r?\n/)
    .flatMap((paragraph) => {
      const [, address, words = ''] = /^<([^\s@<>]{1,256}@[^\s@<>]{1,255})>:\s*([\s\S]*)$/.exec(paragraph.trim()) ?? [];
      return address === undefined ? [] : [recipient(address, 'failed', oneLine(words))];
    })
    .slice(0, MAX_RECIPIENTS);
}

function recipient(address: string, action: DeliveryAction, diagnostic: string | null): RecipientReport {
  return {
    originalRecipient: null,
    finalRecipient: address,
    action,
    status: /\b5\.\d{1,3}\.\d{1,3}\b/.exec(diagnostic ?? '')?.[0] ?? null,
    remoteMta: null,
    diagnostic: diagnostic || null,
    lastAttemptAt: null,
    willRetryUntil: null,
  };
}

/** Exim sets the address on a line of its own, and its reason below it, further in. */
function linesBelow(text: string, address: string): string | null {
  const lines = text.split(/\r?\n/);
  const at = lines.findIndex((line) => line.trim() === address);
  if (at < 0) return null;
  const below: string[] = [];
  for (const line of lines.slice(at + 1, at + 12)) {
    if (!/^[ \t]{4}/.test(line)) break;
    below.push(line);
  }
  return below.length === 0 ? null : oneLine(below.join(' '));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 2_000);
}

/** The copy stands below a line of dashes: the first header block after it. */
function returnedId(text: string): string | null {
  const dashes = /^-{3,}.*$/m.exec(text);
  if (dashes === null) return null;
  const copy = text.slice(dashes.index + dashes[0].length).trimStart();
  const written = headerValue(parseEntity(Buffer.from(copy)), 'message-id');
  return written === null ? null : (/<[^<>\s]{1,990}>/.exec(written)?.[0] ?? null);
}
