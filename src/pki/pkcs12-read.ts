/** Reading PKCS#12 (.pfx, .p12; RFC 7292): the keys, their certificates and the chains above them. */
import { type Certificate, parseCertificate } from './certificate.ts';
import {
  children,
  contentOf,
  type DerNode,
  Fields,
  octetsOf,
  oidOf,
  rawOf,
  readElement,
  smallIntegerOf,
  TAG,
} from './der.ts';
import { PkiError } from './errors.ts';
import { IterationBudget, MAX_ITERATIONS } from './iteration-budget.ts';
import { decryptWithPassword, type EncodedPassword, passwordReadings } from './password-encryption.ts';
import {
  type FoundCertificate,
  type FoundKey,
  importPrivateKey,
  type Pkcs12Identity,
  pairKeys,
} from './pkcs12-identities.ts';
import { isOldMac, passwordOfMac } from './pkcs12-mac.ts';
import { plannedIterations } from './pkcs12-plan.ts';
import { provesItself } from './pkcs12-proof.ts';

export type Pkcs12Result =
  | { ok: true; identities: Pkcs12Identity[]; certificates: Certificate[] }
  | { ok: false; code: Pkcs12Failure; message: string };

/**
 * - `wrong-password`: the MAC, or without one the padding, does not fit
 * - `not-pkcs12`: another kind of file, or a damaged one
 * - `no-key`: no private key that fits a certificate inside
 * - `unsupported`: an algorithm or structure that is not known
 * - `too-costly`: larger, deeper or with more iterations than accepted
 */
export type Pkcs12Failure = 'wrong-password' | 'not-pkcs12' | 'no-key' | 'unsupported' | 'too-costly';

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_KEYS = 20;
const MAX_CERTIFICATES = 100;

const CONTENT = { data: '1.2.840.113549.1.7.1', encryptedData: '1.2.840.113549.1.7.6' } as const;
const BAG = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
  safeContents: '1.2.840.113549.1.12.10.1.6',
} as const;
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21';

/** Hears now and then how many iterations are done and how many the file announces in all. */
export type Pkcs12Progress = (done: number, planned: number) => void;

/**
 * Opens a PKCS#12 file. Blocks for as long as its iterations take (seconds for files of NSS), so it belongs in a worker.
 * The caller overwrites the private keys after use. Never throws for what a file may contain.
 */
export function readPkcs12(bytes: Uint8Array, password: string, progress: Pkcs12Progress = () => {}): Pkcs12Result {
  if (bytes.length > MAX_FILE_BYTES) return failure('too-costly', 'the file is larger than 1 MiB');
  const findings: Findings = { keys: [], certificates: [], trouble: null, tooCostly: false };
  try {
    collect(bytes, password, findings, progress);
  } catch (error) {
    wipe(findings.keys);
    if (error instanceof PkiError) return failure(FAILURES[error.code], error.message);
    throw error;
  }
  const identities = pairKeys(findings.keys, findings.certificates);
  if (identities.length > 0) {
    return { ok: true, identities, certificates: findings.certificates.map((found) => found.certificate) };
  }
  wipe(findings.keys);
  if (findings.tooCostly) return failure('too-costly', 'more iterations than accepted');
  if (findings.trouble !== null) return failure('unsupported', findings.trouble);
  const message = findings.keys.length === 0 ? 'no private key inside' : 'no certificate fits the private key';
  return failure('no-key', message);
}

interface Findings {
  keys: FoundKey[];
  certificates: FoundCertificate[];
  /** Why a key or certificate was left out; told only when nothing usable is found. */
  trouble: string | null;
  /** A part was left out because of its iterations; told likewise. */
  tooCostly: boolean;
}

interface OpenFile {
  readonly findings: Findings;
  readonly passwords: readonly EncodedPassword[];
  /** The MAC has shown the password to be right. */
  readonly passwordProven: boolean;
  readonly budget: IterationBudget;
}

const FAILURES: Record<PkiError['code'], Pkcs12Failure> = {
  malformed: 'not-pkcs12',
  unsupported: 'unsupported',
  'too-complex': 'too-costly',
  'key-unusable': 'unsupported',
  'decryption-failed': 'wrong-password',
};

