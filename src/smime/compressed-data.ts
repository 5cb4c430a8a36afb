/** CompressedData (RFC 3274): what was compressed, with the size and the ratio bounded before anything is inflated further. */
import { inflateSync } from 'node:zlib';
import { readAlgorithm } from '../pki/certificate.ts';
import { children, type DerNode, Fields, octetsOf, oidOf, smallIntegerOf, TAG } from '../pki/der.ts';
import { PkiError } from '../pki/errors.ts';
import { CONTENT_TYPE, ZLIB } from './algorithms.ts';

// What is inflated is held whole, so it stays small. Nothing that is said in mail needs more.
const MAX_INFLATED = 24 * 1024 * 1024;
const MAX_INFLATE_RATIO = 200;
/** Small content may grow by more than the ratio: empty lines do. */
const ALWAYS_INFLATED = 1024 * 1024;

/** The entity inside. Throws PkiError `malformed` or `too-complex`. */
export function readCompressedData(node: DerNode): Buffer {
  const fields = new Fields(node);
  const version = smallIntegerOf(fields.next(TAG.integer));
  const algorithm = readAlgorithm(fields.next(TAG.sequence)).oid;
  const encapsulated = new Fields(fields.next(TAG.sequence));
  const contentType = oidOf(encapsulated.next(TAG.oid));
  // RFC 8551 section 3.6: mail is compressed as data. What another program would not inflate is not shown here either.
  if (version !== 0 || algorithm !== ZLIB || contentType !== CONTENT_TYPE.data)
    throw new PkiError('malformed', `CMS: ${contentType} compressed with ${algorithm}`);
  const [inner] = children(encapsulated.next(0xa0));
  if (inner === undefined) throw new PkiError('malformed', 'CMS: nothing compressed');
  if (inner.contentEnd - inner.contentStart > MAX_INFLATED)
    throw new PkiError('too-complex', 'CMS: too much compressed');
  return inflated(octetsOf(inner));
}

function inflated(compressed: Buffer): Buffer {
  const maxOutputLength = Math.min(MAX_INFLATED, Math.max(ALWAYS_INFLATED, compressed.length * MAX_INFLATE_RATIO));
  try {
    return inflateSync(compressed, { maxOutputLength });
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new PkiError(tooLarge ? 'too-complex' : 'malformed', 'CMS: compressed content', { cause });
  }
}
