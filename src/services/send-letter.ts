import type { Context } from '../context.ts';
import type { Address } from '../mail/address.ts';
import { AppError } from '../errors.ts';
import type { MarkReason } from './contact-marks.ts';
import type { SignedIn } from './session.ts';

export type LetterAttachment = { name: string; type: string; size: number; read(): AsyncIterable<Buffer> };

export type NewLetter = {
  /** Unique for the account: the same nonce again gives the letter that it made before */
  nonce: string;
  to: readonly Address[];
  cc: readonly Address[];
  bcc: readonly Address[];
  subject: string;
  text: string;
  attachments: readonly LetterAttachment[];
  sign: boolean;
  encrypt: boolean;
  /** The root goes with the signature too (S12) */
  includeRoot?: boolean;
  inReplyTo?: string | null;
  references?: readonly string[];
  date?: Date;
  /** The draft that becomes this letter: removed in the same transaction */
  draftId?: string;
};

/** Why a letter does not leave, as data; the page names the people and the ways. */
export type SendProblem =
  | { code: 'no-recipients' }
  | { code: 'too-many-recipients'; count: number; limit: number }
  | { code: 'bad-addresses'; addresses: string[] }
  | { code: 'domain-not-allowed'; addresses: string[] }
  | { code: 'missing-digital-ids'; recipients: { address: string; name: string; reason: MarkReason }[] }
  | { code: 'no-signing-identity' }
  | { code: 'no-encryption-identity' }
  | { code: 'attachments-too-large'; limitBytes: number }
  | { code: 'sealing-failed' };

export type SendResult = { ok: true; letterId: string; messageId: string } | { ok: false; problems: SendProblem[] };

/**
 * Policy, MIME, signature, encryption, and the rows of the outbox in one transaction: when it answers `ok`, the letter is
 * queued and leaves whatever happens to this node.
 * @throws AppError keys-locked when it is to be signed and the keys are locked; no-vault
 */
export async function sendLetter(_context: Context, _session: SignedIn, _letter: NewLetter): Promise<SendResult> {
  throw new AppError('busy');
}
