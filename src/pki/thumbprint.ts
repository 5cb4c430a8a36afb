/** Thumbprints of certificates: how people see, type and compare them. */
import { timingSafeEqual } from 'node:crypto';

/**
 * - `equal`, `different`: a whole thumbprint was typed
 * - `incomplete`: fewer digits than SHA-256 has and not as many as SHA-1
 * - `too-long`: more digits than SHA-256 has
 * - `not-hex`: other characters than digits, A to F, spaces, colons and hyphens
 * - `empty`: nothing was typed
 */
export type ThumbprintComparison = 'equal' | 'different' | 'incomplete' | 'too-long' | 'not-hex' | 'empty';

/** Groups of four upper-case digits, as people read them aloud. */
export function formatThumbprint(hex: string): string {
  return (
    hex
      .toUpperCase()
      .match(/.{1,4}/g)
      ?.join(' ') ?? ''
  );
}

/**
 * Compares what somebody typed with a certificate's thumbprint, SHA-256 or SHA-1 by its length. Nothing in the answer
 * tells where they differ, and neither does the time it takes.
 */
export function compareThumbprint(
  typed: string,
  certificate: { readonly sha1: string; readonly sha256: string },
): ThumbprintComparison {
  const digits = normaliseThumbprint(typed);
  if (digits === '') return 'empty';
  if (!/^[0-9a-f]+$/.test(digits)) return 'not-hex';
  if (digits.length > 64) return 'too-long';
  if (digits.length !== 64 && digits.length !== 40) return 'incomplete';
  const expected = digits.length === 64 ? certificate.sha256 : certificate.sha1;
  return timingSafeEqual(Buffer.from(digits, 'hex'), Buffer.from(expected, 'hex')) ? 'equal' : 'different';
}

/**
 * Lower-case digits without separators. The Windows dialog puts an invisible U+200E before what is copied from it, and
 * word processors replace spaces and hyphens; full-width forms come from Asian keyboards.
 */
export function normaliseThumbprint(typed: string): string {
  return typed
    .normalize('NFKC')
    .replace(/[\s\p{Z}\p{Cf}\p{Cc}\p{Pd}:.\u2236\u02d0]/gu, '')
    .toLowerCase();
}
