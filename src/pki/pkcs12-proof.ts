/**
 * Integrity of a PKCS#12 file whose old MAC fits nothing. Some authorities' programs wrote such files (GnuPG's T5793:
 * the parts were put together anew and the MAC of another file was kept), and gpgsm, which never looks at it, reads them.
 */
import { createPrivateKey } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { type FoundCertificate, type FoundKey, mayHaveIssued } from './pkcs12-identities.ts';
import { verifySignature } from './signature.ts';

// Each certificate may be tried under each other one.
const MAX_CERTIFICATES = 20;

/**
 * Whether keys and certificates prove without the MAC that nobody altered them: every certificate is signed by one that is
 * there, up to a root, and every private key is the one, in all its numbers, that a certificate names. RSA only: nothing
 * newer was ever seen with such a MAC.
 */
export function provesItself(keys: readonly FoundKey[], found: readonly FoundCertificate[]): boolean {
  const certificates = found.map(({ certificate }) => certificate);
  if (keys.length === 0 || certificates.length > MAX_CERTIFICATES) return false;
  const signed = (certificate: Certificate) =>
    certificates.some(
      (issuer) =>
        mayHaveIssued(issuer, certificate) &&
        verifySignature(certificate.signatureAlgorithm, certificate.tbs, certificate.signature, issuer) === 'valid',
    );
  const named = (key: FoundKey) => certificates.some((each) => each.key.keyBits.equals(key.publicBits));
  return keys.every((key) => named(key) && isSoundRsaKey(key.pkcs8)) && certificates.every(signed);
}

/**
 * Whether the private numbers follow from the public ones (RFC 8017 section 3.2): a key with one altered number signs
 * wrongly, and such signatures give the key away.
 */
export function isSoundRsaKey(pkcs8: Buffer): boolean {
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  if (key.asymmetricKeyType !== 'rsa') return false;
  const jwk = key.export({ format: 'jwk' });
  const [n, e, d, p, q, dp, dq, qi] = [jwk.n, jwk.e, jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi].map(numberOf);
  if (!n || !e || !d || !p || !q || !dp || !dq || !qi || p === 1n || q === 1n) return false;
  return (
    p * q === n &&
    (e * d) % (p - 1n) === 1n &&
    (e * d) % (q - 1n) === 1n &&
    (e * dp) % (p - 1n) === 1n &&
    (e * dq) % (q - 1n) === 1n &&
    (qi * q) % p === 1n
  );
}

function numberOf(text: string | undefined): bigint {
  return text === undefined ? 0n : BigInt(`0x${Buffer.from(text, 'base64url').toString('hex') || '0'}`);
}
