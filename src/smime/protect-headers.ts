/** Header protection (RFC 9788): the fields a person reads travel inside the signature or encryption too. */
import { parseEntity } from '../mime/parse.ts';

export interface ProtectedParts {
  /** The entity with the fields inside. */
  readonly mime: Buffer;
  /** The outer header, its subject replaced where it is to be hidden. */
  readonly headers: Buffer;
}

const PROTECTED = new Set([
  'from',
  'to',
  'cc',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'references',
]);
// hcp_baseline (RFC 9788 section 3.2.1).
const HIDDEN_SUBJECT = 'Subject: [...]\r\n';

/**
 * Copies the fields of the outer header into the entity and says so with `hp=`.
 * @param encrypted `cipher` rather than `clear`; only then may the subject be hidden, and HP-Outer tells what stands outside
 */
export function protectHeaders(
  mime: Buffer,
  headers: Buffer,
  encrypted: boolean,
  hideSubject: boolean,
): ProtectedParts {
  const outer = parseEntity(Buffer.concat([headers, Buffer.from('\r\n')]));
  const hide = encrypted && hideSubject;
  const kept: Buffer[] = [];
  const inside: Buffer[] = [];
  const outerCopies: Buffer[] = [];
  for (const field of outer.headers) {
    const written = outer.source.subarray(field.start, field.end);
    const shown = hide && field.name === 'subject' ? Buffer.from(HIDDEN_SUBJECT) : written;
    kept.push(shown);
    if (!PROTECTED.has(field.name)) continue;
    inside.push(written);
    if (encrypted) outerCopies.push(Buffer.from('HP-Outer: '), shown);
  }
  const marked = markContentType(mime, encrypted ? 'cipher' : 'clear');
  return { mime: Buffer.concat([...inside, ...outerCopies, marked]), headers: Buffer.concat(kept) };
}

function markContentType(source: Buffer, value: 'clear' | 'cipher'): Buffer {
  const field = parseEntity(source).headers.find((item) => item.name === 'content-type');
  if (field === undefined) return Buffer.concat([Buffer.from(`Content-Type: text/plain; hp="${value}"\r\n`), source]);
  const written = source.toString('latin1', field.start, field.end).trimEnd();
  return Buffer.concat([
    source.subarray(0, field.start),
    Buffer.from(`${written};\r\n hp="${value}"\r\n`, 'latin1'),
    source.subarray(field.end),
  ]);
}
