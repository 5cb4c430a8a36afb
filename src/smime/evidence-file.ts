/**
 * The evidence of a sent message as one file: SignedData of CMS (RFC 5652) around UTF-8 JSON, in DER, with the certificates of its signer
 * up to the root. Every byte of it is either signed or follows from what is: a file that was changed anywhere is refused.
 */
import { createHash, type KeyObject } from 'node:crypto';
import type { Certificate } from '../pki/certificate.ts';
import { EXTENDED_KEY_USAGE } from '../pki/certificate-extensions.ts';
import {
  algorithmIdentifier,
  context,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
} from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';
import { type PathReason, type PathRevocation, validatePath } from '../pki/path.ts';
import type { RevocationEvidence } from '../pki/revocation.ts';
import { ATTRIBUTE, CONTENT_TYPE, DIGEST_OID } from './algorithms.ts';
import { readContentInfo, readSignedData, type SignedData } from './signed-data.ts';
import { digestsOf, verifySignature } from './verify-signature.ts';
import { certificateSet, contentInfo, digestNameOf, signAttributes, writeSignerInfo } from './write-signature.ts';

export interface EvidenceSigner {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  /** Above it, the root last. */
  readonly chain: readonly Certificate[];
}

/**
 * - `malformed`: no evidence file, or not written as one
 * - `altered`: the signature does not fit, or something outside it was changed
 * - `not-a-service`: signed by somebody, but not by a service of evidence
 * - the others as for certificates, at the time when the file was made
 */
export type EvidenceReason = 'malformed' | 'altered' | 'not-a-service' | PathReason;

export interface EvidenceVerdict {
  readonly valid: boolean;
  readonly reasons: readonly EvidenceReason[];
  /** What was signed; null when it is not intact. */
  readonly content: Readonly<Record<string, unknown>> | null;
  readonly signedAt: Date | null;
  /** Who signed, and above it; the last is the anchor when it is valid. */
  readonly path: readonly Certificate[];
  readonly revocation: PathRevocation['status'];
}

export interface EvidenceQuestion {
  readonly anchors: readonly Certificate[];
  /** Without it nothing is looked up; with it the status of the signer must be known. */
  readonly revocation?: RevocationEvidence;
}

const MAX_BYTES = 64 * 1024 * 1024;

/** @param content what is signed; the thumbprints of the certificates are added to it */
export function writeEvidence(content: Readonly<Record<string, unknown>>, signer: EvidenceSigner, at: Date): Buffer {
  const { certificate, privateKey, chain } = signer;
  const certificates = [certificate, ...chain];
  const whole = { ...content, certificates: certificates.map(({ sha256 }) => sha256) };
  const bytes = Buffer.from(`${JSON.stringify(whole, null, 1)}\n`);
  const attributes = signedAttributes(bytes, certificate, at);
  return assemble(bytes, certificates, attributes, (signed) => signAttributes(signed, privateKey, certificate));
}

/** Never throws for what a file can be. */
export function verifyEvidence(bytes: Buffer, question: EvidenceQuestion): EvidenceVerdict {
  try {
    const read = readIntact(bytes);
    return 'reason' in read ? refused(read.reason) : judge(read, question);
  } catch (error) {
    if (error instanceof PkiError || error instanceof SyntaxError) return refused('malformed');
    throw error;
  }
}

type Intact = { content: Record<string, unknown>; signedAt: Date; certificates: Certificate[] };

