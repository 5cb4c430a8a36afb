/** What may be asked of a worker and what it answers: plain data that crosses the thread. */
import { isSpool, type StoredBytes } from '../bytes/spool.ts';
import type { EntityPiece } from '../mime/encode.ts';
import type { PersonalUsage, SubjectName } from '../pki/issue.ts';
import type { KeyAlgorithm } from '../pki/key-pair.ts';
import type { PathReason } from '../pki/path.ts';
import type { Pkcs12Failure } from '../pki/pkcs12-read.ts';
import type { Pkcs12Form } from '../pki/pkcs12-write.ts';
import type { ReceiptFacts } from './receipt-request.ts';
import type { ReadReceipt } from './signed-receipt.ts';
import type { OpenedMessage, RevocationSummary } from './verdict.ts';
import type { ContentEncryption } from './write-envelope.ts';
import type { KeyTransport } from './write-recipient-info.ts';

/** A PKCS#8 key under the user's master key. `context` is what it was sealed with. */
export interface SealedKey {
  readonly sealedKey: Uint8Array;
  readonly certificateDer: Uint8Array;
  readonly context: string;
}

export interface TrustBytes {
  readonly anchors: readonly Uint8Array[];
  readonly intermediates: readonly Uint8Array[];
  readonly explicitlyTrusted: readonly string[];
  /** Anchors, by SHA-256, that are believed for mail addresses of these domains only */
  readonly anchorDomains: ReadonlyMap<string, readonly string[]>;
  readonly revocation: RevocationBytes;
}

/** What was published about revocation, in shared memory so that long lists cross no thread. */
export interface RevocationBytes {
  readonly lists: readonly Uint8Array[];
  readonly responses: readonly Uint8Array[];
  readonly now: Date;
}

export interface OpenJob {
  readonly kind: 'open';
  /** Small ones cross the thread; a spool is opened and closed by the main thread */
  readonly bytes: StoredBytes;
  readonly keys: readonly SealedKey[];
  /** Null when the keys are locked: what is encrypted then stays closed. */
  readonly masterKey: Uint8Array | null;
  readonly trust: TrustBytes;
  readonly at: Date;
  readonly signersOnFile?: readonly Uint8Array[];
}

export interface AttachmentJob extends Omit<OpenJob, 'kind'> {
  readonly kind: 'attachment';
  readonly index: number;
  /** Descriptor of a file of the main thread: the bytes are written there as a spool */
  readonly into?: number;
}

export interface SealJob {
  readonly kind: 'seal';
  /** The entity, or its pieces: attachments are encoded in the worker */
  readonly mime: Uint8Array | readonly EntityPiece[];
  readonly headers: Uint8Array;
  readonly sign:
    | (SealedKey & {
        readonly chain: readonly Uint8Array[];
        readonly encryptionCertificate?: Uint8Array;
        readonly marking?: string;
        readonly receipt?: { readonly contentIdentifier: Uint8Array; readonly to: string };
      })
    | null;
  readonly masterKey: Uint8Array | null;
  readonly encryptTo: readonly Uint8Array[] | null;
  readonly opaque?: boolean;
  readonly content?: ContentEncryption;
  readonly keyTransport?: KeyTransport;
  /** Without any outer header: an entity that goes into further jobs */
  readonly entityOnly?: boolean;
  readonly at: Date;
  /** As for an attachment */
  readonly into?: number;
}

export interface Pkcs12ReadJob {
  readonly kind: 'pkcs12-read';
  readonly bytes: Uint8Array;
  readonly password: string;
  /** The keys found are sealed before they leave the worker, with the context `${contextPrefix}${SHA-256 of the certificate}`. */
  readonly masterKey: Uint8Array;
  readonly contextPrefix: string;
  /** Over shared memory: iterations done and iterations in all, written as the work goes on. */
  readonly progress?: Int32Array;
}

export interface Pkcs12WriteJob {
  readonly kind: 'pkcs12-write';
  readonly key: SealedKey;
  readonly masterKey: Uint8Array;
  readonly chain: readonly Uint8Array[];
  readonly password: string;
  readonly form: Pkcs12Form;
  readonly friendlyName: string;
}

/** A new key and the request for its certificate; the key is sealed before it leaves the worker. */
export interface RequestKeyJob {
  readonly kind: 'request-key';
  readonly algorithm: KeyAlgorithm;
  readonly subject: SubjectName;
  readonly address: string;
  readonly usage: PersonalUsage;
  readonly masterKey: Uint8Array;
  /** Sealed with the context `${contextPrefix}${SHA-256 of the SubjectPublicKeyInfo}`. */
  readonly contextPrefix: string;
}

/** The certificate for a requested key came, or the vault of before was found again: the key is sealed anew, bound to its certificate. */
export interface AdoptKeyJob {
  readonly kind: 'adopt-key';
  /** `certificateDer` is the new one */
  readonly key: SealedKey;
  readonly masterKey: Uint8Array;
  /** Left out: the same */
  readonly newMasterKey?: Uint8Array;
  readonly newContext: string;
}

/** A certificate and what came with it. */
export interface JudgedSubject {
  readonly certificate: Uint8Array;
  readonly chain: readonly Uint8Array[];
}

/** Paths of certificates as they stand at `at`, without a message. */
export interface JudgeJob {
  readonly kind: 'judge';
  readonly subjects: readonly JudgedSubject[];
  readonly trust: TrustBytes;
  readonly at: Date;
  readonly masterKey: null;
}

