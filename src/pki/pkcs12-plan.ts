/** What opening a PKCS#12 file will cost, told from outside of its encryption: only to show how far an import is. */
import { children, type DerNode, Fields, octetsOf, oidOf, readElement, smallIntegerOf, TAG } from './der.ts';
import { PkiError } from './errors.ts';
import { PBKDF2 } from './password-encryption.ts';

const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2';
const SCHEMES_WITH_DERIVATION = new Set(['1.2.840.113549.1.5.13', '1.2.840.113549.1.5.14']); // PBES2, PBMAC1

/**
 * Iterations that the MAC and each encrypted part announce. A part that cannot be read counts nothing: reading it in
 * earnest will say why. Keys inside an encrypted part are not seen.
 */
export function plannedIterations(macData: DerNode | null, authenticatedSafe: Buffer): number {
  let sum = macData === null ? 0 : quietly(() => macIterations(macData));
  const parts = quietly(() => children(readElement(authenticatedSafe)), []);
  for (const part of parts) sum += quietly(() => partIterations(part));
  return sum;
}

function macIterations(macData: DerNode): number {
  const fields = new Fields(macData);
  const algorithm = new Fields(fields.next(TAG.sequence)).next(TAG.sequence);
  fields.next();
  const own = fields.optional(TAG.integer);
  return schemeIterations(algorithm) ?? (own === null ? 1 : smallIntegerOf(own));
}

function partIterations(part: DerNode): number {
  const info = new Fields(part);
  const encrypted = oidOf(info.next(TAG.oid)) === ENCRYPTED_DATA;
  const content = children(info.next(0xa0))[0];
  if (content === undefined) return 0;
  if (!encrypted) return keyBagIterations(readElement(octetsOf(content)));
  const encryptedContent = new Fields(children(content)[1] as DerNode);
  encryptedContent.next(TAG.oid);
  return schemeIterations(encryptedContent.next(TAG.sequence)) ?? 0;
}

function keyBagIterations(bags: DerNode): number {
  let sum = 0;
  for (const bag of children(bags)) {
    const fields = new Fields(bag);
    if (oidOf(fields.next(TAG.oid)) !== SHROUDED_KEY_BAG) continue;
    const key = new Fields(children(fields.next(0xa0))[0] as DerNode);
    sum += schemeIterations(key.next(TAG.sequence)) ?? 0;
  }
  return sum;
}

/** Of an AlgorithmIdentifier; null for one that names none itself, as the hash of the old MAC. */
function schemeIterations(algorithm: DerNode): number | null {
  const fields = new Fields(algorithm);
  const oid = oidOf(fields.next(TAG.oid));
  const parametersNode = fields.optional(TAG.sequence);
  if (parametersNode === null) return null;
  const parameters = new Fields(parametersNode);
  if (SCHEMES_WITH_DERIVATION.has(oid)) return schemeIterations(parameters.next(TAG.sequence));
  if (oid !== PBKDF2 && !oid.startsWith('1.2.840.113549.1.12.1.')) return null;
  parameters.next(); // salt
  return smallIntegerOf(parameters.next(TAG.integer));
}

function quietly(work: () => number): number;
function quietly<T>(work: () => T, otherwise: T): T;
function quietly<T>(work: () => T, otherwise: T | number = 0): T | number {
  try {
    return work();
  } catch (error) {
    if (error instanceof PkiError || error instanceof TypeError) return otherwise;
    throw error;
  }
}
