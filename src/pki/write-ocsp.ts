/** Answering the Online Certificate Status Protocol (RFC 6960): requests read, responses written. */
import { createHash } from 'node:crypto';
import { type Certificate, readAlgorithm } from './certificate.ts';
import {
  asBuffer,
  children,
  contentOf,
  type DerNode,
  Fields,
  integerBytesOf,
  octetsOf,
  oidOf,
  rawOf,
  readWhole,
  TAG,
} from './der.ts';
import {
  algorithmIdentifier,
  bitString,
  context,
  contextPrimitive,
  element,
  generalizedTime,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
} from './der-writer.ts';
import { PkiError } from './errors.ts';
import { signBytes, signingScheme } from './sign.ts';
import { REVOCATION_REASON, type RevocationReasonName } from './write-crl.ts';

/** Requests are some hundred octets; nobody needs more. */
export const MAX_REQUEST_BYTES = 8 * 1024;
/** More than one is rare (RFC 5019 allows one alone). */
export const MAX_ASKED = 8;
/** RFC 9654 section 2.1: 1 to 128 octets. */
const MAX_NONCE_BYTES = 128;

const NONCE = '1.3.6.1.5.5.7.48.1.2';
const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1';
const HASHES: Record<string, 'sha1' | 'sha256'> = { '1.3.14.3.2.26': 'sha1', '2.16.840.1.101.3.4.2.1': 'sha256' };

export interface AskedCertificate {
  /** CertID in DER for the answer, in one form however it was written: else each way of writing it would need a signature of its own. */
  readonly raw: Buffer;
  /** Null for a hash that nobody uses: then nothing is known. */
  readonly hash: 'sha1' | 'sha256' | null;
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
  /** Lower-case hex as `Certificate.serialNumber`. */
  readonly serialNumber: string;
}

export interface OcspRequest {
  readonly asked: readonly AskedCertificate[];
  /** The extension in DER, to be repeated; null without one. */
  readonly nonce: Buffer | null;
}

/** Reads a request; a signature on it is passed over. Throws PkiError `malformed`, `unsupported` or `too-complex`. */
export function readOcspRequest(bytes: Uint8Array): OcspRequest {
  if (bytes.length > MAX_REQUEST_BYTES) throw new PkiError('too-complex', 'OCSP request too large');
  const outer = new Fields(readWhole(asBuffer(bytes), { strict: true }));
  const fields = new Fields(outer.next(TAG.sequence));
  fields.optional(0xa0); // version: there is one
  fields.optional(0xa1); // name of who asks: anybody may
  const list = children(fields.next(TAG.sequence));
  const extensions = fields.optional(0xa2);
  if (fields.rest().length > 0) throw new PkiError('malformed', 'OCSP request');
  if (list.length === 0 || list.length > MAX_ASKED) throw new PkiError('too-complex', 'OCSP request for too many');
  return { asked: list.map(readAsked), nonce: extensions === null ? null : readNonce(extensions) };
}

function readAsked(node: DerNode): AskedCertificate {
  const fields = new Fields(new Fields(node).next(TAG.sequence));
  const { oid } = readAlgorithm(fields.next(TAG.sequence));
  const hash = HASHES[oid] ?? null;
  const issuerNameHash = octetsOf(fields.next(TAG.octetString));
  const issuerKeyHash = octetsOf(fields.next(TAG.octetString));
  const serial = integerBytesOf(fields.next(TAG.integer));
  if (fields.rest().length > 0 || serial.length > 21) throw new PkiError('malformed', 'CertID');
  const serialNumber = serial.toString('hex').replace(/^(00)+(?=..)/, '');
  const hashes = [octetString(issuerNameHash), octetString(issuerKeyHash)];
  const raw = sequence(algorithmIdentifier(oid, nullValue()), ...hashes, integer(serial));
  return { raw, hash, issuerNameHash, issuerKeyHash, serialNumber };
}

function readNonce(node: DerNode): Buffer | null {
  const [list] = children(node);
  if (list === undefined) throw new PkiError('malformed', 'extensions of an OCSP request');
  for (const one of children(list)) {
    const fields = new Fields(one);
    const type = oidOf(fields.next(TAG.oid));
    const critical = fields.optional(TAG.boolean);
    const value = contentOf(fields.next(TAG.octetString));
    if (type === NONCE) {
      if (value.length === 0 || value.length > MAX_NONCE_BYTES + 3) throw new PkiError('malformed', 'nonce');
      return rawOf(one);
    }
    if (critical !== null && contentOf(critical)[0] !== 0) throw new PkiError('unsupported', `extension ${type}`);
  }
  return null;
}

/** Whether the question is about something that this authority issued. */
export function isAbout(asked: AskedCertificate, issuer: Certificate): boolean {
  if (asked.hash === null) return false;
  const digest = (bytes: Buffer) =>
    createHash(asked.hash as string)
      .update(bytes)
      .digest();
  return (
    asked.issuerNameHash.equals(digest(issuer.subjectRaw)) && asked.issuerKeyHash.equals(digest(issuer.key.keyBits))
  );
}

export type CertificateStatus =
  | { readonly status: 'good' | 'unknown' }
  | { readonly status: 'revoked'; readonly revokedAt: Date; readonly reason: RevocationReasonName };

export interface OcspAnswer {
  readonly signer: Certificate;
  /** PKCS#8 in DER. */
  readonly privateKey: Uint8Array;
  readonly answers: readonly { readonly asked: Pick<AskedCertificate, 'raw'>; readonly status: CertificateStatus }[];
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly nonce: Buffer | null;
}

/** A basic response by key hash, with the signer's certificate (section 4.2.1). */
export function writeOcspResponse(answer: OcspAnswer): Buffer {
  const scheme = signingScheme(answer.privateKey);
  const { signer, nonce } = answer;
  const responses = answer.answers.map(({ asked, status }) =>
    sequence(
      asked.raw,
      writeStatus(status),
      generalizedTime(answer.thisUpdate),
      context(0, generalizedTime(answer.nextUpdate)),
    ),
  );
  const tbs = sequence(
    context(2, octetString(createHash('sha1').update(signer.key.keyBits).digest())),
    generalizedTime(answer.producedAt),
    sequence(...responses),
    ...(nonce === null ? [] : [context(1, sequence(nonce))]),
  );
  const signature = bitString(signBytes(scheme, tbs));
  const basic = sequence(tbs, scheme.algorithm, signature, context(0, sequence(signer.der)));
  return sequence(enumerated(0), context(0, sequence(objectIdentifier(BASIC_RESPONSE), octetString(basic))));
}

/** OCSPResponseStatus (section 4.2.1) of answers that say nothing and are not signed. */
export const OCSP_ERROR = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;

export function writeOcspError(error: keyof typeof OCSP_ERROR): Buffer {
  return sequence(enumerated(OCSP_ERROR[error]));
}

function writeStatus(status: CertificateStatus): Buffer {
  if (status.status !== 'revoked') return contextPrimitive(status.status === 'good' ? 0 : 2, Buffer.alloc(0));
  const reason = REVOCATION_REASON[status.reason];
  const named = reason === 0 ? [] : [context(0, enumerated(reason))];
  return context(1, generalizedTime(status.revokedAt), ...named);
}

function enumerated(value: number): Buffer {
  return element(0x0a, Buffer.from([value]));
}
