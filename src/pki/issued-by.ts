import type { Certificate } from './certificate.ts';
import { verifySignature } from './signature.ts';

/** Whether `issuer` signed the certificate: names alone are anybody's, and two roots may have the same one (RFC 5280 section 6.1.3 a). */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (!certificate.issuerRaw.equals(issuer.subjectRaw)) return false;
  return verifySignature(certificate.signatureAlgorithm, certificate.tbs, certificate.signature, issuer) === 'valid';
}
