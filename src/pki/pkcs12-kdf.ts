/** The key derivation of PKCS#12 (RFC 7292 appendix B), which no other standard uses. */
import { hash } from 'node:crypto';

export type Pkcs12Hash = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** What the derived octets are for (appendix B.3). */
export const PKCS12_PURPOSE = { key: 1, iv: 2, mac: 3 } as const;

/**
 * A password as the derivation wants it: UTF-16BE with two zero octets after it (appendix B.1). `null` is no password at
 * all, not even the zeros: programs disagree about what an empty password means.
 */
export function pkcs12Password(password: string | null): Buffer {
  if (password === null) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from(password, 'utf16le').swap16(), Buffer.alloc(2)]);
}

const SLICE = 32_768;

/**
 * Derives `length` octets. The names in the body are those of appendix B.2. `asGpgsm` repeats an error of gpgsm: a block of I
 * that begins with zeros after the addition loses them, and moves to the left. It concerns one file in some hundred.
 */
export function pkcs12DeriveKey(options: {
  hash: Pkcs12Hash;
  password: Buffer;
  salt: Uint8Array;
  iterations: number;
  purpose: 1 | 2 | 3;
  length: number;
  asGpgsm?: boolean;
  /** Hears now and then how many iterations of the current block are done. */
  onIterations?: (done: number) => void;
}): Buffer {
  const blockBytes = options.hash === 'sha384' || options.hash === 'sha512' ? 128 : 64;
  const D = Buffer.alloc(blockBytes, options.purpose);
  const I = Buffer.concat([repeatToBlocks(options.salt, blockBytes), repeatToBlocks(options.password, blockBytes)]);
  const pieces: Buffer[] = [];
  for (let have = 0; have < options.length; ) {
    let A: Buffer = hash(options.hash, Buffer.concat([D, I]), 'buffer');
    for (let round = 1; round < options.iterations; round += 1) {
      A = hash(options.hash, A, 'buffer');
      if (round % SLICE === 0) options.onIterations?.(round);
    }
    pieces.push(A);
    have += A.length;
    if (have < options.length) {
      const before = Buffer.from(I);
      addToEachBlock(I, repeatToBlocks(A, blockBytes).subarray(0, blockBytes));
      if (options.asGpgsm) loseLeadingZeros(I, before, blockBytes);
    }
  }
  return Buffer.concat(pieces).subarray(0, options.length);
}

function repeatToBlocks(octets: Uint8Array, blockBytes: number): Buffer {
  const filled = Buffer.alloc(blockBytes * Math.ceil(octets.length / blockBytes));
  for (let i = 0; i < filled.length; i += 1) filled[i] = octets[i % octets.length]!;
  return filled;
}

// I_j = (I_j + B + 1) mod 2^v for every block of v bits.
function addToEachBlock(I: Buffer, B: Buffer): void {
  for (let start = 0; start < I.length; start += B.length) {
    let carry = 1;
    for (let i = B.length - 1; i >= 0; i -= 1) {
      carry += I[start + i]! + B[i]!;
      I[start + i] = carry & 0xff;
      carry >>= 8;
    }
  }
}

// The number is printed without its leading zeros over the old block, of which the last octets are left.
function loseLeadingZeros(I: Buffer, before: Buffer, blockBytes: number): void {
  for (let start = 0; start < I.length; start += blockBytes) {
    const end = start + blockBytes;
    const zeros = I.subarray(start, end).findIndex((octet) => octet !== 0);
    if (zeros <= 0) continue;
    I.copyWithin(start, start + zeros, end);
    before.copy(I, end - zeros, end - zeros, end);
  }
}
