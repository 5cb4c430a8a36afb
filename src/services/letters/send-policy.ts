import { type Address, addressDomain, addressKey } from '../../mail/address.ts';
import type { MarkReason, RecipientMark } from '../contacts/contact-marks.ts';
import type { MarkingProblem } from './marking-policy.ts';

export type Recipients = { to: readonly Address[]; cc: readonly Address[]; bcc: readonly Address[] };

/** Why a letter does not leave, as data; the page names the people and the ways. */
export type SendProblem =
  | { code: 'no-recipients' }
  | { code: 'too-many-recipients'; count: number; limit: number }
  | { code: 'bad-addresses'; addresses: string[] }
  | { code: 'domain-not-allowed'; addresses: string[] }
  | { code: 'missing-digital-ids'; recipients: { address: string; name: string; reason: MarkReason }[] }
  | { code: 'no-signing-identity' }
  | { code: 'no-encryption-identity' }
  | { code: 'subject-too-long' | 'text-too-long'; count: number; limit: number }
  | { code: 'attachments-too-large'; limitBytes: number }
  | { code: 'sealing-failed' }
  | MarkingProblem;

/** Whom members of a programme may write to: its countries' domains and those it allows besides (T04). */
export type RecipientPolicy = { domains: ReadonlySet<string>; recipientLimit: number };

/** Each mailbox once: To before Cc before Bcc, since whoever is named openly need not be named in secret. */
export function distinctRecipients(recipients: Recipients): { to: Address[]; cc: Address[]; bcc: Address[] } {
  const seen = new Set<string>();
  const first = (list: readonly Address[]) =>
    list.filter(({ address }) => {
      const key = addressKey(address);
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
  return { to: first(recipients.to), cc: first(recipients.cc), bcc: first(recipients.bcc) };
}

/** What the programme says about these recipients, before anything is built (T04). */
export function recipientProblems(recipients: readonly Address[], policy: RecipientPolicy): SendProblem[] {
  if (recipients.length === 0) return [{ code: 'no-recipients' }];
  const problems: SendProblem[] = [];
  if (recipients.length > policy.recipientLimit) {
    problems.push({ code: 'too-many-recipients', count: recipients.length, limit: policy.recipientLimit });
  }
  const foreign = recipients.filter(({ address }) => !policy.domains.has(addressDomain(address)));
  if (foreign.length > 0) {
    problems.push({ code: 'domain-not-allowed', addresses: foreign.map(({ address }) => address) });
  }
  return problems;
}

/** Characters. What is longer is said, and never cut. */
const LONGEST = { subject: 1_000, text: 500_000 };

export function lengthProblems(letter: { subject: string; text: string }): SendProblem[] {
  return (['subject', 'text'] as const).flatMap((field) => {
    const count = letter[field].length;
    const limit = LONGEST[field];
    return count > limit ? [{ code: `${field}-too-long` as const, count, limit }] : [];
  });
}

/** Who cannot be encrypted to. There is no falling back: with one missing, nothing is encrypted and nothing leaves (T18). */
export function missingDigitalIds(marks: readonly RecipientMark[]): SendProblem[] {
  const missing = marks.filter((mark) => !mark.usable || mark.certificate === null);
  if (missing.length === 0) return [];
  return [
    {
      code: 'missing-digital-ids',
      recipients: missing.map(({ address, name, reason }) => ({ address, name, reason: reason ?? 'no-digital-id' })),
    },
  ];
}

/**
 * The content encryption for one copy: AES-256-GCM only where every recipient of it announced it in a valid signature
 * (T29), else AES-256-CBC, which all programs read.
 */
export function contentEncryptionFor(
  marks: readonly Pick<RecipientMark, 'capabilities'>[],
): 'aes-256-cbc' | 'aes-256-gcm' {
  const all = marks.length > 0 && marks.every((mark) => mark.capabilities.includes('AES-256-GCM'));
  return all ? 'aes-256-gcm' : 'aes-256-cbc';
}

/**
 * Whether one copy hides its subject (hcp_baseline of RFC 9788): where every reader's program is known to show it all the
 * same, so that nobody is left with `[...]`, or where it answers a message whose subject was hidden.
 */
export function hidesSubject(
  marks: readonly Pick<RecipientMark, 'showsProtectedSubject'>[],
  answersHidden: boolean,
): boolean {
  return answersHidden || (marks.length > 0 && marks.every((mark) => mark.showsProtectedSubject));
}

/** How the content key is wrapped for the RSA recipients of one copy: OAEP only where all announced it with SHA-256 (T29). */
export function keyTransportFor(marks: readonly Pick<RecipientMark, 'capabilities'>[]): 'rsa-pkcs1' | 'rsa-oaep' {
  const all = marks.length > 0 && marks.every((mark) => mark.capabilities.includes('RSA-OAEP-SHA-256'));
  return all ? 'rsa-oaep' : 'rsa-pkcs1';
}
