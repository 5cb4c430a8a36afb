/** Files that carry certificates only: DER, PEM and PKCS#7 (RFC 5652 section 5, "degenerate"), read and written. */
import { type Certificate, parseCertificate } from './certificate.ts';
import { asBuffer, children, Fields, oidOf, rawOf, readWhole, TAG } from './der.ts';
import { context, integer, objectIdentifier, sequence, setOf } from './der-writer.ts';
import { PkiError } from './errors.ts';

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const DATA = '1.2.840.113549.1.7.1';
const CERTIFICATE_LABELS = ['CERTIFICATE', 'X509 CERTIFICATE', 'PKCS7', 'CMS', 'X509 PKCS7', 'X509 CMS'];
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_CERTIFICATES = 100;

/**
 * The certificates of a `.cer`, `.crt`, `.pem`, `.p7b` or `.p7c` file, in the order of the file and without repeats.
 * Other PEM blocks are skipped. Throws PkiError `malformed` when a certificate or the file cannot be read.
 */
export function readCertificates(bytes: Uint8Array): Certificate[] {
  if (bytes.length > MAX_FILE_BYTES) throw new PkiError('too-complex', 'certificate file too large');
  const found = new Map<string, Certificate>();
  for (const der of encodedCertificates(asBuffer(bytes))) {
    const certificate = parseCertificate(der);
    found.set(certificate.sha256, certificate);
  }
  return [...found.values()];
}

/** A certificates-only CMS SignedData in DER: a `.p7b` file. */
export function writeCertificateBundle(certificates: readonly Pick<Certificate, 'der'>[]): Buffer {
  const set = setOf(...certificates.map((certificate) => certificate.der));
  const signedData = sequence(
    integer(1),
    setOf(),
    sequence(objectIdentifier(DATA)),
    Buffer.concat([Buffer.from([0xa0]), set.subarray(1)]), // [0] IMPLICIT SET OF
    setOf(),
  );
  return sequence(objectIdentifier(SIGNED_DATA), context(0, signedData));
}

/** PEM (RFC 7468) with one block per certificate. */
export function toPem(certificates: readonly Pick<Certificate, 'der'>[]): string {
  return certificates.map((certificate) => pemBlock('CERTIFICATE', certificate.der)).join('');
}

/** The contents of all PEM blocks with one of these labels (RFC 7468). */
export function pemBlocks(bytes: Uint8Array, labels: readonly string[]): Buffer[] {
  const text = asBuffer(bytes).toString('latin1');
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END /g);
  return [...blocks].flatMap(([, label = '', body = '']) =>
    labels.includes(label) ? [Buffer.from(body, 'base64')] : [],
  );
}

/** One PEM block with lines of 64 characters. */
export function pemBlock(label: string, der: Uint8Array): string {
  const lines =
    asBuffer(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function encodedCertificates(bytes: Buffer): Buffer[] {
  const blocks = pemBlocks(bytes, CERTIFICATE_LABELS);
  if (blocks.length > 0) {
    const list = blocks.flatMap((block) => derCertificates(block));
    if (list.length > MAX_CERTIFICATES) throw new PkiError('too-complex', 'too many certificates');
    return list;
  }
  const text = bytes.toString('latin1');
  // Some programs save base64 without the lines around it.
  if (bytes[0] !== TAG.sequence && /^[A-Za-z0-9+/=\s]+$/.test(text))
    return derCertificates(Buffer.from(text, 'base64'));
  return derCertificates(bytes);
}

function derCertificates(der: Buffer): Buffer[] {
  const node = readWhole(der);
  const first = children(node)[0];
  if (first?.tag !== TAG.oid) return [der];
  if (oidOf(first) !== SIGNED_DATA) throw new PkiError('unsupported', 'not a file of certificates');
  const contentInfo = new Fields(node);
  contentInfo.next(TAG.oid);
  const signedData = children(contentInfo.next(0xa0))[0];
  if (signedData === undefined) throw new PkiError('malformed', 'SignedData is missing');
  const certificates = new Fields(signedData).rest().find((field) => field.tag === 0xa0);
  if (certificates === undefined) return [];
  const list = children(certificates).filter((item) => item.tag === TAG.sequence);
  if (list.length > MAX_CERTIFICATES) throw new PkiError('too-complex', 'too many certificates');
  return list.map(rawOf);
}
