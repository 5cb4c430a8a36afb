/** The one place that decides what a page may claim about a whole message, from all its layers (security.md). */
import { statusOf } from './assess-signer.ts';
import type { EncryptionClaim, Layer, MessageClaim, Reason, SignatureClaim, SignerSummary } from './verdict.ts';

export interface MessageTree {
  /** Those peeled from the root, outermost first. */
  readonly layers: readonly Layer[];
  /** Signed parts inside the content. */
  readonly signedParts: readonly Layer[];
}

/** What a signed layer is worth, from the layer's own reasons and its signers. */
export function signedLayerVerdict(
  ownReasons: readonly Reason[],
  signers: readonly SignerSummary[],
): Pick<Layer, 'reasons'> & { readonly status: SignerSummary['status'] } {
  const several: Reason[] =
    signers.length > 1 && signers.some((signer) => signer.status !== 'trusted') ? ['several-signers'] : [];
  const reasons = [...new Set([...ownReasons, ...signers.flatMap((signer) => signer.reasons), ...several])];
  return { status: statusOf(reasons), reasons };
}

export function decideClaim(tree: MessageTree): MessageClaim {
  const signature = decideSignature(tree);
  return { signature, encryption: decideEncryption(tree, signature) };
}

function decideSignature({ layers, signedParts }: MessageTree): SignatureClaim {
  const innermostEncryption = layers.findLastIndex((layer) => layer.kind === 'encrypted');
  const counting = layers.slice(innermostEncryption + 1).filter((layer) => layer.kind === 'signed');
  if (counting.length === 0) return decideParts(signedParts);
  const allSigned = layers.filter((layer) => layer.kind === 'signed');
  const broken = allSigned.filter((layer) => layer.status === 'invalid');
  const making = bestLayer(counting);
  if (broken.length === 0)
    return { status: making.status as SignatureClaim['status'], reasons: making.reasons, signers: making.signers };
  // A broken one anywhere: its reasons first, and the signers of a broken layer that would make the claim.
  const brokenCounting = broken.find((layer) => counting.includes(layer)) ?? making;
  const reasons = [...new Set(broken.flatMap((layer) => layer.reasons))].filter(
    (reason) => reason !== 'revocation-unchecked',
  );
  return { status: 'invalid', reasons, signers: brokenCounting.signers };
}

const ORDER = ['trusted', 'untrusted', 'mismatch', 'invalid'];

// A layer signed for the From address makes the claim, the best such one; without any, the innermost speaks.
function bestLayer(counting: readonly Layer[]): Layer {
  const forSender = counting.filter((layer) => !layer.reasons.includes('address-mismatch'));
  const pool = forSender.length > 0 ? forSender : counting.slice(-1);
  return pool.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status))[0] as Layer;
}

function decideParts(signedParts: readonly Layer[]): SignatureClaim {
  if (signedParts.length === 0) return { status: 'none', reasons: [], signers: [] };
  return { status: 'partial', reasons: ['signed-part-only'], signers: signedParts.flatMap((layer) => layer.signers) };
}

function decideEncryption({ layers }: MessageTree, signature: SignatureClaim): EncryptionClaim {
  const encrypted = layers.filter((layer) => layer.kind === 'encrypted');
  const innermost = encrypted.at(-1);
  if (innermost === undefined) return { status: 'none', algorithm: null, reasons: [], malleable: false };
  const reasons = [...new Set(encrypted.flatMap((layer) => layer.reasons))];
  const has = (status: Layer['status']) => encrypted.some((layer) => layer.status === status);
  const status = has('failed') ? 'failed' : has('weak') ? 'weak' : 'encrypted';
  const intactInside = ['trusted', 'untrusted', 'mismatch'].includes(signature.status);
  const malleable = status !== 'failed' && !intactInside && encrypted.some((layer) => !layer.authenticated);
  return { status, algorithm: innermost.algorithm, reasons, malleable };
}