/** What a path is worth, as data that crosses the thread. */
export interface PathJudgement {
  readonly valid: boolean;
  readonly reasons: readonly PathReason[];
  /** Nothing but the path is wrong: the certificate would do if it were trusted by itself (S11) */
  readonly validAlone: boolean;
  readonly aloneReasons: readonly PathReason[];
  readonly revocation: RevocationSummary;
  /** DER, leaf first */
  readonly path: readonly Uint8Array[];
}

/** Signs a receipt (RFC 2634); the answer is the CMS in DER. */
export interface ReceiptJob {
  readonly kind: 'sign-receipt';
  readonly about: ReceiptFacts;
  readonly sign: SealedKey & { readonly chain: readonly Uint8Array[] };
  readonly masterKey: Uint8Array | null;
  readonly at: Date;
}

/** Reads a message that is a signed receipt. */
export interface ReadReceiptJob {
  readonly kind: 'read-receipt';
  readonly bytes: Uint8Array;
  readonly trust: TrustBytes;
  readonly at: Date;
  readonly masterKey: null;
}

/** Of the signature in sealed bytes. */
export interface MadeSignature {
  readonly signature: Uint8Array;
  readonly attributesDigest: Uint8Array;
}

export type Job =
  | ReceiptJob
  | ReadReceiptJob
  | JudgeJob
  | OpenJob
  | AttachmentJob
  | SealJob
  | Pkcs12ReadJob
  | Pkcs12WriteJob
  | RequestKeyJob
  | AdoptKeyJob;

export interface SealedIdentity extends SealedKey {
  readonly chain: readonly Uint8Array[];
}

export type Pkcs12Answer =
  | { readonly ok: true; readonly identities: readonly SealedIdentity[]; readonly certificates: readonly Uint8Array[] }
  | { readonly ok: false; readonly code: Pkcs12Failure; readonly message: string };

export interface Answers {
  /** In the order of the subjects; null for one that cannot be read */
  judge: readonly (PathJudgement | null)[];
  open: OpenedMessage;
  attachment: { readonly name: string; readonly type: string; readonly bytes: StoredBytes } | null;
  /** A spool where the job named a file to write it into, else bytes; and what was signed, where it was */
  seal: { readonly bytes: StoredBytes; readonly signed: MadeSignature | null };
  'sign-receipt': Uint8Array;
  /** Null when it is none */
  'read-receipt': ReadReceipt | null;
  'pkcs12-read': Pkcs12Answer;
  'pkcs12-write': Uint8Array;
  'request-key': RequestedKeyBytes;
  /** The key under its new context; null when it is not the certificate's */
  'adopt-key': Uint8Array | null;
}

export interface RequestedKeyBytes {
  /** PKCS#10 in DER */
  readonly request: Uint8Array;
  readonly sealedKey: Uint8Array;
  /** Lower-case hex */
  readonly spkiSha256: string;
}

/**
 * - `too-complex`: a limit of time or memory was passed; the worker was ended
 * - `seal-broken`: a private key does not open with this master key
 * - `no-room`: the disk of the spools is full
 * - `unsupported`: a key cannot do what was asked
 * - `failed`: a fault of this program; the message is for the log
 * - `closed`: the pool is shutting down
 */
export type JobFailure = 'no-room' | 'too-complex' | 'seal-broken' | 'unsupported' | 'failed' | 'closed';

export type JobResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: JobFailure; readonly message: string };

/**
 * A copy of plain data in which all bytes stand in buffers of their own, and the list of these for the transfer. Buffers of
 * Node are often windows into a shared pool; posting one would clone the whole pool, other people's bytes included.
 */
export function detachBytes<T>(data: T, reuseWhole = false): { data: T; transfer: ArrayBuffer[] } {
  // What stands in several places is copied once and crosses the thread once: a hostile message could name it thousands of times.
  const copies = new Map<object, unknown>();
  const transfer = new Set<ArrayBuffer>();
  const copyOf = (value: object): unknown => {
    if (value instanceof Uint8Array) {
      if (value.buffer instanceof SharedArrayBuffer) return value;
      const bytes = reuseWhole && ownsBuffer(value) ? value : new Uint8Array(value);
      transfer.add(bytes.buffer as ArrayBuffer);
      return bytes;
    }
    if (value instanceof Date || value instanceof Int32Array || value instanceof Map) return value; // progress is shared
    if (Array.isArray(value)) return value.map(visit);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item)]));
  };
  const visit = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (!copies.has(value)) copies.set(value, copyOf(value));
    return copies.get(value);
  };
  return { data: visit(data) as T, transfer: [...transfer] };
}

// Only large buffers are given away: small ones are cheap to copy, and the pool of Node is never larger than this.
const OWN_BUFFER_BYTES = 128 * 1024;

function ownsBuffer(bytes: Uint8Array): boolean {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength >= OWN_BUFFER_BYTES && bytes.length === buffer.byteLength;
}

/** Bytes that a job reads in spools: they count for its limits as those that cross the thread do. */
export function spooledBytes(job: Job): number {
  const ofSpool = (bytes: object) => (isSpool(bytes) ? bytes.size : 0);
  if (job.kind === 'open' || job.kind === 'attachment') return ofSpool(job.bytes);
  if (job.kind !== 'seal' || job.mime instanceof Uint8Array) return 0;
  return job.mime.reduce((sum, piece) => {
    return piece instanceof Uint8Array ? sum : sum + ofSpool('written' in piece ? piece.written : piece.base64);
  }, 0);
}
