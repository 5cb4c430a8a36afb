import { Fields, readElement, smallIntegerOf, TAG } from '../../pki/der.ts';
import { PkiError } from '../../pki/errors.ts';

/** Whether these bytes begin as a PFX does (RFC 7292 section 4): a sequence with version 3. Needs no password. */
export function isPkcs12(bytes: Uint8Array): boolean {
  try {
    return smallIntegerOf(new Fields(readElement(bytes)).next(TAG.integer)) === 3;
  } catch (error) {
    if (error instanceof PkiError) return false;
    throw error;
  }
}
