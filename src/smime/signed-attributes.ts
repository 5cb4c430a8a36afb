/** The signed attributes of a signer (RFC 5652 section 11, RFC 8551 section 2.5), read and written. */
import { createHash } from 'node:crypto';
import type { Certificate } from '../pki/certificate.ts';
import { children, type DerNode, Fields, octetsOf, oidOf, rawOf, TAG } from '../pki/der.ts';
import { timeOf } from '../pki/der-text.ts';
import { context, objectIdentifier, octetString, sequence, setOf, time } from '../pki/der-writer.ts';
import {
  ATTRIBUTE,
  CONTENT_TYPE,
  capabilityLabel,
  DIGEST_BY_OID,
  type DigestName,
  KEY_ALGORITHM,
} from './algorithms.ts';
import { identifies } from './certificate-match.ts';
import { isOaepWithSha256, OAEP_SHA256_PARAMETERS } from './oaep.ts';
import { type ReceiptRequest, readReceiptRequest, writeReceiptRequest } from './receipt-request.ts';
import { readPrivacyMark, writeSecurityLabel } from './security-label.ts';
import { readIdentifier, type SignedAttribute, type SignerIdentifier } from './signed-data.ts';

export interface AttributeFacts {
  readonly contentType: string;
  readonly messageDigest: Buffer;
  readonly signingTime: Date | null;
  readonly capabilities: readonly string[];
  /** The certificate the signer wants to be encrypted to. */
  readonly encryptionPreference: SignerIdentifier | null;
  /** Of the security label (RFC 2634 section 3), as the signer wrote it. */
  readonly privacyMark: string | null;
  /** Whether and where to it asks for signed receipts (RFC 2634 section 2); null when it does not. */
  readonly receiptRequest: ReceiptRequest | null;
  /** False when signingCertificate or its second version (RFC 5035) names another certificate. */
  namesCertificate(certificate: Certificate): boolean;
}

/**
 * Null when an attribute that must be there once, with one value, is missing or repeated, or when one that is read is
 * malformed: security.md's `attributes-malformed`.
 */
export function readSignedAttributes(list: readonly SignedAttribute[]): AttributeFacts | null {
  try {
    const contentType = only(list, ATTRIBUTE.contentType);
    const messageDigest = only(list, ATTRIBUTE.messageDigest);
    if (contentType === null || messageDigest === null) return null;
    const signingTime = only(list, ATTRIBUTE.signingTime);
    const preference = only(list, ATTRIBUTE.encryptionKeyPreference);
    const second = only(list, ATTRIBUTE.signingCertificateV2);
    const first = only(list, ATTRIBUTE.signingCertificate);
    const label = only(list, ATTRIBUTE.securityLabel);
    const receipt = only(list, ATTRIBUTE.receiptRequest);
    const named = [second && readNamed(second, 'sha256'), first && readNamed(first, 'sha1')];
    return {
      contentType: oidOf(contentType),
      messageDigest: octetsOf(messageDigest),
      signingTime: signingTime === null ? null : timeOf(signingTime),
      capabilities: readCapabilities(only(list, ATTRIBUTE.smimeCapabilities)),
      encryptionPreference: preference === null ? null : readPreference(preference),
      privacyMark: label === null ? null : readPrivacyMark(label),
      receiptRequest: receipt === null ? null : readReceiptRequest(receipt),
      namesCertificate: (certificate) => named.every((item) => item === null || item(certificate)),
    };
  } catch {
    return null;
  }
}

/** The one value of an attribute; null when it is absent. Twice, or not exactly one value, is an error. */
function only(list: readonly SignedAttribute[], type: string): DerNode | null {
  const found = list.filter((attribute) => attribute.type === type);
  if (found.length === 0) return null;
  const value = found[0]?.values[0];
  if (found.length > 1 || found[0]?.values.length !== 1 || value === undefined) throw new Error('not exactly one');
  return value;
}

function readCapabilities(value: DerNode | null): string[] {
  if (value === null) return [];
  const labels = children(value).flatMap((item) => {
    const fields = new Fields(item);
    const oid = oidOf(fields.next(TAG.oid));
    const [parameters] = fields.rest();
    // RSA-OAEP with SHA-1 and with SHA-256 are two capabilities of one name.
    if (oid === KEY_ALGORITHM.rsaOaep && parameters && isOaepWithSha256(rawOf(parameters))) return ['RSA-OAEP-SHA-256'];
    const label = capabilityLabel(oid);
    return label === null ? [] : [label];
  });
  return [...new Set(labels)];
}

