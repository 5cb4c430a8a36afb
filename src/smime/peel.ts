/** Takes the layers of S/MIME off a message, from the root inwards, as long as each is the single content of the one around it. */
import { type ByteSource, slicesOf } from '../bytes/byte-source.ts';
import type { SpoolScope } from '../bytes/spool.ts';
import { IrregularLinesError } from '../mime/base64-source.ts';
import { canonicalSlices } from '../mime/decode.ts';
import type { MimeEntity } from '../mime/entity.ts';
import { parseEntity } from '../mime/parse.ts';
import type { Certificate } from '../pki/certificate.ts';
import type { DerNode } from '../pki/der.ts';
import { PkiError } from '../pki/errors.ts';
import { CONTENT_TYPE } from './algorithms.ts';
import { readCompressedData } from './compressed-data.ts';
import type { DecryptionKey } from './decryption-key.ts';
import { disputeOf, disputesIn } from './disputes.ts';
import { openEnvelope, readEnvelope } from './enveloped-data.ts';
import { cmsBytes, labelledKind, type Shape, shapeOf } from './shape.ts';
import { readContentInfo, readSignedData, type SignedData } from './signed-data.ts';
import type { Reason } from './verdict.ts';
import { digestsOf, type SignatureCheck, verifySignature } from './verify-signature.ts';

export const MAX_LAYERS = 10;

export interface SignedLayer {
  readonly kind: 'signed';
  readonly form: 'detached' | 'opaque';
  readonly partPath: string;
  /** What is wrong with the layer as such; each signature has its own reasons. */
  readonly reasons: readonly Reason[];
  readonly signatures: readonly SignatureCheck[];
  readonly certificates: readonly Certificate[];
}

export interface EncryptedLayer {
  readonly kind: 'encrypted';
  readonly partPath: string;
  readonly reasons: readonly Reason[];
  readonly algorithm: string | null;
  readonly weak: boolean;
  readonly authenticated: boolean;
  readonly recipientCount: number;
  /** Null when it could not be opened. */
  readonly openedWith: Certificate | null;
  readonly keyTransport: string | null;
}

export interface OtherLayer {
  readonly kind: 'compressed' | 'certificates';
  readonly partPath: string;
  readonly reasons: readonly Reason[];
  readonly certificates: readonly Certificate[];
}

export type PeeledLayer = SignedLayer | EncryptedLayer | OtherLayer;

export interface PeelContext {
  readonly keys: readonly DecryptionKey[];
  /** Where signers may be found whose certificate did not come with the message. */
  readonly known: readonly Certificate[];
  readonly legacyAlgorithms: boolean;
  /** Where large content of a layer waits; null for memory. */
  readonly scope: SpoolScope | null;
  /** Base64 of large layers is decoded where it is read: IrregularLinesError then asks for another try without. */
  readonly lazily: boolean;
}

export interface Peeled {
  readonly layers: readonly PeeledLayer[];
  /** What the innermost layer holds; null when it could not be reached. */
  readonly content: MimeEntity | null;
}

interface Step {
  layer: PeeledLayer;
  content: MimeEntity | null;
}

/** Never throws for what a message may contain, but for IrregularLinesError. */
export function peel(root: MimeEntity, context: PeelContext): Peeled {
  const layers: PeeledLayer[] = [];
  let entity: MimeEntity | null = root;
  while (entity !== null) {
    const shape = shapeOf(entity);
    if (shape === null) break;
    if (layers.length === MAX_LAYERS)
      return { layers: [...layers, brokenSignature(entity, 'too-complex')], content: null };
    const step = peelOne(entity, shape, context);
    layers.push(step.layer);
    entity = step.content;
  }
  return { layers, content: entity };
}

/** Verifies a signed part of the content without opening anything encrypted; null when it is no signed part. */
export function peelSignedPart(
  entity: MimeEntity,
  context: PeelContext,
): { layer: SignedLayer; content: MimeEntity | null } | null {
  const shape = shapeOf(entity);
  if (shape === null) return null;
  if (shape === 'clear-signed') return peelClearSigned(entity, context);
  // Nobody knows whether it is one.
  if (disputeOf(entity) !== null) return null;
  try {
    const info = readContentInfo(cmsBytes(entity, context.scope));
    if (info.type !== CONTENT_TYPE.signedData) return null;
    const step = peelOpaque(entity, readSignedData(info.content, context.scope), context);
    return step.layer.kind === 'signed' ? { layer: step.layer, content: step.content } : null;
  } catch {
    return null;
  }
}

function peelOne(entity: MimeEntity, shape: Shape, context: PeelContext): Step {
  if (shape === 'clear-signed') return peelClearSigned(entity, context);
  const dispute = disputeOf(entity);
  if (dispute !== null) return { layer: brokenLayer(entity, dispute), content: null };
  try {
    const info = readContentInfo(cmsBytes(entity, context.scope, context.lazily));
    switch (info.type) {
      case CONTENT_TYPE.signedData:
        return peelOpaque(entity, readSignedData(info.content, context.scope), context);
      case CONTENT_TYPE.envelopedData:
        return peelEncrypted(entity, info.content, false, context);
      case CONTENT_TYPE.authEnvelopedData:
        return peelEncrypted(entity, info.content, true, context);
      case CONTENT_TYPE.compressedData:
        return peelCompressed(entity, info.content, context);
      default:
        throw new PkiError('malformed', `content type ${info.type}`);
    }
  } catch (error) {
    // What looks broken may only be written in lines of two lengths.
    if (context.lazily && !Buffer.isBuffer(entity.source)) throw new IrregularLinesError();
    // An envelope with a cipher that is not known here is not broken: it cannot be opened, as with other keys.
    const isStrange = error instanceof PkiError && error.code === 'unsupported' && labelledKind(entity) !== 'signed';
    const layer = isStrange ? unopenedEnvelope(entity, []) : brokenLayer(entity, reasonOf(error));
    return { layer, content: null };
  }
}

