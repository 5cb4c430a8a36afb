const LINE_BYTES = 57;
const LINE_CHARACTERS = 76;
const BREAK_BYTES = 2;
const CHUNK_LINES = 1024;

/** A stretch of a message: bytes as they are, or bytes that are to be written as base64, in order and `size` together. */
export type EntityPiece = Uint8Array | { base64: Iterable<Uint8Array>; size: number };

/**
 * One buffer out of the pieces. Large ones pass through once and are never held in both forms: what is encoded is taken
 * from its source bit by bit. Base64 stands in lines of 76 characters, each ended by CRLF (RFC 2045 section 6.8).
 */
export function joinEntity(pieces: readonly EntityPiece[]): Buffer {
  const bytes = pieces.reduce((sum, piece) => sum + writtenBytes(piece), 0);
  const out = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) {
      out.set(piece, at);
      at += piece.length;
    } else {
      at = new LineWriter(out, at).write(piece.base64);
    }
  }
  if (at !== bytes) throw new RangeError(`pieces said to make ${bytes} bytes made ${at}`);
  return out;
}

/** Base64 in lines of 76 characters, each ended by CRLF (RFC 2045 section 6.8). */
export function encodeBase64Lines(bytes: Buffer): Buffer {
  return joinEntity([{ base64: [bytes], size: bytes.length }]);
}

function writtenBytes(piece: EntityPiece): number {
  if (piece instanceof Uint8Array) return piece.length;
  return Math.ceil(piece.size / 3) * 4 + Math.ceil(piece.size / LINE_BYTES) * BREAK_BYTES;
}

/** Lines do not care where one piece of the source ends and the next begins. */
class LineWriter {
  readonly #out: Buffer;
  readonly #scratch = Buffer.allocUnsafe(CHUNK_LINES * LINE_CHARACTERS);
  readonly #begun = Buffer.allocUnsafe(LINE_BYTES);
  #at: number;

  constructor(out: Buffer, at: number) {
    this.#out = out;
    this.#at = at;
  }

  /** @returns where the text ends */
  write(source: Iterable<Uint8Array>): number {
    let begun = 0;
    for (const piece of source) {
      let from = 0;
      if (begun > 0) {
        from = Math.min(LINE_BYTES - begun, piece.length);
        this.#begun.set(piece.subarray(0, from), begun);
        begun += from;
        if (begun < LINE_BYTES) continue;
        this.#encode(this.#begun);
      }
      const whole = piece.length - ((piece.length - from) % LINE_BYTES);
      for (let to = from; from < whole; from = to) {
        to = Math.min(whole, from + CHUNK_LINES * LINE_BYTES);
        this.#encode(Buffer.from(piece.buffer, piece.byteOffset + from, to - from));
      }
      begun = piece.length - whole;
      this.#begun.set(piece.subarray(whole));
    }
    if (begun > 0) this.#encode(this.#begun.subarray(0, begun));
    return this.#at;
  }

  #encode(bytes: Buffer): void {
    const characters = this.#scratch.write(bytes.toString('base64'), 'latin1');
    for (let from = 0; from < characters; from += LINE_CHARACTERS) {
      this.#at += this.#scratch.copy(this.#out, this.#at, from, Math.min(characters, from + LINE_CHARACTERS));
      this.#out[this.#at++] = 0x0d;
      this.#out[this.#at++] = 0x0a;
    }
  }
}
