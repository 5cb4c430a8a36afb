/** SignedData of CMS (RFC 5652 section 5) taken apart, nothing verified. BER is read, as opaque mail of old programs uses it. */
import { type ByteSource, partOf } from '../bytes/byte-source.ts';
import { collect, type SpoolScope } from '../bytes/spool.ts';
import { type Certificate, parseCertificate, readAlgorithm, type SignatureAlgorithm } from '../pki/certificate.ts';
import {
  children,
  contentOf,
  type DerNode,
  Fields,
  octetPieces,
  octetsOf,
  oidOf,
  rawOf,
  readElement,
  TAG,
} from '../pki/der.ts';
import { element } from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';
import { CONTENT_TYPE } from './algorithms.ts';

/** Real messages carry fewer than five; more would only keep the path search busy. */
export const MAX_CERTIFICATES = 20;
export const MAX_SIGNERS = 20;

export type SignerIdentifier =
  | { readonly kind: 'issuer-and-serial'; readonly issuer: DerNode; readonly serialRaw: Buffer }
  | { readonly kind: 'key-identifier'; readonly keyIdentifier: Buffer };

export interface SignedAttribute {
  readonly type: string;
  readonly values: readonly DerNode[];
}

export interface SignerInfo {
  readonly identifier: SignerIdentifier;
  readonly digestOid: string;
  /** `signed` are the bytes under the signature: the attributes as a SET OF (RFC 5652 section 5.4). */
  readonly signedAttributes: { readonly signed: Buffer; readonly list: readonly SignedAttribute[] } | null;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Buffer;
}

export interface SignedData {
  readonly contentType: string;
  /** The octets inside, for an opaque signature; null when the content is detached. */
  readonly content: ByteSource | null;
  /** Those that could be read. */
  readonly certificates: readonly Certificate[];
  readonly signers: readonly SignerInfo[];
}

export interface ContentInfo {
  readonly type: string;
  readonly content: DerNode;
}

/** Reads the outermost ContentInfo; bytes after it, which transports add, are ignored. Throws PkiError. */
export function readContentInfo(bytes: ByteSource): ContentInfo {
  const fields = new Fields(readElement(bytes));
  const type = oidOf(fields.next(TAG.oid));
  const wrapper = fields.next(0xa0);
  const [content] = children(wrapper);
  if (content === undefined) throw new PkiError('malformed', 'CMS: no content');
  return { type, content };
}

/**
 * Reads the content of a ContentInfo of type signedData. Throws PkiError.
 * @param scope where content in pieces (BER) is joined when it is large; null for memory
 */
export function readSignedData(content: DerNode, scope: SpoolScope | null): SignedData {
  const fields = new Fields(content);
  fields.next(TAG.integer);
  fields.next(TAG.set);
  const encapsulated = new Fields(fields.next(TAG.sequence));
  const contentType = oidOf(encapsulated.next(TAG.oid));
  const wrapped = encapsulated.optional(0xa0);
  const certificates = fields.optional(0xa0);
  fields.optional(0xa1); // CRLs
  const signers = children(fields.next(TAG.set));
  if (signers.length > MAX_SIGNERS) throw new PkiError('too-complex', 'CMS: too many signers');
  return {
    contentType,
    content: wrapped === null ? null : encapsulatedOctets(wrapped, contentType, scope),
    certificates: certificates === null ? [] : readCertificateSet(certificates),
    signers: signers.map(readSignerInfo),
  };
}

function encapsulatedOctets(wrapped: DerNode, contentType: string, scope: SpoolScope | null): ByteSource {
  const [inner] = children(wrapped);
  if (inner === undefined) throw new PkiError('malformed', 'CMS: no encapsulated content');
  if (inner.tag === TAG.octetString) return partOf(inner.source, inner.contentStart, inner.contentEnd);
  if ((inner.tag & ~0x20) === TAG.octetString) return collect(octetPieces(inner), scope);
  // PKCS#7 1.5 put the content there without an octet string; only data, where both agree, is read.
  throw new PkiError('malformed', `CMS: encapsulated ${contentType === CONTENT_TYPE.data ? 'data' : contentType}`);
}

function readCertificateSet(node: DerNode): Certificate[] {
  const list: Certificate[] = [];
  for (const item of children(node)) {
    if (item.tag !== TAG.sequence) continue; // attribute certificates and other formats
    if (list.length === MAX_CERTIFICATES) throw new PkiError('too-complex', 'CMS: too many certificates');
    try {
      list.push(parseCertificate(rawOf(item)));
    } catch (error) {
      // One broken certificate among others must not hide the rest; a signature that needs it fails by itself.
      if (!(error instanceof PkiError)) throw error;
    }
  }
  return list;
}

function readSignerInfo(node: DerNode): SignerInfo {
  const fields = new Fields(node);
  fields.next(TAG.integer);
  const identifier = readIdentifier(fields.next());
  const digestOid = readAlgorithm(fields.next(TAG.sequence)).oid;
  const attributes = fields.optional(0xa0);
  const signatureAlgorithm = readAlgorithm(fields.next(TAG.sequence));
  const signature = octetsOf(fields.next(TAG.octetString));
  return {
    identifier,
    digestOid,
    signedAttributes:
      attributes === null
        ? null
        : {
            signed: element(TAG.set, contentOf(attributes)),
            list: children(attributes).map(readAttribute),
          },
    signatureAlgorithm,
    signature,
  };
}

/** SignerIdentifier and the same choice in a RecipientIdentifier (RFC 5652 sections 5.3 and 6.2.1). */
export function readIdentifier(node: DerNode): SignerIdentifier {
  if (node.tag === 0x80 || node.tag === 0xa0) return { kind: 'key-identifier', keyIdentifier: octetsOf(node) };
  const fields = new Fields(node);
  const issuer = fields.next(TAG.sequence);
  return { kind: 'issuer-and-serial', issuer, serialRaw: rawOf(fields.next(TAG.integer)) };
}

function readAttribute(node: DerNode): SignedAttribute {
  const fields = new Fields(node);
  const type = oidOf(fields.next(TAG.oid));
  return { type, values: children(fields.next(TAG.set)) };
}
