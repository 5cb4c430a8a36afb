/** MGF1, the mask of RSA-PSS and RSA-OAEP (RFC 8017 appendix B.2.1). `hash` is a name of node:crypto. */
import { createHash } from 'node:crypto';

export function mgf1(hash: string, seed: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  let made = 0;
  for (let index = 0; made < length; index += 1) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(index);
    const block = createHash(hash).update(seed).update(counter).digest();
    blocks.push(block);
    made += block.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}

export function xorInto(target: Buffer, other: Uint8Array): void {
  for (let i = 0; i < target.length; i += 1) target[i] = (target[i] as number) ^ (other[i] as number);
}