function collect(bytes: Uint8Array, password: string, findings: Findings, progress: Pkcs12Progress): void {
  const pfx = new Fields(readElement(bytes));
  if (smallIntegerOf(pfx.next(TAG.integer)) !== 3) throw new PkiError('unsupported', 'PKCS#12 version');
  const authSafe = contentInfo(pfx.next(TAG.sequence));
  if (authSafe.type !== CONTENT.data) throw new PkiError('unsupported', 'PKCS#12 signed with a key');
  const content = octetsOf(authSafe.content);
  const macData = pfx.optional(TAG.sequence);
  const planned = plannedIterations(macData, content);
  const budget = new IterationBudget(MAX_ITERATIONS, (done) => progress(done, planned));
  const readings = passwordReadings(password);
  const proven = macData === null ? undefined : passwordOfMac(macData, content, readings, budget);
  const passwordProven = proven !== undefined;
  const file: OpenFile = { findings, passwords: candidates(readings, proven), passwordProven, budget };
  if (macData === null || passwordProven) readParts(content, file);
  else if (isOldMac(macData)) readUnderWrongMac(content, file);
  else throw new PkiError('decryption-failed', 'wrong password');
}

/**
 * GnuTLS encrypts each certificate for itself with 600,000 iterations, so that a chain passes the bound. Keys come first,
 * which seldom are in an encrypted part; what is too costly after that is left out, and told when it was needed.
 */
function readParts(content: Buffer, file: OpenFile): void {
  const parts = children(expectSequence(readElement(content)));
  const isData = (part: DerNode) => contentInfo(part).type === CONTENT.data;
  for (const part of [...parts.filter(isData), ...parts.filter((each) => !isData(each))]) {
    try {
      readSafe(part, file);
    } catch (error) {
      if (!(error instanceof PkiError) || error.code !== 'too-complex' || !file.budget.refused) throw error;
      file.findings.tooCostly = true;
    }
  }
}

// A wrong password, nearly always. Without a MAC this file would be read; with one that fits nothing it has to prove more.
function readUnderWrongMac(content: Buffer, file: OpenFile): void {
  const { findings } = file;
  try {
    readParts(content, file);
  } catch (error) {
    if (!(error instanceof PkiError) || error.code === 'too-complex') throw error;
    throw new PkiError('decryption-failed', 'wrong password', { cause: error });
  }
  if (findings.trouble !== null || findings.tooCostly || !provesItself(findings.keys, findings.certificates)) {
    throw new PkiError('decryption-failed', 'wrong password, or an altered file');
  }
}

/** Encodings to try, the likeliest first. Without a MAC each further one would let wrong passwords cost double. */
function candidates(readings: EncodedPassword[], proven: EncodedPassword | undefined): EncodedPassword[] {
  if (proven === undefined) return readings;
  // Files of BoringSSL and Windows mix both meanings of the empty password.
  const others = readings.filter((reading) => reading !== proven);
  return [proven, ...others, { pkcs12: proven.pkcs12, pbes2: proven.pkcs12 }, { ...proven, asGpgsm: true }];
}

function readSafe(part: DerNode, file: OpenFile): void {
  const { type, content } = contentInfo(part);
  if (type === CONTENT.data) {
    readBags(readElement(octetsOf(content)), file);
    return;
  }
  if (type !== CONTENT.encryptedData) throw new PkiError('unsupported', `PKCS#12 content ${type}`);
  const encryptedData = new Fields(content);
  encryptedData.next(TAG.integer);
  const info = new Fields(encryptedData.next(TAG.sequence));
  info.next(TAG.oid);
  const algorithm = info.next(TAG.sequence);
  const ciphertextNode = info.optional(0x80) ?? info.optional(0xa0);
  if (ciphertextNode === null) throw new PkiError('malformed', 'PKCS#12: no cipher text');
  const ciphertext = octetsOf(ciphertextNode);
  open(algorithm, ciphertext, file, (plaintext) => readBags(readElement(plaintext), file));
}

function readBags(safeContents: DerNode, file: OpenFile): void {
  for (const bag of children(expectSequence(safeContents))) {
    const fields = new Fields(bag);
    const type = oidOf(fields.next(TAG.oid));
    const value = children(fields.next(0xa0))[0];
    if (value === undefined) throw new PkiError('malformed', 'PKCS#12: empty bag');
    const localKeyId = readLocalKeyId(fields.optional(TAG.set));
    if (type === BAG.key) addKey(rawOf(value), localKeyId, file);
    else if (type === BAG.shroudedKey) readShroudedKey(value, localKeyId, file);
    else if (type === BAG.certificate) readCertificateBag(value, localKeyId, file);
    else if (type === BAG.safeContents) readBags(value, file);
    // CRLs, secrets and private bag types carry nothing this product uses.
  }
}

