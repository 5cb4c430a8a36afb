/**
 * ASN.1 in BER and DER (X.690): a bounded reader that points into the given bytes instead of copying them,
 * and a writer for DER. Mail from old programs uses indefinite lengths and constructed strings, so both are read.
 */
import { type ByteSource, joinSlices, slicesOf } from '../bytes/byte-source.ts';
import { PkiError } from './errors.ts';

/** Deepest nesting accepted anywhere. */
export const MAX_DEPTH = 32;
/** Most elements directly inside one other that `children` lists; strings in pieces are walked lazily instead. */
export const MAX_CHILDREN = 50_000;

/** Octet strings inside octet strings cost nothing but their headers, so more of them are accepted. */
const MAX_STRING_NESTING = 1000;

/** Identifier octets of the universal types, with the constructed bit where DER demands it. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
} as const;

/** One element: offsets into `source`, never a copy. */
export interface DerNode {
  readonly source: ByteSource;
  /** The first identifier octet: class, constructed bit and number (0x1f in the low bits when the number is above 30). */
  readonly tag: number;
  readonly constructed: boolean;
  readonly start: number;
  readonly contentStart: number;
  readonly contentEnd: number;
  /** Past the element, including the end-of-contents octets of an indefinite length. */
  readonly end: number;
  readonly depth: number;
  readonly strict: boolean;
}

/** `strict` refuses indefinite and non-minimal lengths, as DER does. */
export interface ReadOptions {
  readonly strict?: boolean;
}

/** The bytes as a Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads one element at `offset`; what follows it is ignored. Throws PkiError `malformed` or `too-complex`. */
export function readElement(bytes: Uint8Array | ByteSource, offset = 0, options: ReadOptions = {}): DerNode {
  const source = bytes instanceof Uint8Array ? asBuffer(bytes) : bytes;
  return elementAt(source, offset, source.length, 0, options.strict ?? false);
}

/** Reads bytes that must be exactly one element. */
export function readWhole(bytes: Uint8Array, options: ReadOptions = {}): DerNode {
  const node = readElement(bytes, 0, options);
  if (node.end !== bytes.length) throw malformed('bytes after the end');
  return node;
}

/** The elements inside a constructed one, in order. */
export function children(node: DerNode): DerNode[] {
  const list: DerNode[] = [];
  for (const child of eachChild(node)) {
    if (list.length === MAX_CHILDREN) throw new PkiError('too-complex', 'too many elements');
    list.push(child);
  }
  return list;
}

/** The same, one at a time. */
export function* eachChild(node: DerNode): Generator<DerNode> {
  if (!node.constructed) throw malformed('a constructed element was expected');
  let offset = node.contentStart;
  while (offset < node.contentEnd) {
    const child = elementAt(node.source, offset, node.contentEnd, node.depth + 1, node.strict);
    yield child;
    offset = child.end;
  }
}

/** The content octets, a view. */
export function contentOf(node: DerNode): Buffer {
  return node.source.subarray(node.contentStart, node.contentEnd);
}

/** The whole element with its header, a view. */
export function rawOf(node: DerNode): Buffer {
  return node.source.subarray(node.start, node.end);
}

/**
 * The pieces of a primitive or (BER) constructed octet string in order, slice by slice as `slicesOf`. Strings inside strings are flattened
 * without recursion, so their nesting does not count as depth.
 */
export function* octetPieces(node: DerNode): Generator<Buffer> {
  if (!node.constructed) {
    yield* slicesOf(node.source, node.contentStart, node.contentEnd);
    return;
  }
  const open = [{ offset: node.contentStart, end: node.contentEnd }];
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    if (level.offset === level.end) {
      open.pop();
      continue;
    }
    const piece = elementAt(node.source, level.offset, level.end, node.depth + 1, node.strict);
    if ((piece.tag & ~0x20) !== TAG.octetString) throw malformed('an octet string was expected');
    level.offset = piece.end;
    if (!piece.constructed) yield* slicesOf(piece.source, piece.contentStart, piece.contentEnd);
    else open.push({ offset: piece.contentStart, end: piece.contentEnd });
    if (open.length > MAX_STRING_NESTING) throw new PkiError('too-complex', 'nested too deeply');
  }
}

/** The value of an octet string: a view when primitive, else a copy. */
export function octetsOf(node: DerNode): Buffer {
  return node.constructed ? joinSlices(octetPieces(node)) : contentOf(node);
}

/** The bits of a bit string, and how many bits of the last octet are not used. */
export function bitsOf(node: DerNode): { bits: Buffer; unused: number } {
  if (node.tag !== TAG.bitString) throw malformed('a bit string was expected');
  const content = contentOf(node);
  const unused = content[0];
  if (unused === undefined || unused > 7 || (unused > 0 && content.length === 1)) throw malformed('bit string');
  return { bits: content.subarray(1), unused };
}

/** The octets of a bit string that holds a signature or a key: with unused bits it would be read in two ways. */
export function wholeOctetsOf(node: DerNode): Buffer {
  const { bits, unused } = bitsOf(node);
  if (unused !== 0) throw malformed('unused bits');
  return bits;
}

/** An object identifier in dotted form. */
export function oidOf(node: DerNode): string {
  if (node.tag !== TAG.oid) throw malformed('an object identifier was expected');
  return decodeOid(contentOf(node));
}

