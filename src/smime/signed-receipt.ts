/** Signed receipts (RFC 2634 section 2): a reader's signature over the signature of a message. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeBody } from '../mime/decode.ts';
import type { MimeEntity } from '../mime/entity.ts';
import { parseEntity } from '../mime/parse.ts';
import { asBuffer, Fields, octetsOf, oidOf, readElement, TAG } from '../pki/der.ts';
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
import { ATTRIBUTE, CONTENT_TYPE, DIGEST_OID } from './algorithms.ts';
import { assessSigner, type Trust } from './assess-signer.ts';
import type { ReceiptFacts } from './receipt-request.ts';
import { readContentInfo, readSignedData, type SignerInfo } from './signed-data.ts';
import type { SignerSummary } from './verdict.ts';
import { digestsOf, verifySignature } from './verify-signature.ts';
import {
  certificateSet,
  contentInfo,
  digestNameOf,
  type SigningKey,
  signAttributes,
  writeSignerInfo,
} from './write-signature.ts';

/** The ContentInfo in DER, for `application/pkcs7-mime; smime-type=signed-receipt`. */
export function writeSignedReceipt(about: ReceiptFacts, key: SigningKey, at: Date): Buffer {
  const { certificate, chain, privateKey } = key;
  const receipt = sequence(
    integer(1),
    objectIdentifier(CONTENT_TYPE.data),
    octetString(about.contentIdentifier),
    octetString(about.signature),
  );
  const attribute = (type: string, value: Buffer) => sequence(objectIdentifier(type), setOf(value));
  const digest = createHash(digestNameOf(certificate)).update(receipt).digest();
  const certificateHash = createHash('sha256').update(certificate.der).digest();
  const issuerSerial = sequence(sequence(context(4, certificate.issuerRaw)), certificate.serialRaw);
  const attributes = setOf(
    attribute(ATTRIBUTE.contentType, objectIdentifier(CONTENT_TYPE.receipt)),
    attribute(ATTRIBUTE.messageDigest, octetString(digest)),
    attribute(ATTRIBUTE.signingTime, time(at)),
    attribute(ATTRIBUTE.messageSignatureDigest, octetString(about.attributesDigest)),
    attribute(ATTRIBUTE.signingCertificateV2, sequence(sequence(sequence(octetString(certificateHash), issuerSerial)))),
  );
  const signedData = sequence(
    integer(3), // RFC 5652 section 5.1: for a content type other than data
    setOf(algorithmIdentifier(DIGEST_OID[digestNameOf(certificate)])),
    sequence(objectIdentifier(CONTENT_TYPE.receipt), context(0, octetString(receipt))),
    certificateSet([certificate, ...chain]),
    setOf(writeSignerInfo(certificate, attributes, (signed) => signAttributes(signed, privateKey, certificate))),
  );
  return contentInfo(CONTENT_TYPE.signedData, signedData);
}

export interface ReadReceipt {
  readonly about: ReceiptFacts;
  /** Measured against no From field: whom it is of is for the caller. */
  readonly signer: Pick<
    SignerSummary,
    'name' | 'addresses' | 'sha256' | 'intact' | 'status' | 'reasons' | 'signingTime'
  >;
}

/** Of a message whose whole content is one; null where it is none, or not as RFC 2634 wants it. */
export function readSignedReceipt(bytes: Buffer, trust: Trust, at: Date): ReadReceipt | null {
  try {
    const message = parseEntity(bytes);
    return isSignedReceipt(message) ? readReceipt(decodeBody(message), trust, at) : null;
  } catch (error) {
    if (error instanceof PkiError && error.code !== 'too-complex') return null;
    throw error;
  }
}

/** What the MIME type says. */
export function isSignedReceipt({ contentType }: Pick<MimeEntity, 'contentType'>): boolean {
  if (!/^application\/(?:x-)?pkcs7-mime$/.test(contentType.value)) return false;
  return contentType.parameters.get('smime-type')?.toLowerCase() === 'signed-receipt';
}

function readReceipt(cms: Buffer, trust: Trust, at: Date): ReadReceipt | null {
  const info = readContentInfo(cms);
  if (info.type !== CONTENT_TYPE.signedData) return null;
  const data = readSignedData(info.content, null);
  const [signer, ...others] = data.signers;
  if (data.contentType !== CONTENT_TYPE.receipt || data.content === null || signer === undefined || others.length > 0)
    return null;
  const receipt = asBuffer(data.content.subarray(0, data.content.length));
  const fields = new Fields(readElement(receipt));
  fields.next(TAG.integer);
  oidOf(fields.next(TAG.oid));
  const contentIdentifier = octetsOf(fields.next(TAG.octetString));
  const signature = octetsOf(fields.next(TAG.octetString));
  const attributesDigest = signatureDigestOf(signer);
  if (attributesDigest === null) return null;
  const known = [...data.certificates, ...trust.intermediates];
  const check = verifySignature(
    signer,
    data.contentType,
    digestsOf(() => [receipt]),
    known,
    false,
  );
  const own = check.certificate?.addresses[0] ?? '';
  const sender = { from: [{ name: '', address: own }], single: true, date: null, protectedFrom: null };
  const { summary } = assessSigner(check, data.certificates, sender, trust, at, false);
  const { name, addresses, sha256, intact, status, reasons, signingTime } = summary;
  return {
    about: { contentIdentifier, signature, attributesDigest },
    signer: { name, addresses, sha256, intact, status, reasons, signingTime },
  };
}

function signatureDigestOf({ signedAttributes }: SignerInfo): Buffer | null {
  const found = (signedAttributes?.list ?? []).filter(({ type }) => type === ATTRIBUTE.messageSignatureDigest);
  const [value] = found[0]?.values ?? [];
  return found.length === 1 && value !== undefined && found[0]?.values.length === 1 ? octetsOf(value) : null;
}

/** Whether a receipt is about exactly this signature. */
export function isAboutSignature(receipt: ReceiptFacts, own: ReceiptFacts): boolean {
  const pairs = [
    [receipt.contentIdentifier, own.contentIdentifier],
    [receipt.signature, own.signature],
    [receipt.attributesDigest, own.attributesDigest],
  ] as const;
  return pairs.every(([a, b]) => a.length === b.length && timingSafeEqual(a, b));
}