function readIntact(bytes: Buffer): Intact | { reason: 'malformed' | 'altered' } {
  if (bytes.length > MAX_BYTES) return { reason: 'malformed' };
  const info = readContentInfo(bytes);
  if (info.type !== CONTENT_TYPE.signedData) return { reason: 'malformed' };
  const data = readSignedData(info.content, null);
  const [signer, ...others] = data.signers;
  if (signer === undefined || others.length > 0 || data.content === null) return { reason: 'malformed' };
  const signed = Buffer.from(data.content.subarray(0, data.content.length));
  const check = verifySignature(
    signer,
    data.contentType,
    digestsOf(() => [signed]),
    data.certificates,
    false,
  );
  const signedAt = check.attributes?.signingTime ?? null;
  if (!check.intact || check.certificate === null || signedAt === null || check.reasons.length > 0)
    return { reason: 'altered' };
  const content: unknown = JSON.parse(signed.toString('utf8'));
  if (!isRecord(content)) return { reason: 'malformed' };
  const certificates = namedCertificates(content, data);
  if (certificates === null || certificates[0]?.sha256 !== check.certificate.sha256) return { reason: 'altered' };
  const attributes = signer.signedAttributes?.signed ?? Buffer.alloc(0);
  const again = assemble(signed, certificates, attributes, () => signer.signature);
  return again.equals(bytes) ? { content, signedAt, certificates } : { reason: 'altered' };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Those that the content names, in its order; null where one is missing or another one was added. */
function namedCertificates({ certificates: named }: Record<string, unknown>, data: SignedData): Certificate[] | null {
  if (!Array.isArray(named) || named.length !== data.certificates.length) return null;
  const found = named.map((sha256) => data.certificates.find((each) => each.sha256 === sha256));
  return found.every((each) => each !== undefined) ? found : null;
}

function judge({ content, signedAt, certificates }: Intact, question: EvidenceQuestion): EvidenceVerdict {
  const [leaf, ...candidates] = certificates as [Certificate, ...Certificate[]];
  const { valid, reasons, path, revocation } = validatePath({
    leaf,
    candidates,
    anchors: question.anchors,
    at: signedAt,
    purpose: 'any',
    ...(question.revocation === undefined ? {} : { revocation: { ...question.revocation, required: true } }),
  });
  // A clerk's Digital ID has another purpose: nobody makes evidence with it.
  const isService = leaf.extendedKeyUsage?.includes(EXTENDED_KEY_USAGE.documentSigning) ?? false;
  const all: EvidenceReason[] = [...(isService ? [] : (['not-a-service'] as const)), ...reasons];
  return { valid: valid && isService, reasons: all, content, signedAt, path, revocation: revocation.status };
}

function refused(reason: EvidenceReason): EvidenceVerdict {
  return { valid: false, reasons: [reason], content: null, signedAt: null, path: [], revocation: 'unchecked' };
}

function assemble(
  content: Buffer,
  certificates: readonly Certificate[],
  attributes: Buffer,
  signing: (attributes: Buffer) => Buffer,
): Buffer {
  const [signer] = certificates as [Certificate, ...Certificate[]];
  const signedData = sequence(
    integer(1),
    setOf(algorithmIdentifier(DIGEST_OID[digestNameOf(signer)])),
    sequence(objectIdentifier(CONTENT_TYPE.data), context(0, octetString(content))),
    certificateSet(certificates),
    setOf(writeSignerInfo(signer, attributes, signing)),
  );
  return contentInfo(CONTENT_TYPE.signedData, signedData);
}

function signedAttributes(content: Buffer, certificate: Certificate, at: Date): Buffer {
  const digest = createHash(digestNameOf(certificate)).update(content).digest();
  const certificateHash = createHash('sha256').update(certificate.der).digest();
  const issuerSerial = sequence(sequence(context(4, certificate.issuerRaw)), certificate.serialRaw);
  const attribute = (type: string, value: Buffer) => sequence(objectIdentifier(type), setOf(value));
  return setOf(
    attribute(ATTRIBUTE.contentType, objectIdentifier(CONTENT_TYPE.data)),
    attribute(ATTRIBUTE.messageDigest, octetString(digest)),
    attribute(ATTRIBUTE.signingTime, time(at)),
    attribute(ATTRIBUTE.signingCertificateV2, sequence(sequence(sequence(octetString(certificateHash), issuerSerial)))),
  );
}
