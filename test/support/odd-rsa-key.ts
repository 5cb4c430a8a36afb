import { createPrivateKey, generatePrimeSync, type KeyObject } from 'node:crypto';

/** An RSA key whose modulus has exactly so many bits. OpenSSL makes those of an odd number one bit shorter. */
export function rsaKeyOf(bits: number): KeyObject {
  const e = 65537n;
  for (;;) {
    const p = generatePrimeSync(Math.ceil(bits / 2), { bigint: true });
    const q = generatePrimeSync(Math.floor(bits / 2), { bigint: true });
    const n = p * q;
    if (n.toString(2).length !== bits || p === q || (p - 1n) % e === 0n || (q - 1n) % e === 0n) continue;
    const d = inverse(e, (p - 1n) * (q - 1n));
    const parts = { n, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
    const key = Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, base64url(value)]));
    return createPrivateKey({ key: { kty: 'RSA', ...key }, format: 'jwk' });
  }
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [r, next, x, nextX] = [modulus, value % modulus, 0n, 1n];
  while (next !== 0n) {
    const quotient = r / next;
    [r, next] = [next, r - quotient * next];
    [x, nextX] = [nextX, x - quotient * nextX];
  }
  return ((x % modulus) + modulus) % modulus;
}

function base64url(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
}
