/** Requests for certificates: PKCS#10 (RFC 2986) with the extensions wished for (RFC 2985 section 5.4.2), written and read. */
import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { readAlgorithm, type SignatureAlgorithm } from './certificate.ts';
import { pemBlock, pemBlocks } from './certificate-bundle.ts';
import {
  type BasicConstraints,
  EXTENSION,
  type Extension,
  KEY_USAGES,
  type KeyUsage,
  mailAddressesOf,
  readBasicConstraints,
  readExtendedKeyUsage,
  readExtensions,
  readGeneralNames,
  readKeyUsage,
} from './certificate-extensions.ts';
import {
  asBuffer,
  children,
  type DerNode,
  eachChild,
  Fields,
  oidOf,
  rawOf,
  readWhole,
  smallIntegerOf,
  TAG,
  wholeOctetsOf,
} from './der.ts';
import {
  bitString,
  boolean,
  contextPrimitive,
  element,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  utf8String,
} from './der-writer.ts';
import { PkiError } from './errors.ts';
import type { SubjectName } from './issue.ts';
import { COMMON_NAME, type DistinguishedName, describeName, readName, shownAttribute } from './name.ts';
import { importPublicKey, type PublicKeyFacts, readPublicKeyInfo } from './public-key.ts';
import { EXTENSION_REQUEST, signedRequest } from './request-writer.ts';
import { type SignatureVerdict, verifySignature } from './signature.ts';

const COUNTRY = '2.5.4.6';
const ORGANISATION = '2.5.4.10';
const MAX_REQUEST_BYTES = 64 * 1024;
const PEM_LABEL = 'CERTIFICATE REQUEST';
/** Windows writes the second (RFC 7468 section 7). */
const PEM_LABELS = [PEM_LABEL, 'NEW CERTIFICATE REQUEST'];

export interface CertificateRequestOptions {
  /** PKCS#8 in DER: RSA, P-256 or P-384. The caller overwrites it after use. */
  readonly privateKey: Uint8Array;
  readonly subject: SubjectName;
  /** Mail address in ASCII; left out for an authority */
  readonly address?: string;
  readonly keyUsage?: readonly KeyUsage[];
  /** Object identifiers of purposes */
  readonly extendedKeyUsage?: readonly string[];
  readonly basicConstraints?: BasicConstraints;
}

export interface CertificateRequest {
  readonly der: Buffer;
  readonly subjectRaw: Buffer;
  readonly subjectName: DistinguishedName;
  /** For people */
  readonly subject: string;
  readonly commonName: string | null;
  readonly key: PublicKeyFacts;
  /** Imported on first use. Throws PkiError `key-unusable`. */
  readonly publicKey: KeyObject;
  /** What was asked for; nothing of it binds the issuer */
  readonly addresses: readonly string[];
  readonly keyUsage: ReadonlySet<KeyUsage> | null;
  readonly extendedKeyUsage: readonly string[] | null;
  readonly basicConstraints: BasicConstraints | null;
  readonly extensions: ReadonlyMap<string, Extension>;
  /** Lower-case hex */
  readonly sha256: string;
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** CertificationRequestInfo, and the signature over it */
  readonly info: Buffer;
  readonly signature: Buffer;
}

/**
 * A request in DER, signed by its own key.
 * Throws PkiError `unsupported` for an address outside ASCII, `key-unusable` for another kind of key.
 */
export function writeCertificateRequest(options: CertificateRequestOptions): Buffer {
  const { privateKey, address } = options;
  if (address !== undefined && !/^[\x21-\x7e]+@[A-Za-z0-9.-]+$/.test(address))
    throw new PkiError('unsupported', 'an ASCII address is needed');
  const key = createPrivateKey({ key: asBuffer(privateKey), format: 'der', type: 'pkcs8' });
  return signedRequest(key, writeSubject(options.subject), wishedExtensions(options));
}

/** Reads one request. Throws PkiError `malformed` or `too-complex`; the signature is not looked at. */
export function parseCertificateRequest(der: Uint8Array): CertificateRequest {
  if (der.length > MAX_REQUEST_BYTES) throw new PkiError('too-complex', 'certificate request too large');
  const bytes = Buffer.from(der);
  const outer = new Fields(readWhole(bytes, { strict: true }));
  const infoNode = outer.next(TAG.sequence);
  const signatureAlgorithm = readAlgorithm(outer.next(TAG.sequence));
  const signature = wholeOctetsOf(outer.next(TAG.bitString));
  if (outer.rest().length > 0) throw new PkiError('malformed', 'certificate request: fields too many');
  const fields = new Fields(infoNode);
  if (smallIntegerOf(fields.next(TAG.integer)) !== 0) throw new PkiError('malformed', 'certificate request version');
  const subject = fields.next(TAG.sequence);
  const key = readPublicKeyInfo(fields.next(TAG.sequence));
  const attributes = fields.optional(0xa0); // some old programs leave an empty one out
  if (fields.rest().length > 0) throw new PkiError('malformed', 'certificate request: unknown field');
  const extensions = attributes === null ? new Map<string, Extension>() : requestedExtensions(attributes);
  const subjectName = readName(subject);
  const read = <T>(type: string, reader: (value: Buffer) => T): T | null => {
    const extension = extensions.get(type);
    return extension === undefined ? null : reader(extension.value);
  };
  let imported: KeyObject | null = null;
  return {
    der: bytes,
    subjectRaw: rawOf(subject),
    subjectName,
    subject: describeName(subjectName),
    commonName: shownAttribute(subjectName, COMMON_NAME),
    key,
    get publicKey(): KeyObject {
      imported ??= importPublicKey(key);
      return imported;
    },
    addresses: mailAddressesOf(read(EXTENSION.subjectAltName, readGeneralNames) ?? []),
    keyUsage: read(EXTENSION.keyUsage, readKeyUsage),
    extendedKeyUsage: read(EXTENSION.extendedKeyUsage, readExtendedKeyUsage),
    basicConstraints: read(EXTENSION.basicConstraints, readBasicConstraints),
    extensions,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    signatureAlgorithm,
    info: rawOf(infoNode),
    signature,
  };
}

