/** Inputs for the parsers of foreign bytes: from a few good ones, changed as a hostile sender would, drawn from a seed. */

/** A generator of numbers from 0 up to 1 that gives the same again for the same seed (xorshift32). */
function randomOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Input number `count` of a seed: the same on every machine. */
export function inputOf(corpus: readonly Buffer[], seed: number, count: number): Buffer {
  return mutated(corpus, randomOf((seed + Math.imul(count, 2654435761)) | 0));
}

/** Most inputs; they are quick, and find most. */
const USUAL_BYTES = 64 * 1024;
/** One in a hundred: what costs the square of its length shows only here. */
const LARGE_BYTES = 2 * 1024 * 1024;
const LARGE_SHARE = 0.01;
/** Octets that mean something: lengths, tags, line ends, padding, delimiters. */
const TELLING = [
  0x00, 0x01, 0x7f, 0x80, 0x81, 0x84, 0xff, 0x24, 0x30, 0x31, 0xa0, 0x04, 0x0a, 0x0d, 0x2d, 0x3d, 0x3b, 0x22,
];

/** One to eight changes of one of the inputs; sometimes the end of one goes on with another. */
function mutated(corpus: readonly Buffer[], random: () => number): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  let bytes: Buffer = Buffer.from(pick(corpus));
  if (random() < 0.1) bytes = Buffer.concat([bytes.subarray(0, random() * bytes.length), pick(corpus)]);
  for (let count = 1 + Math.floor(random() ** 2 * 8); count > 0; count -= 1) bytes = changed(bytes, random, pick);
  if (random() < LARGE_SHARE) return grown(bytes, random).subarray(0, LARGE_BYTES);
  return bytes.subarray(0, USUAL_BYTES);
}

/** What patterns and parsers look for the end of, or try again from. */
const COSTLY = [
  '(',
  '<',
  '"',
  ';',
  '=',
  ',',
  ' ',
  '\t',
  '\\',
  '&',
  '[',
  '@',
  '-',
  '\r\n ',
  '\r\n\r\n',
  '=?',
  ':',
  '\0',
  '\x30\x80',
];

/** A bracket, a header, a tag or any stretch again and again, as somebody does to keep the reader busy. */
function grown(bytes: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * bytes.length);
  const length = 1 + Math.floor(random() ** 4 * 500);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  const costly = COSTLY[Math.floor(random() * COSTLY.length * 2)];
  const again = costly === undefined ? after.subarray(0, length) : Buffer.from(costly, 'latin1');
  if (again.length === 0) return bytes;
  const size = Math.floor(USUAL_BYTES + random() ** 2 * (LARGE_BYTES - USUAL_BYTES - after.length));
  return Buffer.concat([before, Buffer.alloc(Math.max(again.length, size), again), after]);
}

function changed(bytes: Buffer, random: () => number, pick: <T>(list: readonly T[]) => T): Buffer {
  const at = Math.floor(random() * bytes.length);
  const length = 1 + Math.floor(random() ** 3 * 200);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (Math.floor(random() * 8)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      return bytes;
    case 1:
      bytes[at] = pick(TELLING);
      return bytes;
    case 2: // a length that promises much
      return Buffer.concat([before, Buffer.from([0x84, 0xff * random(), 0xff * random(), 0xff, 0xff]), after]);
    case 3: // cut out
      return Buffer.concat([before, after.subarray(length)]);
    case 4: // twice
      return Buffer.concat([before, after.subarray(0, length), after]);
    case 5: // many times
      return Buffer.concat([before, ...Array.from({ length: 50 * random() }, () => after.subarray(0, length)), after]);
    case 6: // cut short
      return before;
    default: // somewhere else
      return Buffer.concat([
        before,
        pick([Buffer.from([pick(TELLING), pick(TELLING)]), after.subarray(length), before]),
        after,
      ]);
  }
}
