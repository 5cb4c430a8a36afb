/**
 * RC2 in CBC mode (RFC 2268). OpenSSL 3 keeps it in a legacy provider that Node does not load, and .pfx files of Windows and
 * mail of the nineties need it. For reading old things and for the export "for old programs" only.
 */
import { PkiError } from './errors.ts';

const BLOCK_BYTES = 8;

// PITABLE of RFC 2268 section 2.
const PI_TABLE = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32' +
    'bd8f40eb86b77b0bf09521225c6b4e8254d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626' +
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed708e8eade8052eef784aa72ac354d6a2a' +
    '961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2e' +
    'c5f3db47e5a59c770aa62068fe7fc1ad',
  'hex',
);

const SHIFTS = [1, 2, 3, 5] as const;

/**
 * Decrypts and removes the PKCS#7 padding. `effectiveBits` is 40, 64 or 128 in practice.
 * Throws PkiError `decryption-failed` when the padding is wrong.
 */
export function rc2CbcDecrypt(key: Uint8Array, effectiveBits: number, iv: Uint8Array, ciphertext: Uint8Array): Buffer {
  if (ciphertext.length === 0 || ciphertext.length % BLOCK_BYTES !== 0) throw failed();
  const schedule = expandKey(key, effectiveBits);
  const plaintext = Buffer.alloc(ciphertext.length);
  let previous: Uint8Array = iv;
  for (let offset = 0; offset < ciphertext.length; offset += BLOCK_BYTES) {
    const block = ciphertext.subarray(offset, offset + BLOCK_BYTES);
    const words = readWords(block);
    decryptBlock(words, schedule);
    writeWords(plaintext, offset, words);
    for (let i = 0; i < BLOCK_BYTES; i += 1) plaintext[offset + i] = plaintext[offset + i]! ^ previous[i]!;
    previous = block;
  }
  const padding = plaintext[plaintext.length - 1]!;
  if (padding < 1 || padding > BLOCK_BYTES) throw failed();
  const end = plaintext.length - padding;
  if (!plaintext.subarray(end).every((octet) => octet === padding)) throw failed();
  return plaintext.subarray(0, end);
}

/** Pads (PKCS#7) and encrypts. */
export function rc2CbcEncrypt(key: Uint8Array, effectiveBits: number, iv: Uint8Array, plaintext: Uint8Array): Buffer {
  const schedule = expandKey(key, effectiveBits);
  const padding = BLOCK_BYTES - (plaintext.length % BLOCK_BYTES);
  const output = Buffer.concat([plaintext, Buffer.alloc(padding, padding)]);
  let previous: Uint8Array = iv;
  for (let offset = 0; offset < output.length; offset += BLOCK_BYTES) {
    const block = output.subarray(offset, offset + BLOCK_BYTES);
    for (let i = 0; i < BLOCK_BYTES; i += 1) block[i] = block[i]! ^ previous[i]!;
    const words = readWords(block);
    encryptBlock(words, schedule);
    writeWords(output, offset, words);
    previous = block;
  }
  return output;
}

function expandKey(key: Uint8Array, effectiveBits: number): Uint16Array {
  if (key.length < 1 || key.length > 128 || effectiveBits < 1 || effectiveBits > 1024) {
    throw new PkiError('malformed', 'RC2 key');
  }
  const octets = Buffer.alloc(128);
  octets.set(key);
  const effectiveOctets = (effectiveBits + 7) >> 3;
  const mask = 0xff >> (8 * effectiveOctets - effectiveBits);
  for (let i = key.length; i < 128; i += 1) octets[i] = PI_TABLE[(octets[i - 1]! + octets[i - key.length]!) & 0xff]!;
  octets[128 - effectiveOctets] = PI_TABLE[octets[128 - effectiveOctets]! & mask]!;
  for (let i = 127 - effectiveOctets; i >= 0; i -= 1)
    octets[i] = PI_TABLE[octets[i + 1]! ^ octets[i + effectiveOctets]!]!;
  return Uint16Array.from({ length: 64 }, (_, i) => octets.readUInt16LE(2 * i));
}

function encryptBlock(words: Uint16Array, schedule: Uint16Array): void {
  let next = 0;
  for (let round = 0; round < 16; round += 1) {
    if (round === 5 || round === 11) {
      for (let i = 0; i < 4; i += 1) words[i] = words[i]! + schedule[words[(i + 3) & 3]! & 63]!;
    }
    for (let i = 0; i < 4; i += 1) {
      const [a, b, c] = [words[(i + 3) & 3]!, words[(i + 2) & 3]!, words[(i + 1) & 3]!];
      const sum = (words[i]! + schedule[next]! + (a & b) + (~a & c)) & 0xffff;
      const shift = SHIFTS[i]!;
      words[i] = (sum << shift) | (sum >>> (16 - shift));
      next += 1;
    }
  }
}

function decryptBlock(words: Uint16Array, schedule: Uint16Array): void {
  let next = 63;
  for (let round = 15; round >= 0; round -= 1) {
    for (let i = 3; i >= 0; i -= 1) {
      const [a, b, c] = [words[(i + 3) & 3]!, words[(i + 2) & 3]!, words[(i + 1) & 3]!];
      const shift = SHIFTS[i]!;
      const turned = (words[i]! >>> shift) | (words[i]! << (16 - shift));
      words[i] = turned - schedule[next]! - (a & b) - (~a & c);
      next -= 1;
    }
    if (round === 5 || round === 11) {
      for (let i = 3; i >= 0; i -= 1) words[i] = words[i]! - schedule[words[(i + 3) & 3]! & 63]!;
    }
  }
}

function readWords(block: Uint8Array): Uint16Array {
  return Uint16Array.from({ length: 4 }, (_, i) => block[2 * i]! | (block[2 * i + 1]! << 8));
}

function writeWords(target: Buffer, offset: number, words: Uint16Array): void {
  for (let i = 0; i < 4; i += 1) target.writeUInt16LE(words[i]!, offset + 2 * i);
}

function failed(): PkiError {
  return new PkiError('decryption-failed', 'RC2: wrong key or altered cipher text');
}
