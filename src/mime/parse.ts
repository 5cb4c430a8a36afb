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
}

/** One MIME entity as offsets into `source`; nothing is copied. */
export interface MimeEntity {
  readonly source: Buffer;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
  /** In order. */
  readonly headers: readonly HeaderField[];
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
