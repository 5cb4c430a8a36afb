import type { Context } from '../../context.ts';
import { parseRecipients } from '../../mail/address.ts';
import { setFlag } from '../../mail/imap-mailbox.ts';
import { chosenMarking, keptChoice, UNDECIDED } from '../letters/marking-policy.ts';
import { checkLetter, type NewLetter, sendLetter } from '../letters/send-letter.ts';
import { lengthProblems, type SendProblem } from '../letters/send-policy.ts';
import { mailboxOf } from '../mailbox/mailbox.ts';
import { recordScan } from '../scanning/record-scan.ts';
import { type ScanProblem, scanBeforeSending } from '../scanning/scan-draft.ts';
import type { SignedIn } from '../sessions/session.ts';
import { openAttachment } from './draft-attachments.ts';
import { type DraftContent, type DraftOrigin, type OpenedDraft, openDraft, withDraftKeys } from './drafts.ts';

export type DraftProblem = SendProblem | ScanProblem | { code: 'unsigned-unconfirmed' };

type Parsed = Pick<NewLetter, 'to' | 'cc' | 'bcc' | 'subject' | 'sign' | 'encrypt'> &
  Required<Pick<NewLetter, 'marking'>>;

/** The form's fields as a letter, and what in them is no address. */
export function readContent(content: DraftContent, origin: DraftOrigin): { letter: Parsed; bad: string[] } {
  const fields = {
    to: parseRecipients(content.to),
    cc: parseRecipients(content.cc),
    bcc: parseRecipients(content.bcc),
  };
  return {
    letter: {
      to: fields.to.recipients,
      cc: fields.cc.recipients,
      bcc: fields.bcc.recipients,
      subject: content.subject,
      sign: content.sign,
      // Whatever the form says: an answer to encrypted mail is encrypted.
      encrypt: content.encrypt || origin.mustEncrypt,
      marking: keptChoice(content.marking ?? UNDECIDED, origin.marking),
    },
    bad: Object.values(fields).flatMap((field) => field.problems.map((problem) => problem.typed)),
  };
}

/** What keeps a draft from leaving, for the page's check list. */
export async function checkDraft(
  context: Context,
  session: SignedIn,
  draft: Pick<OpenedDraft, 'content' | 'origin' | 'attachments'>,
) {
  const { letter, bad } = readContent(draft.content, draft.origin);
  const checked = await checkLetter(context, session, { ...letter, attachments: draft.attachments });
  const problems = [...lengthProblems(draft.content), ...('problems' in checked ? checked.problems : [])];
  // Who typed something that is no address did name somebody.
  if (bad.length > 0) problems.unshift({ code: 'bad-addresses', addresses: bad });
  return { letter, marks: checked.marks, problems };
}

/** `unscanned`: attachments that left although the scanner gave no result, as the programme allows */
export type SentDraft = { ok: true; letterId: string; unscanned: string[] } | { ok: false; problems: DraftProblem[] };

/**
 * Sends a saved draft; it goes with the same transaction that queues the letter.
 * @throws AppError keys-locked, not-found when it was sent or discarded meanwhile
 */
export async function sendDraft(
  context: Context,
  session: SignedIn,
  masterKey: Buffer,
  id: string,
  confirmed: { unsigned: boolean },
): Promise<SentDraft> {
  const { database } = context;
  const accountId = session.account.id;
  const draft = await openDraft(database, session, masterKey, id);
  const { letter, bad } = readContent(draft.content, draft.origin);
  const problems: DraftProblem[] = bad.length > 0 ? [{ code: 'bad-addresses', addresses: bad }] : [];
  problems.push(...lengthProblems(draft.content));
  // Of a marked one nobody is asked: it is refused.
  const mayConfirm = chosenMarking(letter.marking) === null;
  if (mayConfirm && letter.encrypt && !letter.sign && !confirmed.unsigned)
    problems.push({ code: 'unsigned-unconfirmed' });
  if (problems.length > 0) return { ok: false, problems };
  const sent = await withDraftKeys(database, accountId, masterKey, async (keys): Promise<SentDraft> => {
    const attachments = draft.attachments.map((row) => openAttachment(database, accountId, keys, row));
    const scanned = await scanBeforeSending(context, session, attachments);
    if (scanned.problems.length > 0) return { ok: false, problems: scanned.problems };
    const result = await sendLetter(context, session, {
      ...letter,
      nonce: draft.nonce,
      text: draft.content.text,
      askReceipt: draft.content.askReceipt ?? false,
      attachments,
      inReplyTo: draft.origin.inReplyTo,
      references: draft.origin.references,
      answersHidden: draft.origin.hideSubject,
      draftId: draft.id,
      origin: draft.origin,
    });
    if (!result.ok) return result;
    for (const { sha256 } of scanned.unscanned)
      await recordScan(context, session, { sha256, result: 'done', reason: 'sent-unscanned' });
    return { ok: true, letterId: result.letterId, unscanned: scanned.unscanned.map(({ name }) => name) };
  });
  if (sent.ok) flagSource(context, session, draft.origin);
  return sent;
}

/** A comfort for the list: nobody waits for it, and a mailbox that does not answer changes nothing. */
function flagSource(context: Context, session: SignedIn, { source, mode }: DraftOrigin): void {
  if (source === null) return;
  const messages = { folder: source.folder, uidValidity: BigInt(source.uidValidity), uids: [source.uid] };
  const flag = mode === 'forward' ? 'forwarded' : 'answered';
  void mailboxOf(context, session)
    .run((connection) => setFlag(connection, messages, flag, true))
    .catch(() => {});
}
