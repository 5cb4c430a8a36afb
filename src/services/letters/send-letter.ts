import { randomBytes } from 'node:crypto';
import type { SpoolFile } from '../../bytes/spool-file.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { DigitalId } from '../../generated/prisma/client.ts';
import { type Address, addressDomain, addressKey } from '../../mail/address.ts';
import { type Composition, composeMime } from '../../mail/compose-mime.ts';
import { withMarking } from '../../smime/marking.ts';
import { type RecipientMark, recipientMarks } from '../contacts/contact-marks.ts';
import { noteLinkSent } from '../contacts/secure-link.ts';
import type { DraftOrigin } from '../drafts/drafts.ts';
import { encryptionIdentity, signingIdentity } from '../identities/own-keys.ts';
import type { SignedIn } from '../sessions/session.ts';
import { draftPublicKey } from '../sessions/vault.ts';
import { holdAttachments, type LetterAttachment } from './held-attachments.ts';
import { chosenMarking, type MarkingChoice, markingProblems } from './marking-policy.ts';
import { type CopyPlan, planCopies, SealingFailedError, sealedCopies } from './outbox-copies.ts';
import { enqueueLetter, type LetterHead } from './outbox-enqueue.ts';
import { distinctRecipients, missingDigitalIds, recipientProblems, type SendProblem } from './send-policy.ts';

export type { SendProblem } from './send-policy.ts';

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
  /** As it was chosen (S06); not given for letters that the program words itself */
  marking?: MarkingChoice;
  /** Asks for a receipt: by a header field, and in the signature where it is signed */
  askReceipt?: boolean;
  /** It answers a message whose subject was hidden on the way */
  answersHidden?: boolean;
  /** The root goes with the signature too (S12) */
  includeRoot?: boolean;
  inReplyTo?: string | null;
  references?: readonly string[];
  date?: Date;
  /** The draft that becomes this letter: removed in the same transaction */
  draftId?: string;
  /** Where that draft came from: it is one again when the letter is cancelled */
  origin?: DraftOrigin;
};

export type SendResult = { ok: true; letterId: string; messageId: string } | { ok: false; problems: SendProblem[] };

/** A letter after policy: whom it goes to and with which keys. */
type Checked = {
  recipients: { to: Address[]; cc: Address[]; bcc: Address[] };
  all: Address[];
  marks: RecipientMark[];
  signer: DigitalId | null;
  own: DigitalId | null;
  /** What the letter is marked with; null without a marking */
  marking: string | null;
};

/**
 * Policy, MIME, signature, encryption, and the rows of the outbox in one transaction: when it answers `ok`, the letter is
 * queued and leaves whatever happens to this node.
 * @throws AppError keys-locked when it is to be signed and the keys are locked; no-vault
 */
export async function sendLetter(context: Context, session: SignedIn, letter: NewLetter): Promise<SendResult> {
  const { database } = context;
  const earlier = await findLetter(context, session, letter.nonce);
  if (earlier) return { ok: true, letterId: earlier.id, messageId: earlier.messageId };
  const headKey = await draftPublicKey(database, session.account.id);
  if (!headKey) throw new AppError('no-vault');
  const checked = await checkLetter(context, session, letter);
  if ('problems' in checked) return { ok: false, problems: checked.problems };
  if (letter.sign && !session.masterKey) throw new AppError('keys-locked');

  const { address } = session.account;
  const messageId = `<${randomBytes(16).toString('hex')}@${addressDomain(address)}>`;
  const head: LetterHead = {
    subject: letter.subject,
    text: letter.text,
    ...checked.recipients,
    marking: letter.marking,
    origin: letter.origin,
  };
  const spools: SpoolFile[] = [];
  try {
    const receipt = letter.askReceipt ? { contentIdentifier: randomBytes(32), to: address } : null;
    const copies = await copiesOf(context, session, letter, checked, { messageId, receipt }, spools);
    const letterId = await enqueueLetter(context, session, {
      nonce: letter.nonce,
      messageId,
      head,
      headKey,
      signed: letter.sign,
      encrypted: letter.encrypt,
      draftId: letter.draftId ?? null,
      receipt: receipt?.contentIdentifier ?? null,
      copies,
    });
    if (letterId === null) {
      const same = await findLetter(context, session, letter.nonce);
      if (same) return { ok: true, letterId: same.id, messageId: same.messageId };
      throw new AppError('busy');
    }
    await noteQueued(context, session, letter, checked, { letterId, messageId });
    return { ok: true, letterId, messageId };
  } catch (error) {
    if (error instanceof SealingFailedError) return { ok: false, problems: [{ code: 'sealing-failed' }] };
    throw error;
  } finally {
    for (const spool of spools) await spool.close();
  }
}

function findLetter(context: Context, session: SignedIn, nonce: string) {
  return context.database.prisma.letter.findUnique({
    where: { accountId_nonce: { accountId: session.account.id, nonce } },
    select: { id: true, messageId: true },
  });
}

export type LetterToCheck = Pick<NewLetter, 'to' | 'cc' | 'bcc' | 'subject' | 'sign' | 'encrypt' | 'marking'> & {
  attachments: readonly { size: number }[];
};

/**
 * Everything that can be wrong with a letter, at once, before anything is built (T04, T18, S06). Used by the page's check
 * list too, so that the page and the sending never disagree.
 */