/** A request as a file or pasted: DER, PEM with one block, or its base64 alone. Throws PkiError as `parseCertificateRequest`. */
export function readCertificateRequest(bytes: Uint8Array): CertificateRequest {
  if (bytes.length > 2 * MAX_REQUEST_BYTES) throw new PkiError('too-complex', 'certificate request too large');
  const blocks = pemBlocks(bytes, PEM_LABELS);
  if (blocks.length > 1) throw new PkiError('malformed', 'several certificate requests');
  if (blocks[0] !== undefined) return parseCertificateRequest(blocks[0]);
  const text = asBuffer(bytes).toString('latin1');
  if (bytes[0] !== TAG.sequence && /^[A-Za-z0-9+/=\s]+$/.test(text))
    return parseCertificateRequest(Buffer.from(text, 'base64'));
  return parseCertificateRequest(bytes);
}

/** Whether whoever made the request has the private key (RFC 2986 section 4.2). */
export function verifyCertificateRequest(request: CertificateRequest): SignatureVerdict {
  return verifySignature(request.signatureAlgorithm, request.info, request.signature, request);
}

export function certificateRequestPem(der: Uint8Array): string {
  return pemBlock(PEM_LABEL, der);
}

function writeSubject({ name, organisation, country }: SubjectName): Buffer {
  const relative = (type: string, value: Buffer) => setOf(sequence(objectIdentifier(type), value));
  return sequence(
    ...(country === undefined ? [] : [relative(COUNTRY, element(TAG.printableString, Buffer.from(country, 'latin1')))]),
    ...(organisation === undefined ? [] : [relative(ORGANISATION, utf8String(organisation))]),
    relative(COMMON_NAME, utf8String(name)),
  );
}

function wishedExtensions(options: CertificateRequestOptions): Buffer[] {
  const { address, keyUsage = [], extendedKeyUsage = [], basicConstraints } = options;
  const list: Buffer[] = [];
  if (basicConstraints !== undefined)
    list.push(extension(EXTENSION.basicConstraints, true, constraintsValue(basicConstraints)));
  if (keyUsage.length > 0) list.push(extension(EXTENSION.keyUsage, true, usageValue(keyUsage)));
  if (extendedKeyUsage.length > 0)
    list.push(extension(EXTENSION.extendedKeyUsage, false, sequence(...extendedKeyUsage.map(objectIdentifier))));
  // [1] IMPLICIT IA5String: rfc822Name (RFC 5280 section 4.2.1.6)
  if (address !== undefined)
    list.push(
      extension(EXTENSION.subjectAltName, false, sequence(contextPrimitive(1, Buffer.from(address, 'latin1')))),
    );
  return list;
}

function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

function constraintsValue({ ca, pathLength }: BasicConstraints): Buffer {
  return sequence(...(ca ? [boolean(true)] : []), ...(pathLength === null ? [] : [integer(pathLength)]));
}

/** A named bit list: DER cuts the zero bits at its end (X.690 section 11.2.2). */
function usageValue(usages: readonly KeyUsage[]): Buffer {
  const positions = usages.map((usage) => KEY_USAGES.indexOf(usage));
  const last = Math.max(...positions);
  const octets = Buffer.alloc((last >> 3) + 1);
  for (const position of positions)
    octets[position >> 3] = (octets[position >> 3] as number) | (0x80 >> (position & 7));
  return bitString(octets, 7 - (last & 7));
}

/** A second extensionRequest would let two readers see two requests. */
function requestedExtensions(attributes: DerNode): Map<string, Extension> {
  let found: Map<string, Extension> | null = null;
  for (const item of eachChild(attributes)) {
    const fields = new Fields(item);
    if (oidOf(fields.next(TAG.oid)) !== EXTENSION_REQUEST) continue;
    const values = children(fields.next(TAG.set));
    const [value] = values;
    if (found !== null || value === undefined || values.length > 1)
      throw new PkiError('malformed', 'certificate request: extensions twice or missing');
    if (value.tag !== TAG.sequence) throw new PkiError('malformed', 'certificate request: extensions');
    found = readExtensions(value);
  }
  return found ?? new Map<string, Extension>();
}
