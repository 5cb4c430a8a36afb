import { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import MimeNode from 'nodemailer/lib/mime-node';
import type { Address } from './address.ts';

export interface ComposedAttachment {
  name: string;
  /** Media type; anything that is none becomes application/octet-stream */
  type: string;
  bytes: Buffer;
}

/** There is no Bcc: who gets a blind copy is told to the submission server only. */
export interface Composition {
  from: Address;
  to: readonly Address[];
  cc: readonly Address[];
  subject: string;
  text: string;
  attachments: readonly ComposedAttachment[];
  /** With angle brackets */
  messageId: string;
  inReplyTo: string | null;
  references: readonly string[];
  date: Date;
  /** Further fields of the outer header, e.g. for a read receipt or a marking */
  extraHeaders?: readonly Header[];
}

export interface Header {
  name: string;
  /** Without folding and encoded words: this text is encoded here */
  value: string;
}

export interface ComposedMessage {
  /** The MIME entity: its Content-* fields, an empty line and the body, with CRLF. This is what is signed and encrypted */
  entity: Buffer;
  /** Outer fields in order, each encoded and folded, without the CRLF at its end */
  headers: { name: string; line: string }[];
}

const KiB = 1024;
const SLICE_BYTES = 57 * KiB;
const YIELD_BYTES = 16 * SLICE_BYTES;
const NEWLINE = /\r\n|\r|\n/g;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i;
const FILE_ACCESS = { disableFileAccess: true, disableUrlAccess: true } as const;

/**
 * Builds the MIME entity and the header fields of a letter. Text is UTF-8, transferred as quoted-printable or base64, so
 * that every line is ASCII and short: what a relay has no reason to change does not break a signature (RFC 8551 section 3.1).
 */
export async function composeMime(composition: Composition): Promise<ComposedMessage> {
  const composer = new MailComposer({
    ...FILE_ACCESS,
    text: composition.text.replace(NEWLINE, '\r\n'),
    textEncoding: 'quoted-printable',
    newline: 'windows',
    attachments: composition.attachments.map(toAttachment),
  });
  const root = composer.compile();
  return { entity: contentPart(await root.build()), headers: outerHeaders(composition) };
}

/** The composed message as it is sent without signature or encryption. */
export function plainMessage({ entity, headers }: ComposedMessage): Buffer[] {
  const lines = headers.map(({ line }) => `${line}\r\n`).join('');
  return [Buffer.from(`${lines}MIME-Version: 1.0\r\n`), entity];
}

/** The field for the sender's own copy in Sent: no copy that leaves ever has it. Without the CRLF at its end. */
export function bccHeader(recipients: readonly Address[]): string {
  return encodeField(new MimeNode('text/plain', { ...FILE_ACCESS, textEncoding: 'B' }), 'Bcc', [...recipients]);
}

function toAttachment({ name, type, bytes }: ComposedAttachment) {
  return {
    filename: safeFileName(name),
    content: Readable.from(slices(bytes), { objectMode: false }),
    contentType: MEDIA_TYPE.test(type) ? type.toLowerCase() : 'application/octet-stream',
    contentDisposition: 'attachment' as const,
    // an attached message, too: RFC 8551 section 3.1.2 wants 7bit, and base64 survives every relay
    contentTransferEncoding: 'base64' as const,
  };
}

/** In small pieces: nodemailer encodes each in one go, and 25 MB at once would keep everybody else waiting. */
async function* slices(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    yield bytes.subarray(at, at + SLICE_BYTES);
    if (at % YIELD_BYTES === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** File name without path and control characters. */
function safeFileName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  return (
    last
      .replace(/[\x00-\x1f\x7f]/g, '')
      .trim()
      .slice(0, 255) || 'attachment'
  );
}

/** Keeps the Content-* fields of a built message; the others belong to the outer header. */
function contentPart(built: Buffer): Buffer {
  const end = built.indexOf('\r\n\r\n');
  const fields = built.toString('latin1', 0, end).split(/\r\n(?![ \t])/);
  const content = fields.filter((field) => /^content-/i.test(field));
  const head = Buffer.from(`${content.join('\r\n')}\r\n\r\n`, 'latin1');
  const body = built.subarray(end + 4);
  // the head only became shorter: it is written over the old one, and a large body is not copied
  const start = end + 4 - head.length;
  head.copy(built, start);
  return built.subarray(start, start + head.length + body.length);
}

function outerHeaders(composition: Composition): ComposedMessage['headers'] {
  const node = new MimeNode('text/plain', { ...FILE_ACCESS, textEncoding: 'B' });
  const line = (name: string, value: string | Address[]) => ({ name, line: encodeField(node, name, value) });
  const references = composition.references.map(messageIdOf).filter((id) => id !== '');
  const inReplyTo = composition.inReplyTo === null ? '' : messageIdOf(composition.inReplyTo);
  return [
    line('Date', composition.date.toUTCString().replace(/GMT$/, '+0000')),
    line('From', [composition.from]),
    ...(composition.to.length === 0 ? [] : [line('To', [...composition.to])]),
    ...(composition.cc.length === 0 ? [] : [line('Cc', [...composition.cc])]),
    line('Subject', oneLine(composition.subject)),
    line('Message-ID', messageIdOf(composition.messageId)),
    ...(inReplyTo === '' ? [] : [line('In-Reply-To', inReplyTo)]),
    ...(references.length === 0 ? [] : [line('References', references.join(' '))]),
    ...(composition.extraHeaders ?? []).map(({ name, value }) => line(name, oneLine(value))),
  ];
}

function encodeField(node: MimeNode, name: string, value: string | Address[]): string {
  if (!/^[A-Za-z0-9-]+$/.test(name)) throw new TypeError(`Not a field name: ${JSON.stringify(name)}`);
  if (value === '') return `${name}: `;
  const encoded = String(node.encodeHeaderValue(name, value));
  return foldLine(`${name}: ${encoded}`);
}

/** Folds at spaces (RFC 5322 section 2.2.3); encoded words are short enough already. */
function foldLine(field: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of field.split(' ')) {
    const joined = line === '' && lines.length === 0 ? word : `${line} ${word}`;
    // a line of blanks only would end the header for some programs
    if (joined.length > 76 && line.trim() !== '') {
      lines.push(line);
      line = ` ${word}`;
    } else {
      line = joined;
    }
  }
  return [...lines, line].join('\r\n');
}

/** Line breaks and control characters that a subject or a name was given become spaces. */
function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]+/g, ' ').trim();
}

/** One Message-ID in angle brackets; empty for what can not be one. */
function messageIdOf(text: string): string {
  const match = /<([^<>\s\x00-\x1f\x7f]+)>/.exec(text.trim());
  return match?.[1] === undefined ? '' : `<${match[1]}>`;
}
