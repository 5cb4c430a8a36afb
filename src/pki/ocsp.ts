/** The Online Certificate Status Protocol (RFC 6960) as bytes and data: requests written, responses read; nothing is fetched here. */
import { createHash } from 'node:crypto';
import { type Certificate, parseCertificate, readAlgorithm, type SignatureAlgorithm } from './certificate.ts';
import { EXTENDED_KEY_USAGE, EXTENSION } from './certificate-extensions.ts';
import {
  asBuffer,
  bitsOf,
  children,
  contentOf,
  type DerNode,
  Fields,
  octetsOf,
  oidOf,
  rawOf,
  readWhole,
  smallIntegerOf,
  TAG,
  unsignedNumber,
} from './der.ts';
import { timeOf } from './der-text.ts';
import { algorithmIdentifier, nullValue, octetString, sequence } from './der-writer.ts';
import { PkiError } from './errors.ts';
import { type DistinguishedName, type GeneralName, readGeneralName, readName, sameName } from './name.ts';
import { verifySignature } from './signature.ts';

const SHA1 = '1.3.14.3.2.26';
const HASHES: Record<string, string> = {
  [SHA1]: 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1';
const OCSP_ACCESS = '1.3.6.1.5.5.7.48.1';
const MAX_RESPONSE_BYTES = 256 * 1024;
const MAX_CERTIFICATES = 10;

export interface SingleResponse {
  readonly hash: string;
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
  /** The INTEGER with its header. */
  readonly serialRaw: Buffer;
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly revokedAt: Date | null;
  /** CRLReason; null when none is given. */
  readonly reason: number | null;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
  /** A critical extension that is not understood. */
  readonly unreadable: boolean;
}

export interface OcspResponse {
  readonly der: Buffer;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly producedAt: Date;
  readonly responderName: DistinguishedName | null;
  /** SHA-1 of the key bits. */
  readonly responderKeyHash: Buffer | null;
  readonly responses: readonly SingleResponse[];
  readonly certificates: readonly Certificate[];
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly tbs: Buffer;
  readonly signature: Buffer;
  readonly unreadable: boolean;
}

/** Addresses of responders that the certificate names (RFC 5280 section 4.2.2.1). Nobody asks them because of that alone. */
export function ocspUris(certificate: Certificate): string[] {
  const extension = certificate.extensions.get(EXTENSION.authorityInfoAccess);
  if (extension === undefined) return [];
  return children(readWhole(extension.value)).flatMap((description) => {
    const fields = new Fields(description);
    const method = oidOf(fields.next(TAG.oid));
    const location: GeneralName = readGeneralName(fields.next());
    return method === OCSP_ACCESS && location.kind === 'uniformResourceIdentifier' ? [location.text] : [];
  });
}

/**
 * A request about one certificate. Names are hashed with SHA-1, which every responder understands (RFC 5019 section 2.1.1) and
 * which proves nothing here; without a nonce, so that responders may answer from stock.
 */
export function writeOcspRequest(certificate: Certificate, issuer: Certificate): Buffer {
  const certificateId = sequence(
    algorithmIdentifier(SHA1, nullValue()),
    octetString(createHash('sha1').update(certificate.issuerRaw).digest()),
    octetString(createHash('sha1').update(issuer.key.keyBits).digest()),
    certificate.serialRaw,
  );
  return sequence(sequence(sequence(sequence(certificateId))));
}

/** Reads a response that is not an error. Throws PkiError `malformed`, `unsupported` or `too-complex`. */
export function parseOcspResponse(bytes: Uint8Array): OcspResponse {
  if (bytes.length > MAX_RESPONSE_BYTES) throw new PkiError('too-complex', 'OCSP response too large');
  const der = asBuffer(bytes);
  const outer = new Fields(readWhole(der));
  const status = smallIntegerOf(outer.next(TAG.enumerated));
  if (status !== 0) throw new PkiError('unsupported', `OCSP response status ${status}`);
  const responseBytes = new Fields(onlyChild(outer.next(0xa0)));
  if (oidOf(responseBytes.next(TAG.oid)) !== BASIC_RESPONSE) throw new PkiError('unsupported', 'OCSP response type');
  const basic = new Fields(readWhole(octetsOf(responseBytes.next(TAG.octetString))));
  const tbsNode = basic.next(TAG.sequence);
  const signatureAlgorithm = readAlgorithm(basic.next(TAG.sequence));
  const { bits: signature, unused } = bitsOf(basic.next(TAG.bitString));
  if (unused > 0) throw new PkiError('malformed', 'OCSP signature');
  const carried = basic.optional(0xa0);
  return {
    der,
    sha256: createHash('sha256').update(der).digest('hex'),
    ...readResponseData(tbsNode),
    certificates: carried === null ? [] : readCarried(carried),
    signatureAlgorithm,
    tbs: rawOf(tbsNode),
    signature,
  };
}

function readResponseData(node: DerNode) {
  const fields = new Fields(node);
  fields.optional(0xa0); // version: there is one
  const byName = fields.optional(0xa1);
  const byKey = byName === null ? fields.optional(0xa2) : null;
  if (byName === null && byKey === null) throw new PkiError('malformed', 'responder of an OCSP response');
  const producedAt = timeOf(fields.next(TAG.generalizedTime));
  const responses = children(fields.next(TAG.sequence)).map(readSingleResponse);
  return {
    producedAt,
    responderName: byName === null ? null : readName(onlyChild(byName)),
    responderKeyHash: byKey === null ? null : octetsOf(onlyChild(byKey)),
    responses,
    unreadable: hasCritical(fields.optional(0xa1)),
  };
}

function onlyChild(node: DerNode): DerNode {
  const [child] = children(node);
  if (child === undefined) throw new PkiError('malformed', 'OCSP response');
  return child;
}

function readSingleResponse(node: DerNode): SingleResponse {
  const fields = new Fields(node);
  const certificateId = new Fields(fields.next(TAG.sequence));
  const hash = HASHES[readAlgorithm(certificateId.next(TAG.sequence)).oid] ?? 'unknown';
  const issuerNameHash = octetsOf(certificateId.next(TAG.octetString));
  const issuerKeyHash = octetsOf(certificateId.next(TAG.octetString));
  const serialRaw = rawOf(certificateId.next(TAG.integer));
  const { status, revokedAt, reason } = readStatus(fields.next());
  const thisUpdate = timeOf(fields.next(TAG.generalizedTime));
  const nextUpdate = fields.optional(0xa0);
  return {
    hash,
    issuerNameHash,
    issuerKeyHash,
    serialRaw,
    status,
    revokedAt,
    reason,
    thisUpdate,
    nextUpdate: nextUpdate === null ? null : timeOf(onlyChild(nextUpdate)),
    unreadable: hasCritical(fields.optional(0xa1)),
  };
}

function readStatus(node: DerNode): Pick<SingleResponse, 'status' | 'revokedAt' | 'reason'> {
  if (node.tag === 0x80) return { status: 'good', revokedAt: null, reason: null };
  if (node.tag !== 0xa1) return { status: 'unknown', revokedAt: null, reason: null };
  const [at, reason] = children(node);
  if (at === undefined) throw new PkiError('malformed', 'OCSP revocation time');
  const code = reason === undefined ? null : unsignedNumber(contentOf(onlyChild(reason)));
  return { status: 'revoked', revokedAt: timeOf(at), reason: code };
}

/** No extension of a response is understood, so a critical one makes it useless. */
function hasCritical(node: DerNode | null): boolean {
  if (node === null) return false;
  return children(onlyChild(node)).some((extension) => {
    const [, critical] = children(extension);
    return critical?.tag === TAG.boolean && contentOf(critical)[0] !== 0;
  });
}

function readCarried(node: DerNode): Certificate[] {
  const list = children(onlyChild(node));
  if (list.length > MAX_CERTIFICATES) throw new PkiError('too-complex', 'too many certificates in an OCSP response');
  return list.map((one) => parseCertificate(rawOf(one)));
}

/** What the response says about `certificate`; null when nothing. */
export function findResponse(
  response: OcspResponse,
  certificate: Pick<Certificate, 'serialRaw' | 'issuerRaw'>,
  issuer: Pick<Certificate, 'key'>,
): SingleResponse | null {
  if (response.unreadable) return null;
  const fits = (single: SingleResponse) => {
    if (single.hash === 'unknown' || single.unreadable || !single.serialRaw.equals(certificate.serialRaw)) return false;
    const digest = (bytes: Buffer) => createHash(single.hash).update(bytes).digest();
    return (
      single.issuerNameHash.equals(digest(certificate.issuerRaw)) &&
      single.issuerKeyHash.equals(digest(issuer.key.keyBits))
    );
  };
  return response.responses.find(fits) ?? null;
}

/**
 * Whether the response is signed by the issuer itself, or by one to whom exactly this issuer gave that right with a certificate
 * valid at `at` (RFC 6960 section 4.2.2.2). Such a certificate is good for its short life; it is not looked up in turn.
 */
export function isAuthorisedResponse(response: OcspResponse, issuer: Certificate, at: Date): boolean {
  const signedBy = (signer: Certificate) =>
    isResponder(response, signer) &&
    verifySignature(response.signatureAlgorithm, response.tbs, response.signature, signer) === 'valid';
  if (signedBy(issuer)) return true;
  return response.certificates.some((one) => isDelegate(one, issuer, at) && signedBy(one));
}

function isResponder({ responderName, responderKeyHash }: OcspResponse, signer: Certificate): boolean {
  if (responderName !== null) return sameName(responderName, signer.subjectName);
  return responderKeyHash?.equals(createHash('sha1').update(signer.key.keyBits).digest()) ?? false;
}

function isDelegate(certificate: Certificate, issuer: Certificate, at: Date): boolean {
  const { signatureAlgorithm, tbs, signature } = certificate;
  return (
    sameName(certificate.issuerName, issuer.subjectName) &&
    (certificate.extendedKeyUsage?.includes(EXTENDED_KEY_USAGE.ocspSigning) ?? false) &&
    (certificate.keyUsage === null || certificate.keyUsage.has('digitalSignature')) &&
    at >= certificate.notBefore &&
    at <= certificate.notAfter &&
    verifySignature(signatureAlgorithm, tbs, signature, issuer) === 'valid'
  );
}
