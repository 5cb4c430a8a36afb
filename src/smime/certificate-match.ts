/** Which certificate an identifier of CMS means, and certificates as plain data. */
import { type Certificate, canEncrypt, canSign } from '../pki/certificate.ts';
import { rawOf } from '../pki/der.ts';
import { readName, sameName } from '../pki/name.ts';
import type { SignerIdentifier } from './signed-data.ts';
import type { CertificateSummary } from './verdict.ts';

/** Whether the identifier means this certificate. Names are compared as RFC 5280 section 7.1 says, not only byte by byte. */
export function identifies(identifier: SignerIdentifier, certificate: Certificate): boolean {
  if (identifier.kind === 'key-identifier') {
    return certificate.subjectKeyIdentifier?.equals(identifier.keyIdentifier) ?? false;
  }
  if (!identifier.serialRaw.equals(certificate.serialRaw)) return false;
  return rawOf(identifier.issuer).equals(certificate.issuerRaw) || namesMatch(identifier, certificate);
}

function namesMatch(identifier: SignerIdentifier & { kind: 'issuer-and-serial' }, certificate: Certificate): boolean {
  try {
    return sameName(readName(identifier.issuer), certificate.issuerName);
  } catch {
    return false;
  }
}

/** A certificate for more mailboxes is nobody's own; the list would only be carried from thread to thread. */
const MAX_ADDRESSES = 100;
const summaries = new WeakMap<Certificate, CertificateSummary>();

/**
 * Without its key object, so that it can leave the thread. One summary for one certificate: the many signers of a hostile
 * message share it, and it crosses once.
 */
export function summariseCertificate(certificate: Certificate): CertificateSummary {
  const known = summaries.get(certificate);
  if (known !== undefined) return known;
  const summary = summarise(certificate);
  summaries.set(certificate, summary);
  return summary;
}

function summarise(certificate: Certificate): CertificateSummary {
  return {
    der: certificate.der,
    sha1: certificate.sha1,
    sha256: certificate.sha256,
    serialNumber: certificate.serialNumber,
    subject: certificate.subject,
    issuer: certificate.issuer,
    commonName: certificate.commonName,
    addresses: certificate.addresses.slice(0, MAX_ADDRESSES),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    keyLabel: certificate.keyLabel,
    canSign: canSign(certificate),
    canEncrypt: canEncrypt(certificate),
  };
}