export async function checkLetter(
  context: Pick<Context, 'config' | 'database' | 'now' | 'workers' | 'revocation' | 'fetcher'>,
  session: SignedIn,
  letter: LetterToCheck,
): Promise<Checked | { problems: SendProblem[]; marks: RecipientMark[] }> {
  const { config, database } = context;
  const at = context.now();
  const recipients = distinctRecipients(letter);
  const all = [...recipients.to, ...recipients.cc, ...recipients.bcc];
  const { own: ownDomains, allowed: domains } = await domainsOf(context, session);
  const problems: SendProblem[] = [
    ...recipientProblems(all, { domains, recipientLimit: config.recipientLimit }),
    ...markingProblems(letter, { policy: session.account.country.programme.markingPolicy, ownDomains }),
  ];
  // No marks for a list that is too long anyway.
  const judged = all.length <= config.recipientLimit ? all.map((one) => one.address) : [];
  const [marks, signer, own] = await Promise.all([
    recipientMarks(context, session.account, judged, at),
    letter.sign ? signingIdentity(database, session.account, at) : null,
    encryptionIdentity(database, session.account, at),
  ]);
  if (letter.encrypt) problems.push(...missingDigitalIds(marks));
  if (letter.sign && !signer) problems.push({ code: 'no-signing-identity' });
  if (letter.encrypt && !own) problems.push({ code: 'no-encryption-identity' });
  const size = letter.attachments.reduce((sum, attachment) => sum + attachment.size, 0);
  if (size > config.attachmentLimitBytes) {
    problems.push({ code: 'attachments-too-large', limitBytes: config.attachmentLimitBytes });
  }
  if (problems.length > 0) return { problems, marks };
  return { recipients, all, marks, signer, own, marking: chosenMarking(letter.marking) };
}

/** Domains of the programme's countries, and with them those it allows besides (T04). */
async function domainsOf(
  context: Pick<Context, 'database'>,
  session: Pick<SignedIn, 'account'>,
): Promise<{ own: Set<string>; allowed: Set<string> }> {
  const { programme } = session.account.country;
  const countries = await context.database.prisma.country.findMany({
    where: { programmeId: programme.id },
    select: { domain: true },
  });
  const setOf = (domains: readonly string[]) => new Set(domains.map((domain) => addressDomain(`@${domain}`)));
  const own = countries.map((country) => country.domain);
  return { own: setOf(own), allowed: setOf([...own, ...programme.allowedRecipientDomains]) };
}

/** @param spools gets the files of large attachments, which are needed until the last copy was made */
async function copiesOf(
  context: Context,
  session: SignedIn,
  letter: NewLetter,
  checked: Checked,
  { messageId, receipt }: { messageId: string; receipt: { contentIdentifier: Uint8Array; to: string } | null },
  spools: SpoolFile[],
) {
  const { account } = session;
  const attachments = await holdAttachments(letter.attachments, context.config.spoolFolder, spools);
  const composed = await composeMime({
    from: { name: `${account.firstName} ${account.surname}`.trim(), address: account.address },
    to: checked.recipients.to,
    cc: checked.recipients.cc,
    ...headerOf(letter.subject, checked.marking, receipt?.to ?? null),
    text: letter.text,
    attachments,
    messageId,
    inReplyTo: letter.inReplyTo ?? null,
    references: letter.references ?? [],
    date: letter.date ?? context.now(),
  });
  const certificates = new Map(checked.marks.map((mark) => [addressKey(mark.address), mark]));
  const plan: CopyPlan = planCopies(
    checked.recipients,
    letter.encrypt ? { marks: certificates, own: checked.own, answersHidden: letter.answersHidden ?? false } : null,
  );
  return sealedCopies(context, session, composed, {
    plan,
    signer: checked.signer,
    encryptionCertificate: checked.own?.certificate ?? null,
    includeRoot: letter.includeRoot ?? false,
    marking: checked.marking,
    receipt,
    bcc: checked.recipients.bcc,
  });
}

/**
 * The marking where people see it, and where other programs do (RFC 4021); the signature binds it besides. Who asks for a receipt says so
 * where every program looks for it (RFC 8098 section 2.1).
 */
function headerOf(
  subject: string,
  marking: string | null,
  receiptTo: string | null,
): Pick<Composition, 'subject' | 'extraHeaders'> {
  const receipt = receiptTo === null ? [] : [{ name: 'Disposition-Notification-To', value: `<${receiptTo}>` }];
  if (marking === null) return { subject, extraHeaders: receipt };
  const sensitivity = { name: 'Sensitivity', value: 'Company-Confidential' };
  return { subject: withMarking(subject, marking), extraHeaders: [sensitivity, ...receipt] };
}

async function noteQueued(
  context: Context,
  session: SignedIn,
  letter: NewLetter,
  checked: Checked,
  { letterId, messageId }: { letterId: string; messageId: string },
): Promise<void> {
  const who = { accountId: session.account.id, actor: session.account.address, network: session.network };
  context.outbox.wake();
  context.outbox.attend(session);
  if (letter.sign) {
    await context.audit.record({ ...who, action: 'sign', object: letterId, result: 'done' });
  }
  await context.audit.record({ ...who, action: 'send-state', object: letterId, result: 'done', reason: 'queued' });
  await noteLinkSent(context, session, {
    messageId,
    addresses: checked.all.map((one) => one.address),
    signed: letter.sign,
    encrypted: letter.encrypt,
  });
}
