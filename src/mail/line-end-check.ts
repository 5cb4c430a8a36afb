import { Transform, type TransformCallback } from 'node:stream';

const CR = 0x0d;
const LF = 0x0a;

/**
 * Passes a message on unchanged and stops at a bare CR or LF (RFC 5321 section 2.3.8). Repairing them would break the
 * signature over these bytes; sending them is how one message is smuggled inside another.
 */
export class LineEndCheck extends Transform {
  /** What was wrong with the bytes, or null */
  violation: string | null = null;
  #afterCr = false;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#check(chunk)) done(null, chunk);
    else done(this.#stop());
  }

  override _flush(done: TransformCallback): void {
    if (this.#afterCr) done(this.#stop());
    else done();
  }

  #check(chunk: Buffer): boolean {
    if (chunk.length === 0) return true;
    if (this.#afterCr !== (chunk[0] === LF)) return false;
    for (let at = chunk.indexOf(LF, this.#afterCr ? 1 : 0); at !== -1; at = chunk.indexOf(LF, at + 1)) {
      if (chunk[at - 1] !== CR) return false;
    }
    for (let at = chunk.indexOf(CR); at !== -1 && at + 1 < chunk.length; at = chunk.indexOf(CR, at + 1)) {
      if (chunk[at + 1] !== LF) return false;
    }
    this.#afterCr = chunk[chunk.length - 1] === CR;
    return true;
  }

  #stop(): Error {
    this.violation = 'The message has a bare CR or LF';
    return new Error(this.violation);
  }
}