/** Dotted form of the content octets of an object identifier. */
export function decodeOid(content: Buffer): string {
  if (content.length === 0 || content.length > 64) throw malformed('object identifier');
  const arcs: number[] = [];
  let arc = 0;
  for (const [index, octet] of content.entries()) {
    if (arc === 0 && octet === 0x80) throw malformed('object identifier');
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) return content.toString('hex'); // an arc nobody names, e.g. a UUID
    if (octet & 0x80) {
      if (index === content.length - 1) throw malformed('object identifier');
      continue;
    }
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(arc / 40));
      arcs.push(first, arc - first * 40);
    } else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}

/** A non-negative integer that fits a number. */
export function smallIntegerOf(node: DerNode): number {
  if (node.tag !== TAG.integer && node.tag !== TAG.enumerated) throw malformed('an integer was expected');
  return unsignedNumber(contentOf(node));
}

/** The content octets of an integer read as a non-negative number, whatever the tag (implicit tagging). */
export function unsignedNumber(content: Buffer): number {
  const first = content[0];
  if (first === undefined || first & 0x80) throw malformed('integer');
  let value = 0;
  for (const octet of content) {
    value = value * 256 + octet;
    if (value > Number.MAX_SAFE_INTEGER / 256) throw new PkiError('too-complex', 'integer too large');
  }
  return value;
}

/** The two's complement octets of an integer, a view. */
export function integerBytesOf(node: DerNode): Buffer {
  if (node.tag !== TAG.integer) throw malformed('an integer was expected');
  const content = contentOf(node);
  if (content.length === 0) throw malformed('integer');
  return content;
}

/** A boolean; BER allows any non-zero octet for true. */
export function booleanOf(node: DerNode): boolean {
  if (node.tag !== TAG.boolean || node.contentEnd - node.contentStart !== 1) throw malformed('boolean');
  return contentOf(node)[0] !== 0;
}

/** Walks the elements of a sequence whose fields may be absent. */
export class Fields {
  readonly #nodes: DerNode[];
  #index = 0;

  constructor(parent: DerNode, tag: number = TAG.sequence) {
    if (parent.tag !== tag) throw malformed('another structure was expected');
    this.#nodes = children(parent);
  }

  /** The next element, which must exist and have this tag if one is given. */
  next(tag?: number): DerNode {
    const node = this.#nodes[this.#index];
    if (!node || (tag !== undefined && node.tag !== tag)) throw malformed('a field is missing');
    this.#index += 1;
    return node;
  }

  /** The next element if it has this tag. */
  optional(tag: number): DerNode | null {
    const node = this.#nodes[this.#index];
    if (!node || node.tag !== tag) return null;
    this.#index += 1;
    return node;
  }

  /** What is left. */
  rest(): DerNode[] {
    const left = this.#nodes.slice(this.#index);
    this.#index = this.#nodes.length;
    return left;
  }
}

function elementAt(source: ByteSource, start: number, limit: number, depth: number, strict: boolean): DerNode {
  if (depth > MAX_DEPTH) throw new PkiError('too-complex', 'nested too deeply');
  const tag = source.at(start);
  if (start + 2 > limit || tag === undefined) throw malformed('cut short');
  let offset = start + 1;
  if ((tag & 0x1f) === 0x1f) offset = skipHighTag(source, offset, limit);
  const constructed = (tag & 0x20) !== 0;
  const lengthOctet = source.at(offset);
  if (offset >= limit || lengthOctet === undefined) throw malformed('cut short');
  offset += 1;
  if (lengthOctet === 0x80) {
    if (!constructed || strict) throw malformed('indefinite length');
    const contentEnd = endOfContents(source, offset, limit, depth, strict);
    const end = contentEnd + 2;
    return { source, tag, constructed, start, contentStart: offset, contentEnd, end, depth, strict };
  }
  let length = lengthOctet;
  if (lengthOctet & 0x80) {
    const count = lengthOctet & 0x7f;
    if (count > 6 || offset + count > limit) throw malformed('length');
    if (count === 0) throw malformed('length');
    length = source.subarray(offset, offset + count).readUIntBE(0, count);
    if (strict && (length < 0x80 || source.at(offset) === 0)) throw malformed('length not minimal');
    offset += count;
  }
  const end = offset + length;
  if (end > limit) throw malformed('cut short');
  return { source, tag, constructed, start, contentStart: offset, contentEnd: end, end, depth, strict };
}

function skipHighTag(source: ByteSource, start: number, limit: number): number {
  for (let offset = start; offset < limit && offset < start + 4; offset += 1) {
    if ((source.at(offset) as number) < 0x80) return offset + 1;
  }
  throw malformed('tag');
}

function endOfContents(source: ByteSource, start: number, limit: number, depth: number, strict: boolean): number {
  let offset = start;
  while (offset + 2 <= limit) {
    if (source.at(offset) === 0 && source.at(offset + 1) === 0) return offset;
    offset = elementAt(source, offset, limit, depth + 1, strict).end;
  }
  throw malformed('no end of contents');
}

function malformed(what: string): PkiError {
  return new PkiError('malformed', `ASN.1: ${what}`);
}
