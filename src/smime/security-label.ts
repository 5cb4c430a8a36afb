/** ESSSecurityLabel (RFC 2634 section 3.2), the signed attribute that binds a marking to what was signed. */
import { children, type DerNode, oidOf, TAG } from '../pki/der.ts';
import { textOf } from '../pki/der-text.ts';
import { objectIdentifier, setOf, utf8String } from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';

/** The policy under which `SENSITIVE` is written here; 2.25 makes an object identifier of any UUID (ITU-T X.667). */
export const MARKING_POLICY_OID = '2.25.85542863497380551331878845481181964395';

/**
 * A label without a classification: what is marked here is not classified, and `unmarked` would contradict the privacy mark.
 * @param marking as people read it
 */
export function writeSecurityLabel(marking: string): Buffer {
  return setOf(objectIdentifier(MARKING_POLICY_OID), utf8String(marking));
}

/**
 * The privacy mark of a label of any policy; null when it has none. The fields stand in the order of their tags in DER, in any
 * order in BER. Throws PkiError for what is no label.
 */
export function readPrivacyMark(value: DerNode): string | null {
  if (value.tag !== TAG.set) throw new PkiError('malformed', 'security label');
  const fields = children(value);
  const policy = fields.find((field) => field.tag === TAG.oid);
  if (policy === undefined) throw new PkiError('malformed', 'security label without policy');
  oidOf(policy);
  const mark = fields.find((field) => field.tag === TAG.utf8String || field.tag === TAG.printableString);
  return mark === undefined ? null : textOf(mark);
}
