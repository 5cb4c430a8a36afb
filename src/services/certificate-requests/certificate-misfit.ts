import type { KeyObject } from 'node:crypto';
import type { RequestedUse } from '../../generated/prisma/enums.ts';
import { type Certificate, canEncrypt, canSign, isAuthority } from '../../pki/certificate.ts';
import { EXTENDED_KEY_USAGE } from '../../pki/certificate-extensions.ts';
import { PkiError } from '../../pki/errors.ts';
import { keyStrength } from '../../pki/public-key.ts';
import { verifySignature } from '../../pki/signature.ts';
import { hasAddress } from '../identities/own-keys.ts';

/** Why a certificate that was made for a requested key cannot become a Digital ID; each has its sentence. */
export type MisfitCode =
  | 'authority'
  | 'address-differs'
  | 'address-none'
  | 'not-for-mail'
  | 'cannot-sign'
  | 'cannot-encrypt'
  | 'expired'
  | 'not-yet-valid'
  | 'weak-key'
  | 'weak-signature';

/** The authority's clock may be ahead of ours by this much: a certificate of this minute is no riddle for its holder. */
const CLOCK_MS = 10 * 60_000;

export type Wanted = { address: string; use: RequestedUse; at: Date };

/** @returns the first thing that is wrong with it, what the authority must change before what time settles; null when it fits */
export function misfitOf(certificate: Certificate, { address, use, at }: Wanted): MisfitCode | null {
  if (isAuthority(certificate)) return 'authority';
  if (certificate.addresses.length === 0) return 'address-none';
  if (!hasAddress(certificate.addresses, address)) return 'address-differs';
  const purposes = certificate.extendedKeyUsage;
  const { emailProtection, any } = EXTENDED_KEY_USAGE;
  if (purposes !== null && !purposes.includes(emailProtection) && !purposes.includes(any)) return 'not-for-mail';
  if (use !== 'encrypt' && !canSign(certificate)) return 'cannot-sign';
  if (use !== 'sign' && !canEncrypt(certificate)) return 'cannot-encrypt';
  if (keyStrength(certificate.key) !== 'strong') return 'weak-key';
  // Whether the algorithm is too weak is said before any key is looked at: the issuer's need not be known.
  const { signatureAlgorithm, tbs, signature } = certificate;
  if (verifySignature(signatureAlgorithm, tbs, signature, certificate) === 'weak') return 'weak-signature';
  if (certificate.notAfter < at) return 'expired';
  return certificate.notBefore.getTime() > at.getTime() + CLOCK_MS ? 'not-yet-valid' : null;
}

/** Compared as keys: an authority may write the same one in another form. */
export function isForKey(certificate: Certificate, key: KeyObject): boolean {
  try {
    return certificate.publicKey.equals(key);
  } catch (error) {
    if (error instanceof PkiError) return false;
    throw error;
  }
}
