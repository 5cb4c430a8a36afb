import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { TestContext } from 'node:test';

/**
 * Every private key whose bytes come into this process's memory from now on until the test ends: those that are made, and those that are
 * opened from what was sealed. The buffers themselves, so that whoever looks later sees what became of them.
 */
export function watchPrivateKeys(t: TestContext): Buffer[] {
  const seen: Buffer[] = [];
  const ofKeys = Object.getPrototypeOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const exported = ofKeys.export as (...options: unknown[]) => Buffer;
  t.mock.method(ofKeys, 'export', function (this: unknown, ...options: unknown[]) {
    const bytes = exported.apply(this, options);
    if (Buffer.isBuffer(bytes)) seen.push(bytes);
    return bytes;
  });
  const { concat } = Buffer;
  t.mock.method(Buffer, 'concat', (...pieces: Parameters<typeof concat>) => {
    const bytes = concat(...pieces);
    if (isPrivateKey(bytes)) seen.push(bytes);
    return bytes;
  });
  return seen;
}

/** PKCS#8 begins with a sequence that begins with version 0. */
function isPrivateKey(bytes: Buffer): boolean {
  if (bytes[0] !== 0x30 || !bytes.subarray(0, 8).includes(Buffer.from([2, 1, 0, 0x30]))) return false;
  try {
    createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' });
    return true;
  } catch {
    return false;
  }
}
