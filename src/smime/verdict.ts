/** What may be said about a message (security.md): closed lists and plain data that cross threads and go to the views. */
import type { Attachment } from '../mime/content.ts';
import type { PathRule } from '../pki/path-checks.ts';
import type { RevocationStatus } from '../pki/revocation.ts';
import type { ReceiptFacts, ReceiptRequest } from './receipt-request.ts';

export type SignatureStatus = 'trusted' | 'untrusted' | 'mismatch' | 'invalid' | 'partial' | 'none';
export type EncryptionStatus = 'encrypted' | 'failed' | 'weak' | 'none';

/** Every reason has a sentence in every language. */
export const REASONS = [
  'altered',
  'no-signer',
  'several-signers',
  'content-twice',
  'attributes-malformed',
  'malformed',
  'weak-algorithm',
  'weak-key',
  'unknown-issuer',
  'issuer-not-trusted',
  'expired',
  'not-yet-valid',
  'revoked',
  'revocation-unchecked',
  'wrong-purpose',
  'path-invalid',
  'address-mismatch',
  'several-from',
  'date-differs',
  'signed-part-only',
  'too-complex',
  'explicitly-trusted',
] as const;
export type Reason = (typeof REASONS)[number];

/** The checks of row T25, one line each, in the order in which the page lists them. */
export const CHECK_IDS = [
  'whole-message',
  'unaltered',
  'header-unaltered',
  'signature-fits',
  'sender-address',
  'issuer-trusted',
  'valid-on-arrival',
  'not-revoked',
  'made-for-email',
  'strong-enough',
  'date-agrees',
  'encrypted-to-you',
  'content-untouched',
  'key-transport',
] as const;
export type CheckId = (typeof CHECK_IDS)[number];
export type CheckOutcome = 'passed' | 'failed' | 'unknown';

/**
 * One line of the security details. `data` has what its sentence names: texts, numbers, ISO times (keys ending in `At`),
 * and `reason`, the reason why it failed, where there is one.
 */
export interface Check {
  readonly id: CheckId;
  readonly outcome: CheckOutcome;
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
}

/** A certificate as plain data: no key object, so it can be posted between threads and stored. */
export interface CertificateSummary {
  readonly der: Uint8Array;
  readonly sha1: string;
  readonly sha256: string;
  readonly serialNumber: string;
  readonly subject: string;
  readonly issuer: string;
  readonly commonName: string | null;
  readonly addresses: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly keyLabel: string;
  readonly canSign: boolean;
  readonly canEncrypt: boolean;
}

