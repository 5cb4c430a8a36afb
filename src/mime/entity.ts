/** What the reader of MIME hands out: one entity with its fields, as offsets into the bytes it stands in. */
import type { ByteSource } from '../bytes/byte-source.ts';

/**
 * Why other programs may read another entity.
 * - `contradictory`: what a part is stands there twice, and differs
 * - `too-long`: there are more fields than are read
 */
export type HeaderDispute = 'contradictory' | 'too-long';

export interface HeaderField {
  /** Lower case. */
  readonly name: string;
  /** As written. */
  readonly rawName: string;
  /** Unfolded, not decoded further; bytes beyond ASCII read as UTF-8 where they are that, else Windows-1252. */
  readonly value: string;
  /** Offsets of the whole field with its line end, in `source`. */
  readonly start: number;
  readonly end: number;
}

export interface ParameterisedValue {
  /** Lower case, e.g. `text/plain` or `attachment`. */
  readonly value: string;
  /** Names in lower case; RFC 2231 continuations and charsets are resolved. */
  readonly parameters: ReadonlyMap<string, string>;
  /** A parameter is given twice, and not with the same value. */
  readonly contradictory: boolean;
}

/** One MIME entity as offsets into `source`; nothing is copied. */
export interface MimeEntity {
  readonly source: ByteSource;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
  /** In order. */
  readonly headers: readonly HeaderField[];
  /** Why other programs may read another entity; null when they do not. */
  readonly headerDispute: HeaderDispute | null;
  readonly contentType: ParameterisedValue;
  readonly disposition: ParameterisedValue | null;
  /** Content-Transfer-Encoding in lower case, `7bit` when absent. */
  readonly encoding: string;
  /** Content-ID without its brackets. */
  readonly contentId: string | null;
  /** `1` for the root, then `1.2` for its second part, and so on. */
  readonly partPath: string;
  /** Parts of a multipart; a message/rfc822 is a leaf, parsed alone by whoever opens it. */
  readonly children: readonly MimeEntity[];
  /** A multipart whose closing boundary is missing, or which has more parts or levels than are read. */
  readonly incomplete: boolean;
}
