/** Header protection (RFC 9788): the fields a person reads travel inside the signature or encryption too. */
import { parseEntity } from '../mime/parse.ts';

export interface ProtectedParts {
  /** The entity with the fields inside. */
  readonly mime: Buffer;
  /** The outer header, its subject replaced where it is to be hidden. */
  readonly headers: Buffer;
}

/**
 * Everything that says something about the message goes inside (section 5.2). Not what servers add, and no blind copy: each
 * reader would see it (section 11.4).
 */
const OUTSIDE_ONLY = /^(?:(?:resent-)?bcc|hp-outer|received|return-path|mime-version|content-.*)$/;

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
  const outside: Buffer[] = [];
  const inside: Buffer[] = [];
  const repeated: Buffer[] = [];
  for (const field of outer.headers) {
    const written = outer.source.subarray(field.start, field.end);
    const shown = hide ? baseline(field.name, written) : [written];
    outside.push(...shown);
    if (OUTSIDE_ONLY.test(field.name)) continue;
    inside.push(written);
    if (encrypted) repeated.push(...shown.flatMap((line) => [Buffer.from('HP-Outer: '), line]));
  }
  const marked = markContentType(mime, encrypted ? 'cipher' : 'clear');
  return { mime: Buffer.concat([...inside, ...repeated, marked]), headers: Buffer.concat(outside) };
}

/**
 * hcp_baseline (section 3.2.1): the subject becomes a sign that there is one, what comments on the content goes, and with the
 * marking that stands in the subject the field that says the same.
 */
function baseline(name: string, written: Buffer): Buffer[] {
  if (name === 'subject') return [Buffer.from('Subject: [...]\r\n')];
  return name === 'comments' || name === 'keywords' || name === 'sensitivity' ? [] : [written];
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