// SMIMEEncryptionKeyPreference (RFC 8551 section 2.5.3); [1] has further fields after the key identifier.
function readPreference(value: DerNode): SignerIdentifier | null {
  if (value.tag === 0xa0) {
    const fields = new Fields(value, 0xa0);
    const issuer = fields.next(TAG.sequence);
    return { kind: 'issuer-and-serial', issuer, serialRaw: rawOf(fields.next(TAG.integer)) };
  }
  if (value.tag === 0xa1)
    return { kind: 'key-identifier', keyIdentifier: octetsOf(new Fields(value, 0xa1).next(TAG.octetString)) };
  return value.tag === 0x82 ? readIdentifier({ ...value, tag: 0x80 }) : null;
}

// The first of the list is the signer's own (RFC 5035 section 4).
function readNamed(value: DerNode, fallback: DigestName): (certificate: Certificate) => boolean {
  const [identifiers] = children(value);
  const [own] = identifiers === undefined ? [] : children(identifiers);
  if (own === undefined) throw new Error('no certificate named');
  const fields = new Fields(own);
  const algorithm = fields.optional(TAG.sequence);
  const name = algorithm === null ? fallback : DIGEST_BY_OID[oidOf(new Fields(algorithm).next(TAG.oid))];
  if (name === undefined) throw new Error('unknown digest');
  const hash = octetsOf(fields.next(TAG.octetString));
  return (certificate) => createHash(name).update(certificate.der).digest().equals(hash);
}

/** The certificate of the list that the signer prefers, or null. */
export function preferredCertificate(
  preference: SignerIdentifier | null,
  certificates: readonly Certificate[],
): Certificate | null {
  return preference === null ? null : (certificates.find((item) => identifies(preference, item)) ?? null);
}

// AES-256-GCM, AES-256-CBC, AES-128-GCM, AES-128-CBC, RSA-OAEP with SHA-256: what this program reads and likes to get, best first.
const OWN_CAPABILITIES = sequence(
  ...['2.16.840.1.101.3.4.1.46', '2.16.840.1.101.3.4.1.42', '2.16.840.1.101.3.4.1.6', '2.16.840.1.101.3.4.1.2'].map(
    (oid) => sequence(objectIdentifier(oid)),
  ),
  sequence(objectIdentifier(KEY_ALGORITHM.rsaOaep), OAEP_SHA256_PARAMETERS),
);

/** The attributes of a new signature, one each, as a SET OF in DER: what is signed. */
export function writeSignedAttributes(input: {
  messageDigest: Buffer;
  at: Date;
  certificate: Certificate;
  encryptionCertificate: Certificate;
  marking?: string | undefined;
  receipt?: { contentIdentifier: Uint8Array; to: string } | undefined;
}): Buffer {
  const { certificate, encryptionCertificate } = input;
  const certificateHash = createHash('sha256').update(certificate.der).digest();
  const issuerSerial = sequence(sequence(context(4, certificate.issuerRaw)), certificate.serialRaw);
  return setOf(
    attribute(ATTRIBUTE.contentType, objectIdentifier(CONTENT_TYPE.data)),
    attribute(ATTRIBUTE.messageDigest, octetString(input.messageDigest)),
    attribute(ATTRIBUTE.signingTime, time(input.at)),
    attribute(ATTRIBUTE.smimeCapabilities, OWN_CAPABILITIES),
    attribute(
      ATTRIBUTE.encryptionKeyPreference,
      context(0, encryptionCertificate.issuerRaw, encryptionCertificate.serialRaw),
    ),
    attribute(ATTRIBUTE.signingCertificateV2, sequence(sequence(sequence(octetString(certificateHash), issuerSerial)))),
    ...(input.marking === undefined ? [] : [attribute(ATTRIBUTE.securityLabel, writeSecurityLabel(input.marking))]),
    ...(input.receipt === undefined
      ? []
      : [attribute(ATTRIBUTE.receiptRequest, writeReceiptRequest(input.receipt.contentIdentifier, input.receipt.to))]),
  );
}

function attribute(type: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(type), setOf(value));
}