function reasonOf(error: unknown): Reason {
  if (!(error instanceof PkiError)) throw error;
  return error.code === 'too-complex' ? 'too-complex' : 'malformed';
}

function brokenLayer(entity: MimeEntity, reason: Reason): SignedLayer | EncryptedLayer {
  return labelledKind(entity) === 'signed' ? brokenSignature(entity, reason) : unopenedEnvelope(entity, [reason]);
}

function brokenSignature(entity: MimeEntity, reason: Reason): SignedLayer {
  const form = entity.children.length > 0 ? 'detached' : 'opaque';
  return { kind: 'signed', form, partPath: entity.partPath, reasons: [reason], signatures: [], certificates: [] };
}

function unopenedEnvelope(entity: MimeEntity, reasons: Reason[]): EncryptedLayer {
  return {
    kind: 'encrypted',
    partPath: entity.partPath,
    reasons,
    algorithm: null,
    weak: false,
    authenticated: false,
    recipientCount: 0,
    openedWith: null,
    keyTransport: null,
  };
}

function peelClearSigned(entity: MimeEntity, context: PeelContext): { layer: SignedLayer; content: MimeEntity | null } {
  const [content, signature] = entity.children;
  // Exactly two parts (RFC 1847 section 2.1): a third would be shown by some programs and is under no signature. Without the
  // last boundary nobody knows whether there was one.
  if (content === undefined || signature === undefined || entity.children.length !== 2 || entity.incomplete) {
    return { layer: brokenSignature(entity, 'malformed'), content: content ?? null };
  }
  const dispute = disputeOf(entity);
  if (dispute !== null) return { layer: brokenSignature(entity, dispute), content };
  try {
    const info = readContentInfo(cmsBytes(signature, context.scope));
    if (info.type !== CONTENT_TYPE.signedData) throw new PkiError('malformed', 'the signature is no SignedData');
    const signed = readSignedData(info.content, context.scope);
    const { source, start, end } = content;
    const layer = signedLayer(entity, 'detached', signed, () => canonicalSlices(source, start, end), entity, context);
    // Both at once is a known forgery: one is verified, the other shown.
    const reasons: Reason[] = signed.content === null ? layer.reasons.slice() : ['content-twice', ...layer.reasons];
    return { layer: { ...layer, reasons }, content };
  } catch (error) {
    return { layer: brokenSignature(entity, reasonOf(error)), content };
  }
}

function peelOpaque(entity: MimeEntity, signed: SignedData, context: PeelContext): Step {
  const { partPath } = entity;
  if (signed.content === null) {
    if (signed.signers.length > 0) return { layer: brokenSignature(entity, 'malformed'), content: null };
    return { layer: { kind: 'certificates', partPath, reasons: [], certificates: signed.certificates }, content: null };
  }
  const octets: ByteSource = signed.content;
  const content = parseEntity(octets, `${partPath}.1`);
  return { layer: signedLayer(entity, 'opaque', signed, () => slicesOf(octets), content, context), content };
}

function signedLayer(
  entity: MimeEntity,
  form: 'detached' | 'opaque',
  signed: SignedData,
  slices: () => Iterable<Buffer>,
  covered: MimeEntity,
  context: PeelContext,
): SignedLayer {
  const digestOf = digestsOf(slices);
  const known = [...signed.certificates, ...context.known];
  const signatures = signed.signers.map((signer) =>
    verifySignature(signer, signed.contentType, digestOf, known, context.legacyAlgorithms),
  );
  const reasons: Reason[] = signatures.length === 0 ? ['no-signer'] : [];
  reasons.push(...disputesIn(covered));
  // RFC 8551 section 2.4.1: mail is signed as data. What was signed as a time stamp or a key is no letter.
  if (signed.contentType !== CONTENT_TYPE.data) reasons.push('malformed');
  return { kind: 'signed', form, partPath: entity.partPath, reasons, signatures, certificates: signed.certificates };
}

function peelEncrypted(entity: MimeEntity, node: DerNode, authenticated: boolean, context: PeelContext): Step {
  const envelope = readEnvelope(node, authenticated);
  const result = openEnvelope(envelope, context.keys, context.scope);
  const layer: EncryptedLayer = {
    kind: 'encrypted',
    partPath: entity.partPath,
    reasons: [],
    algorithm: envelope.cipher.label,
    weak: envelope.cipher.weak,
    authenticated,
    recipientCount: envelope.recipients.length,
    openedWith: result.opened ? result.key.certificate : null,
    keyTransport: result.opened ? result.keyTransport : null,
  };
  return { layer, content: result.opened ? parseEntity(result.content, `${entity.partPath}.1`) : null };
}

function peelCompressed(entity: MimeEntity, node: DerNode, { lazily }: PeelContext): Step {
  const layer: OtherLayer = { kind: 'compressed', partPath: entity.partPath, reasons: [], certificates: [] };
  try {
    return { layer, content: parseEntity(readCompressedData(node), `${entity.partPath}.1`) };
  } catch (error) {
    if (lazily && !Buffer.isBuffer(entity.source)) throw error;
    return { layer: { ...layer, reasons: [reasonOf(error)] }, content: null };
  }
}
