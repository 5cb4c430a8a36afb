/** Bytes in, everything the message page says out: layers, claim, checks, text, attachments. */
import type { ByteSource } from '../bytes/byte-source.ts';
import type { SpoolScope } from '../bytes/spool.ts';
import { IrregularLinesError } from '../mime/base64-source.ts';
import { type Attachment, collectContent, type MessageContent, type ShownText } from '../mime/content.ts';
import type { MimeEntity } from '../mime/entity.ts';
import { parseEntity } from '../mime/parse.ts';
import type { Certificate } from '../pki/certificate.ts';
import { keyStrength } from '../pki/public-key.ts';
import { type AssessedSigner, assessSigner, type SenderFacts, type Trust } from './assess-signer.ts';
import { summariseCertificate } from './certificate-match.ts';
import { listChecks } from './checks.ts';
import { decideClaim, signedLayerVerdict } from './claim.ts';
import type { DecryptionKey } from './decryption-key.ts';
import { disputesIn } from './disputes.ts';
import { hpOf } from './header-protection.ts';
import { withoutLegacyDisplay, withoutLegacyPart } from './legacy-display.ts';
import { decideMarking } from './marking.ts';
import { readMessageHeader, senderOf, wrappedMessage } from './message-header.ts';
import {
  type EncryptedLayer,
  type PeelContext,
  type Peeled,
  type PeeledLayer,
  peel,
  type SignedLayer,
} from './peel.ts';
import { openSignedParts } from './signed-parts.ts';
import type { InlineImage, Layer, OpenedMessage, Reason } from './verdict.ts';

export type { Trust } from './assess-signer.ts';
export type { DecryptionKey } from './decryption-key.ts';

export interface OpenQuestion {
  readonly bytes: ByteSource;
  readonly keys: readonly DecryptionKey[];
  readonly trust: Trust;
  /** When the message arrived (IMAP's internal date): certificates are judged at that time. */
  readonly at: Date;
  /** Certificates of contacts, for signatures that came without theirs. */
  readonly signersOnFile?: readonly Certificate[];
  /** Accept SHA-1, MD5 and short keys: for old test vectors only. */
  readonly legacyAlgorithms?: boolean;
  /** Where large content of a layer waits; without it everything stays in memory. */
  readonly scope?: SpoolScope | undefined;
}

const NOTHING: MessageContent = { text: null, html: null, cut: false, attachments: [] };
const MAX_INLINE_BYTES = 8 * 1024 * 1024;
const INLINE_TYPE = /^image\/(png|jpeg|gif|webp|bmp|avif)$/;

/** Never throws for what a message may contain. */
export function openMessage(question: OpenQuestion): OpenedMessage {
  return lazilyFirst(question, (context) => opened(question, context));
}

// Rare: large, and with a line of base64 in the middle that is unlike the others. Then it is decoded from its beginning.
function lazilyFirst<T>(question: OpenQuestion, answer: (context: PeelContext) => T): T {
  try {
    return answer(peelContext(question, true));
  } catch (error) {
    if (!(error instanceof IrregularLinesError)) throw error;
    return answer(peelContext(question, false));
  }
}

function opened(question: OpenQuestion, context: PeelContext): OpenedMessage {
  const root = parseEntity(question.bytes);
  const peeled = peel(root, context);
  const sender = senderOf(root, peeled.content);
  const covered = shownEntity(root, peeled, context);
  const { content, signedParts } = openSignedParts(covered, context);
  const disputes = covered === null ? [] : disputesIn(covered);
  const described = peeled.layers.map((layer) => describeLayer(layer, sender, question, disputes));
  const parts = signedParts.map((layer) => describeLayer(layer, sender, question));
  const layers = described.map((item) => item.layer);
  const partLayers = parts.map((item) => item.layer);
  const claim = decideClaim({ layers, signedParts: partLayers });
  const making = described.find(({ layer }) => layer.kind === 'signed' && layer.signers === claim.signature.signers);
  const encrypted = layers.filter((layer) => layer.kind === 'encrypted');
  const shown = content === null ? NOTHING : collectContent(content, shownTextOf(peeled));
  const isProtected = encrypted.length > 0 || !['none', 'partial', 'invalid'].includes(claim.signature.status);
  const header = readMessageHeader(root, isProtected ? peeled.content : null, encrypted.length > 0, context.scope);
  const signers = making?.signers ?? [];
  const checks = listChecks({ claim, layer: making?.layer ?? null, signers, encrypted, sender, header });
  return {
    ...header,
    ...claim,
    layers: [...layers, ...partLayers],
    marking: decideMarking(claim.signature, signers, header.subject),
    checks,
    text: shown.text,
    html: shown.html,
    textCut: shown.cut,
    readWhole:
      isReadWhole(root) && peeled.content !== null && isReadWhole(peeled.content) && !hidesContent(layers, partLayers),
    attachments: shown.attachments.map(summariseAttachment),
    inlineImages: inlineImages(shown),
  };
}