/** One thing wrong with a path, for people. */
export interface PathFaultSummary {
  readonly reason: Reason;
  readonly rule: PathRule;
  /** Whose certificate it is. */
  readonly name: string;
  readonly issuer: string;
  readonly keyLabel: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What lists and responders said about the signer's path, as of the time of arrival. */
export type RevocationSummary = RevocationStatus;

export interface SignerSummary {
  /** The common name of the certificate; null when there is none or the certificate was not found. */
  readonly name: string | null;
  readonly addresses: readonly string[];
  /** For people; empty when the certificate was not found. */
  readonly issuer: string;
  /** SHA-256 of the certificate in lower-case hex; empty when it was not found. */
  readonly sha256: string;
  /** The signer's word, never proof. */
  readonly signingTime: Date | null;
  /** `SHA-256`, …; the object identifier when it is not known. */
  readonly digest: string;
  /** `RSA`, `RSA-PSS`, `ECDSA`, `Ed25519`; the object identifier when it is not known. */
  readonly algorithm: string;
  readonly keyLabel: string;
  /** The signature fits the content and this certificate. Says nothing about trust. */
  readonly intact: boolean;
  /** Status of this signature alone, measured against the From address of the message. */
  readonly status: Exclude<SignatureStatus, 'partial' | 'none'>;
  readonly reasons: readonly Reason[];
  readonly certificate: CertificateSummary | null;
  /** Signer first, the trust anchor last when the path reaches one; as far as it could be built otherwise. */
  readonly path: readonly CertificateSummary[];
  /** What is wrong with the path: the rule that was broken, and by which certificate of it. */
  readonly pathFaults: readonly PathFaultSummary[];
  readonly revocation: RevocationSummary;
  /** All that the message carried, for contacts and the trust page. */
  readonly certificates: readonly CertificateSummary[];
  /** What the sender's program says it can read, strongest first as it announced them (row T29): `AES-256-GCM`, `RSA-OAEP`, … */
  readonly capabilities: readonly string[];
  /** SHA-256 of the certificate that the signer asks to be encrypted to, if the message carried it. */
  readonly encryptionCertificate: string | null;
  /** It asks for a signed receipt: where to, whom, and what a receipt has to say. Null when it does not. */
  readonly receiptRequest: (ReceiptFacts & Pick<ReceiptRequest, 'to' | 'readers'>) | null;
}

export type LayerKind = 'signed' | 'encrypted' | 'compressed' | 'certificates';

/** One layer around the content, outermost first; after those of the root, signed parts of the content. */
export interface Layer {
  readonly kind: LayerKind;
  readonly form: 'detached' | 'opaque';
  readonly partPath: string;
  /** A SignatureStatus for `signed`, an EncryptionStatus for `encrypted`, else `none`. */
  readonly status: SignatureStatus | EncryptionStatus;
  readonly reasons: readonly Reason[];
  readonly signers: readonly SignerSummary[];
  /** Content cipher or digest: `AES-256-GCM`, `SHA-256`. */
  readonly algorithm: string | null;
  /** Encrypted layers: how the content key was wrapped for the reader: `RSA PKCS#1 v1.5`, `RSA-OAEP`, `ECDH`, `X25519`. */
  readonly keyTransport: string | null;
  /** Encrypted layers: SHA-256 of the reader's certificate that opened it. */
  readonly openedWith: string | null;
  /** Encrypted layers: for how many readers. */
  readonly recipientCount: number;
  /** Encrypted layers: AES-GCM, the tag was verified before anything was used. */
  readonly authenticated: boolean;
  /** Certificates that a certificates-only layer carries. */
  readonly certificates: readonly CertificateSummary[];
}

export interface SignatureClaim {
  readonly status: SignatureStatus;
  readonly reasons: readonly Reason[];
  /** Of the layer that makes the claim; none for `none`. For `partial` the signers of the parts. */
  readonly signers: readonly SignerSummary[];
}

export interface EncryptionClaim {
  readonly status: EncryptionStatus;
  /** `AES-256-GCM` and the like; null when nothing is encrypted. */
  readonly algorithm: string | null;
  readonly reasons: readonly Reason[];
  /** CBC (or no tag) and no valid signature inside: show plain text, no links, no images, no quote. */
  readonly malleable: boolean;
}

export interface MessageClaim {
  readonly signature: SignatureClaim;
  readonly encryption: EncryptionClaim;
}

export interface MailAddress {
  readonly name: string;
  readonly address: string;
}

/** `SENSITIVE`, or with a handling instruction (S06). `bound`: a trusted signature says it; else the message only says so. */
export interface Marking {
  readonly text: string;
  readonly bound: boolean;
}

/** An attachment without its bytes; `index` is what `readAttachment` takes. */
export type AttachmentSummary = Omit<Attachment, 'partPath' | 'bytes' | 'slices'>;

export interface InlineImage {
  readonly contentId: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** A message as the page shows it: plain data, can be posted between threads. */
export interface OpenedMessage extends MessageClaim {
  /** Protected where both agree; the outer one where a protected From names somebody else. */
  readonly from: readonly MailAddress[];
  /** The From inside the signature or encryption where it names somebody else than the outer one; else null. */
  readonly protectedFrom: readonly MailAddress[] | null;
  readonly sender: MailAddress | null;
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly replyTo: readonly MailAddress[];
  readonly date: Date | null;
  readonly subject: string;
  /** The subject shown comes from inside the signature or the encryption. */
  readonly subjectProtected: boolean;
  /** The subject shown was inside the encryption only: answers must not show it on the way. */
  readonly subjectHidden: boolean;
  /** The sender's program protects header fields (`hp=`, RFC 9788): those inside count, and no others. */
  readonly headersProtected: boolean;
  /** Names of protected fields that were changed outside. */
  readonly headersChanged: readonly string[];
  readonly messageId: string | null;
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
  readonly marking: Marking | null;
  /** Outermost first. */
  readonly layers: readonly Layer[];
  readonly checks: readonly Check[];
  readonly text: string | null;
  /** NOT sanitised. */
  readonly html: string | null;
  /** There is more of the text than is shown. */
  readonly textCut: boolean;
  /** False where parts or fields were passed over, or may be read in two ways: another program may find more in it. */
  readonly readWhole: boolean;
  readonly attachments: readonly AttachmentSummary[];
  /** Images that the HTML may name by `cid:`; together at most 16 MiB. */
  readonly inlineImages: readonly InlineImage[];
  /** Header fields of the outermost message as received, names as written. */
  readonly rootHeaders: readonly { readonly name: string; readonly value: string }[];
}