function readShroudedKey(value: DerNode, localKeyId: string | null, file: OpenFile): void {
  const info = new Fields(value);
  const algorithm = info.next(TAG.sequence);
  const ciphertext = octetsOf(info.next());
  open(algorithm, ciphertext, file, (plaintext) => {
    expectPrivateKeyInfo(plaintext);
    try {
      addKey(plaintext, localKeyId, file);
    } finally {
      plaintext.fill(0);
    }
  });
}

function addKey(pkcs8: Buffer, localKeyId: string | null, file: OpenFile): void {
  const { keys } = file.findings;
  if (keys.length === MAX_KEYS) throw new PkiError('too-complex', 'too many keys');
  try {
    keys.push({ ...importPrivateKey(pkcs8), localKeyId });
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    file.findings.trouble ??= error.message;
  }
}

function readCertificateBag(value: DerNode, localKeyId: string | null, file: OpenFile): void {
  const fields = new Fields(value);
  if (oidOf(fields.next(TAG.oid)) !== X509_CERTIFICATE) return; // SDSI certificates
  const inner = children(fields.next(0xa0))[0];
  if (inner === undefined) throw new PkiError('malformed', 'PKCS#12: empty certificate bag');
  const { certificates } = file.findings;
  if (certificates.length === MAX_CERTIFICATES) throw new PkiError('too-complex', 'too many certificates');
  try {
    certificates.push({ certificate: parseCertificate(octetsOf(inner)), localKeyId });
  } catch (error) {
    // One odd certificate in the chain must not lock the user out of the key.
    if (!(error instanceof PkiError)) throw error;
    file.findings.trouble ??= `a certificate inside cannot be read (${error.message})`;
  }
}

/**
 * Decrypts with each candidate password until `use` understands the result. Without a MAC, nonsense with good padding
 * (one in 256) shows as broken syntax, so that counts as a wrong password too.
 */
function open(algorithm: DerNode, ciphertext: Buffer, file: OpenFile, use: (plaintext: Buffer) => void): void {
  let last: PkiError | null = null;
  for (const password of file.passwords) {
    try {
      const plaintext = decryptWithPassword(algorithm, ciphertext, password, file.budget);
      use(plaintext);
      return;
    } catch (error) {
      if (!(error instanceof PkiError)) throw error;
      if (error.code !== 'decryption-failed' && error.code !== 'malformed') throw error;
      last = error;
    }
  }
  if (last?.code === 'malformed' && file.passwordProven) throw last;
  if (file.passwordProven) throw new PkiError('unsupported', 'a part of the file has another password, or is damaged');
  throw new PkiError('decryption-failed', 'wrong password', { cause: last });
}

function contentInfo(node: DerNode): { type: string; content: DerNode } {
  const fields = new Fields(node);
  const type = oidOf(fields.next(TAG.oid));
  const content = children(fields.next(0xa0))[0];
  if (content === undefined) throw new PkiError('malformed', 'PKCS#12: empty content');
  return { type, content };
}

function readLocalKeyId(attributes: DerNode | null): string | null {
  if (attributes === null) return null;
  for (const attribute of children(attributes)) {
    const fields = new Fields(attribute);
    if (oidOf(fields.next(TAG.oid)) !== LOCAL_KEY_ID) continue;
    const value = children(fields.next(TAG.set))[0];
    return value === undefined ? null : contentOf(value).toString('hex');
  }
  return null;
}

/**
 * What does not look like PrivateKeyInfo (RFC 5208) means a wrong password here, not an unsupported key: one nonsense in 256 has good
 * padding, and some of these begin like an element of any kind.
 */
function expectPrivateKeyInfo(plaintext: Buffer): void {
  const [version] = children(expectSequence(readElement(plaintext)));
  if (version?.tag !== TAG.integer) throw new PkiError('malformed', 'PKCS#12: no private key');
}

function expectSequence(node: DerNode): DerNode {
  if (node.tag !== TAG.sequence) throw new PkiError('malformed', 'PKCS#12: a sequence was expected');
  return node;
}

function wipe(keys: readonly FoundKey[]): void {
  for (const key of keys) key.pkcs8.fill(0);
}

function failure(code: Pkcs12Failure, message: string): Pkcs12Result {
  return { ok: false, code, message };
}