export interface AttachmentBytes {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

/** One attachment by its `index` in the list of `openMessage`, whole; null when there is none. */
export function readAttachment(question: OpenQuestion, index: number): AttachmentBytes | null {
  const attachment = findAttachment(question, index);
  if (attachment === null) return null;
  return { name: attachment.name, type: attachment.type, bytes: attachment.bytes() };
}

/** The same, to be read slice by slice while the scope of the question is open. */
export function findAttachment(question: OpenQuestion, index: number): Attachment | null {
  return lazilyFirst(question, (context) => found(question, context, index));
}

function found(question: OpenQuestion, context: PeelContext, index: number): Attachment | null {
  const root = parseEntity(question.bytes);
  const peeled = peel(root, context);
  const { content } = openSignedParts(shownEntity(root, peeled, context), context);
  return content === null ? null : (collectContent(content).attachments[index] ?? null);
}

/** Whether all parts of it were read, and no field in one of two ways. */
function isReadWhole({ contentType, children, incomplete, headerDispute }: MimeEntity): boolean {
  const isPassedOver = contentType.value.startsWith('multipart/') && children.length === 0;
  return !incomplete && headerDispute === null && !isPassedOver && children.every(isReadWhole);
}

/** What passes for a signature beside its content is listed nowhere: where it is none, or holds content itself, it was not read. */
const UNREAD: readonly Reason[] = ['malformed', 'too-complex', 'content-twice'];

function hidesContent(...lists: readonly { reasons: readonly Reason[] }[][]): boolean {
  return lists.flat().some(({ reasons }) => reasons.some((reason) => UNREAD.includes(reason)));
}

function shownEntity(root: MimeEntity, peeled: Peeled, { scope }: PeelContext): MimeEntity | null {
  const { content } = peeled;
  if (content === null) return null;
  return wrappedMessage(content, root, scope) ?? (hidesLegacyDisplay(peeled) ? withoutLegacyPart(content) : content);
}

function shownTextOf(peeled: Peeled): ShownText | undefined {
  return hidesLegacyDisplay(peeled) ? withoutLegacyDisplay : undefined;
}

/** Only what was encrypted has such elements (RFC 9788 section 4.5.3), and only where its fields are shown from inside. */
function hidesLegacyDisplay({ layers, content }: Peeled): boolean {
  return content !== null && hpOf(content) !== null && layers.some((layer) => layer.kind === 'encrypted');
}

function peelContext(question: OpenQuestion, lazily: boolean): PeelContext {
  const known = [...(question.signersOnFile ?? []), ...question.trust.intermediates];
  const { keys, legacyAlgorithms = false, scope = null } = question;
  return { keys, known, legacyAlgorithms, scope, lazily };
}

interface DescribedLayer {
  layer: Layer;
  signers: AssessedSigner[];
}

const BARE = {
  form: 'opaque',
  signers: [],
  algorithm: null,
  keyTransport: null,
  openedWith: null,
  recipientCount: 0,
  authenticated: false,
  certificates: [],
} as const;

/** @param disputes of what is shown, which the layer may cover through others */
function describeLayer(
  layer: PeeledLayer,
  sender: SenderFacts,
  question: OpenQuestion,
  disputes: readonly Reason[] = [],
): DescribedLayer {
  if (layer.kind === 'signed')
    return describeSigned({ ...layer, reasons: [...layer.reasons, ...disputes] }, sender, question);
  if (layer.kind === 'encrypted') return { layer: describeEncrypted(layer), signers: [] };
  const { kind, partPath, reasons } = layer;
  const certificates = layer.certificates.map(summariseCertificate);
  return { layer: { ...BARE, kind, partPath, reasons, status: 'none', certificates }, signers: [] };
}

function describeSigned(layer: SignedLayer, sender: SenderFacts, question: OpenQuestion): DescribedLayer {
  const legacy = question.legacyAlgorithms ?? false;
  const signers = layer.signatures.map((check) =>
    assessSigner(check, layer.certificates, sender, question.trust, question.at, legacy),
  );
  const summaries = signers.map((signer) => signer.summary);
  const { kind, form, partPath } = layer;
  const algorithm = summaries[0]?.digest ?? null;
  const verdict = signedLayerVerdict(layer.reasons, summaries);
  return { layer: { ...BARE, kind, form, partPath, ...verdict, signers: summaries, algorithm }, signers };
}

function describeEncrypted(layer: EncryptedLayer): Layer {
  const { kind, partPath, openedWith } = layer;
  const weakKey = openedWith !== null && keyStrength(openedWith.key, 'message') === 'weak';
  const reasons: Reason[] = [...layer.reasons];
  if (openedWith !== null && layer.weak) reasons.push('weak-algorithm');
  if (weakKey) reasons.push('weak-key');
  const { algorithm, keyTransport, recipientCount, authenticated } = layer;
  return {
    ...BARE,
    kind,
    partPath,
    status: openedWith === null ? 'failed' : layer.weak || weakKey ? 'weak' : 'encrypted',
    reasons,
    algorithm,
    keyTransport,
    recipientCount,
    authenticated,
    openedWith: openedWith?.sha256 ?? null,
    certificates: openedWith === null ? [] : [summariseCertificate(openedWith)],
  };
}

function summariseAttachment({ index, name, type, size, contentId, inline, encryptedPart }: Attachment) {
  return { index, name, type, size, contentId, inline, encryptedPart };
}

function inlineImages(shown: MessageContent): InlineImage[] {
  const images: InlineImage[] = [];
  let total = 0;
  for (const { contentId, type, size, bytes } of shown.html === null ? [] : shown.attachments) {
    if (contentId === null || !INLINE_TYPE.test(type) || total + size > MAX_INLINE_BYTES) continue;
    total += size;
    images.push({ contentId, type, bytes: bytes() });
  }
  return images;
}
