import { randomBytes } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer';
import MimeNode from 'nodemailer/lib/mime-node';
import { isSpool, type SpoolHandle } from '../bytes/spool.ts';
import { type EntityPiece, joinEntity } from '../mime/encode.ts';
import type { Address } from './address.ts';

export interface ComposedAttachment {
  name: string;
  /** Media type; anything that is none becomes application/octet-stream */
  type: string;
  /** In one or more pieces, or in a spool */
  bytes: readonly Uint8Array[] | SpoolHandle;
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
  /**
   * The MIME entity: its Content-* fields, an empty line and the body, with CRLF. This is what is signed and encrypted.
   * Attachments stand in it as they were given, to be encoded where it is joined (src/mime/encode.ts)
   */
  entity: EntityPiece[];
  /** Outer fields in order, each encoded and folded, without the CRLF at its end */
  headers: { name: string; line: string }[];
}

/** Fills one line of base64: it holds the place of something large while nodemailer writes what is around it. */
const PLACE_BYTES = 57;
/** A longer text is encoded in the worker too: as quoted-printable, 2 MB of it would keep everybody else waiting. */
const LONG_TEXT_BYTES = 256 * 1024;
const CRLF = Buffer.from('\r\n');
const NEWLINE = /\r\n|\r|\n/g;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i;
const FILE_ACCESS = { disableFileAccess: true, disableUrlAccess: true } as const;

/**
 * Builds the MIME entity and the header fields of a letter. Text is UTF-8, transferred as quoted-printable or base64, so
 * that every line is ASCII and short: what a relay has no reason to change does not break a signature (RFC 8551 section 3.1).
 */
export async function composeMime(composition: Composition): Promise<ComposedMessage> {
  const text = composition.text.replace(NEWLINE, '\r\n');
  const long = Buffer.byteLength(text) > LONG_TEXT_BYTES ? placed([Buffer.from(text)]) : null;
  const attachments = composition.attachments.map((attachment) => ({ ...attachment, ...placed(attachment.bytes) }));
  const composer = new MailComposer({
    ...FILE_ACCESS,
    text: long === null ? text : long.place,
    textEncoding: long === null ? 'quoted-printable' : 'base64',
    newline: 'windows',
    attachments: attachments.map(toAttachment),
  });
  const around = contentPart(await composer.compile().build());
  const entity = withPlaced(around, long === null ? attachments : [long, ...attachments]);
  return { entity, headers: outerHeaders(composition) };
}

/** The composed message as it is sent without signature or encryption. */
export function plainMessage({ entity, headers }: ComposedMessage): Buffer {
  const lines = headers.map(({ line }) => `${line}\r\n`).join('');
  return joinEntity([Buffer.from(`${lines}MIME-Version: 1.0\r\n`), ...entity]);
}

/** The field for the sender's own copy in Sent: no copy that leaves ever has it. Without the CRLF at its end. */
export function bccHeader(recipients: readonly Address[]): string {
  return encodeField(new MimeNode('text/plain', { ...FILE_ACCESS, textEncoding: 'B' }), 'Bcc', [...recipients]);
}

function toAttachment({ name, type, place }: Pick<ComposedAttachment, 'name' | 'type'> & Placed) {
  return {
    filename: safeFileName(name),
    content: place,
    contentType: MEDIA_TYPE.test(type) ? type.toLowerCase() : 'application/octet-stream',
    contentDisposition: 'attachment' as const,
    // an attached message, too: RFC 8551 section 3.1.2 wants 7bit, and base64 survives every relay
    contentTransferEncoding: 'base64' as const,
  };
}

type Placed = { place: string; bytes: readonly Uint8Array[] | SpoolHandle };

function placed(bytes: Placed['bytes']): Placed {
  // nodemailer would not encode a text of ASCII only: one letter more, of two bytes.
  return {
    place: `${randomBytes(PLACE_BYTES)
      .toString('base64url')
      .slice(0, PLACE_BYTES - 2)}é`,
    bytes,
  };
}

/** What nodemailer wrote, cut at the places, and the bytes that belong there between. */
function withPlaced(around: Buffer, list: readonly Placed[]): EntityPiece[] {
  const pieces: EntityPiece[] = [];
  let from = 0;
  for (const { place, bytes } of list) {
    const line = Buffer.from(place).toString('base64');
    const at = around.indexOf(line, from, 'latin1');
    if (at < 0) throw new Error('an attachment lost its place');
    const size = isSpool(bytes) ? bytes.size : bytes.reduce((sum, piece) => sum + piece.length, 0);
    pieces.push(around.subarray(from, at), { base64: bytes, size });
    from = at + line.length;
    // The last line of base64 ends by itself; an empty attachment has no line to end.
    if (size > 0 && around.subarray(from, from + 2).equals(CRLF)) from += 2;
  }
  return [...pieces, around.subarray(from)];
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
  return Buffer.concat([head, built.subarray(end + 4)]);
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
