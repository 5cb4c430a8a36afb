/** Signed parts inside the content: forwarded or wrapped by a mailing list. They are verified for themselves (`partial`). */
import type { MimeEntity } from '../mime/entity.ts';
import { type PeelContext, peelSignedPart, type SignedLayer } from './peel.ts';

const MAX_SIGNED_PARTS = 10;

/**
 * Verifies the signed parts of the content and puts what opaque ones hold in their place. Nothing encrypted is opened:
 * a cipher text below the root could be somebody else's, put there to be quoted back.
 */
export function openSignedParts(
  content: MimeEntity | null,
  context: PeelContext,
): { content: MimeEntity | null; signedParts: SignedLayer[] } {
  const signedParts: SignedLayer[] = [];
  if (content === null) return { content, signedParts };
  return { content: visit(content, context, signedParts), signedParts };
}

function visit(entity: MimeEntity, context: PeelContext, found: SignedLayer[]): MimeEntity {
  const part = found.length < MAX_SIGNED_PARTS ? peelSignedPart(entity, context) : null;
  if (part !== null) {
    found.push(part.layer);
    if (part.content === null) return entity;
    const content = visit(part.content, context, found);
    // The signature beside it was read with it; alone it would be one without content.
    return part.layer.form === 'opaque' ? content : { ...entity, children: [content, ...entity.children.slice(1)] };
  }
  if (entity.children.length === 0) return entity;
  return { ...entity, children: entity.children.map((child) => visit(child, context, found)) };
}
