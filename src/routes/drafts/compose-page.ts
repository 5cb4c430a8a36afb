import type { FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { type Address, addressKey } from '../../mail/address.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import type { RecipientMark } from '../../services/contacts/contact-marks.ts';
import { addressesInDirectory } from '../../services/contacts/directory.ts';
import { MAX_ATTACHMENTS, openAttachment } from '../../services/drafts/draft-attachments.ts';
import { checkDraft, type DraftProblem } from '../../services/drafts/draft-sending.ts';
import { type OpenedDraft, withDraftKeys } from '../../services/drafts/drafts.ts';
import { encryptionIdentity, signingIdentity } from '../../services/identities/own-keys.ts';
import {
  chosenMarking,
  HANDLING_LIMIT,
  isInstructed,
  type MarkingChoice,
  type MarkingPolicy,
} from '../../services/letters/marking-policy.ts';
import { draftScanStates } from '../../services/scanning/scan-draft.ts';
import { draftScanMark } from '../scan-words.ts';
import { composeChecks, megabytes, problemText } from './compose-checks.ts';
import { markWords, shortThumbprint } from './mark-words.ts';
import { subjectWords } from './subject-words.ts';

type Slip = ReturnType<typeof markWords> & { drop: string };

/**
 * Everything the compose page shows, ready to be written down.
 * @param refused why the letter did not leave just now; null when nobody tried
 */
export async function composePage(
  context: Context,
  request: FastifyRequest,
  draft: OpenedDraft,
  refused: readonly DraftProblem[] | null = null,
) {
  const session = signedIn(request);
  const { formats } = request;
  const { t } = formats;
  const { database } = context;
  const at = context.now();
  const [{ letter, marks, problems }, signer, own, attachments] = await Promise.all([
    checkDraft(context, session, draft),
    signingIdentity(database, session.account, at),
    encryptionIdentity(database, session.account, at),
    withDraftKeys(database, session.account.id, unlockedKey(request), async (keys) =>
      draft.attachments.map((row) => openAttachment(database, session.account.id, keys, row)),
    ),
  ]);
  const known = new Map(marks.map((mark) => [addressKey(mark.address), mark]));
  const scans = await draftScanStates(context, attachments);
  const slipsOf = (list: readonly Address[]) => list.flatMap((one) => slipOf(formats, one, known));
  const missing = letter.encrypt ? marks.filter((mark) => !mark.usable) : [];
  const listed = await addressesInDirectory(context, session, lacking(missing));
  const all = [
    ...problems,
    ...(refused ?? []).filter((problem) => !problems.some((each) => each.code === problem.code)),
  ];
  const { content, origin } = draft;
  const words = subjectWords(formats, { encrypt: letter.encrypt, marks, answersHidden: origin.hideSubject });
  return {
    title: t(`drafts.title.${origin.mode}`),
    place: 'compose',
    draft: {
      id: draft.id,
      version: draft.version,
      nonce: draft.nonce,
      savedAt: draft.savedAt,
      ...content,
      encrypt: letter.encrypt,
      mustEncrypt: origin.mustEncrypt,
      hideSubject: origin.hideSubject,
    },
    marking: markingView(formats, letter.marking, origin.marking, session.account.country.programme.markingPolicy),
    subjectWords: words.text,
    slips: { to: slipsOf(letter.to), cc: slipsOf(letter.cc), bcc: slipsOf(letter.bcc) },
    bccShown: content.bcc.trim() !== '',
    missing: missing.map((mark) => wayFor(formats, mark, listed)),
    attachments: attachments.map((one, at) => ({
      id: one.id,
      name: formats.plainName(one.name),
      about: formats.size(one.size),
      scan: draftScanMark(formats, scans?.[at]),
    })),
    attachmentHint: t('drafts.attachments.hint', {
      count: MAX_ATTACHMENTS,
      limit: megabytes(context.config.attachmentLimitBytes),
    }),
    faults: refused === null ? [] : all.map((problem) => problemText(formats, problem)),
    badAddresses: all.flatMap((problem) => (problem.code === 'bad-addresses' ? problem.addresses : [])),
    checks: composeChecks(formats, {
      problems: all,
      letter,
      subject: content.subject,
      subjectWords: words,
      mustEncrypt: origin.mustEncrypt,
      attachments: attachments.length,
      signer: signer && { address: session.account.address, sha256: signer.sha256 },
    }),
    askUnsigned: letter.encrypt && !letter.sign && chosenMarking(letter.marking) === null,
    quoteWithheld: origin.quoteWithheld === null ? null : t(`drafts.quote.withheld.${origin.quoteWithheld}`),
    mayAddQuote: origin.quoteWithheld !== null && origin.quoteWithheld !== 'closed',
    readers: letter.encrypt ? readersOf(formats, marks, own?.sha256 ?? null) : [],
    stopped: all.length > 0,
  };
}

/** The choice as the form offers it; where the answered message has a marking, there is less to choose. */
function markingView({ t }: Formats, choice: MarkingChoice, kept: string | null, policy: MarkingPolicy) {
  // Only where a decision is wanted, saying nothing is not the same as none.
  const kind = choice.kind === 'undecided' && policy !== 'decide' ? 'none' : choice.kind;
  return {
    kind,
    handling: choice.handling,
    kept,
    fixed: kept !== null && isInstructed(kept),
    handlingHint: t('drafts.marking.handling.hint', { limit: HANDLING_LIMIT }),
    compulsory: policy === 'optional' ? null : t(`drafts.marking.policy.${policy}`),
  };
}

function slipOf(formats: Formats, one: Address, known: ReadonlyMap<string, RecipientMark>): Slip[] {
  const mark = known.get(addressKey(one.address));
  return mark ? [{ ...markWords(formats, mark, one.name), drop: one.address }] : [];
}

const REPLACEABLE: readonly (string | null)[] = ['no-contact', 'no-digital-id', 'expired', 'revoked'];

/** For whom another Digital ID would help: one that is there and not trusted is another matter. */
function lacking(marks: readonly RecipientMark[]): string[] {
  return marks.filter((mark) => REPLACEABLE.includes(mark.reason)).map((mark) => mark.address);
}

/** What to do about somebody nothing can be encrypted to (T18). */
function wayFor(formats: Formats, mark: RecipientMark, listed: ReadonlySet<string>) {
  const words = markWords(formats, mark, '');
  return {
    ...words,
    title: formats.t('drafts.way.title', { name: words.name }),
    directoryHref: listed.has(addressKey(mark.address))
      ? `/contacts/directory?q=${encodeURIComponent(mark.address)}`
      : null,
    askHref: `/contacts/link?to=${encodeURIComponent(mark.address)}`,
    contactHref: mark.contactId === null ? '/contacts' : `/contacts/${mark.contactId}`,
  };
}

function readersOf(formats: Formats, marks: readonly RecipientMark[], own: string | null) {
  const { t, date } = formats;
  const readers = marks.map((mark) => ({
    name: markWords(formats, mark, '').name,
    until: mark.usable && mark.until ? t('drafts.readers.until', { date: date(mark.until) }) : '',
    why: mark.usable ? shortThumbprint(formats, mark.sha256 ?? '') : t('drafts.readers.not'),
    usable: mark.usable,
  }));
  if (own === null) return readers;
  const you = {
    name: t('drafts.readers.you'),
    until: t('drafts.readers.sent'),
    why: shortThumbprint(formats, own),
    usable: true,
  };
  return [...readers, you];
}
