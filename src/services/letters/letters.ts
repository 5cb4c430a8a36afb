import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';
import { withDraftKeys } from '../drafts/drafts.ts';
import {
  type DeliveryState,
  deliveryState,
  type EventRow,
  type ReceiptEvent,
  type ReportedEvent,
  receiptEvents,
  reportedEvents,
  serversOfDomains,
} from '../evidence/delivery-state.ts';
import type { SignedIn } from '../sessions/session.ts';
import { namedIn, openHead, subjectOnTheWay } from './letter-head.ts';
import { chosenMarking } from './marking-policy.ts';
import type { LetterHead } from './outbox-enqueue.ts';
import type { RecipientState } from './outbox-results.ts';

const LIST_LIMIT = 100;

/** `sending`: a node works on it now; `waiting`: for the sender's sign-in, or for the next attempt. */
export type LetterProgress = 'waiting-for-sign-in' | 'queued' | 'sending' | 'filing' | 'done' | 'failed' | 'cancelled';

const WITH_EVENTS = {
  envelopes: {
    include: {
      recipients: { include: { events: { include: { report: { select: { recordedAt: true } } } } } },
      log: { orderBy: { startedAt: 'asc' } },
    },
  },
} as const satisfies Prisma.LetterInclude;
type LetterRow = Prisma.LetterGetPayload<{ include: typeof WITH_EVENTS }>;
type RecipientRow = LetterRow['envelopes'][number]['recipients'][number];

export type LetterLine = {
  id: string;
  createdAt: Date;
  subject: string;
  /** What the sender wrote is sealed under keys that were lost (T26) */
  isLost: boolean;
  recipients: string[];
  /** Null without one */
  marking: string | null;
  signed: boolean;
  encrypted: boolean;
  progress: LetterProgress;
  accepted: number;
  failed: number;
  /** Of those accepted, by what reports say */
  reported: Record<DeliveryState, number>;
  total: number;
};

/** The newest letters with their state, opened for the list. */
export async function listLetters(context: Context, session: SignedIn, masterKey: Uint8Array): Promise<LetterLine[]> {
  const { database } = context;
  const accountId = session.account.id;
  const rows = await database.prisma.letter.findMany({
    where: { accountId },
    include: WITH_EVENTS,
    orderBy: { createdAt: 'desc' },
    take: LIST_LIMIT,
  });
  if (rows.length === 0) return [];
  const serversOf = await serversOfRecipients(database, rows);
  return withDraftKeys(database, accountId, masterKey, async (keys) =>
    rows.map((row) => {
      const head = openHead(keys, row);
      const recipients = row.envelopes.flatMap((envelope) => envelope.recipients);
      const states = recipients.map((recipient) => recipient.state);
      const events = recipients.map((recipient) => reportedEvents(eventRows(recipient), serversOf(recipient.address)));
      return {
        id: row.id,
        createdAt: row.createdAt,
        subject: subjectOnTheWay(head),
        recipients: head.isLost
          ? recipients.map((recipient) => recipient.address)
          : [...head.to, ...head.cc, ...head.bcc].map((one) => one.name || one.address),
        isLost: head.isLost,
        marking: chosenMarking(head.marking),
        signed: row.signed,
        encrypted: row.encrypted,
        progress: progressOf(row, context.now()),
        accepted: states.filter((state) => state === 'accepted').length,
        failed: states.filter((state) => state === 'refused' || state === 'given-up').length,
        reported: countStates(events.map(deliveryState)),
        total: states.length,
      };
    }),
  );
}

export type RecipientEvidence = {
  name: string;
  address: string;
  /** In which field the sender named this recipient */
  field: 'to' | 'cc' | 'bcc';
  state: RecipientState;
  code: number | null;
  answer: string | null;
  at: Date | null;
  attempts: { startedAt: Date; finishedAt: Date | null; outcome: string | null; answer: string | null }[];
  nextAttemptAt: Date;
  givesUpAt: Date;
  envelopeId: string;
  contentSha256: string | null;
  /** False where the mail server that took it offers no reports */
  reportsAsked: boolean;
  events: ReportedEvent[];
  receipts: ReceiptEvent[];
  delivery: DeliveryState;
};

export type LetterView = Omit<LetterLine, 'recipients'> & {
  receiptAsked: boolean;
  messageId: string;
  filedAt: Date | null;
  head: LetterHead;
  recipients: RecipientEvidence[];
  mayCancel: boolean;
};

/** @throws AppError not-found */
export async function readLetter(
  context: Context,
  session: SignedIn,
  masterKey: Uint8Array,
  id: string,
): Promise<LetterView> {
  const accountId = session.account.id;
  const row = await context.database.prisma.letter.findFirst({
    where: { id, accountId },
    include: WITH_EVENTS,
  });
  if (!row) throw new AppError('not-found');
  const head = await withDraftKeys(context.database, accountId, masterKey, async (keys) => openHead(keys, row));
  const serversOf = await serversOfRecipients(context.database, [row]);
  const recipients = row.envelopes.flatMap((envelope) =>
    envelope.recipients.map((recipient): RecipientEvidence => {
      const named = namedIn(head, recipient.address);
      const events = reportedEvents(eventRows(recipient), serversOf(recipient.address));
      return {
        ...named,
        address: recipient.address,
        state: recipient.state as RecipientState,
        code: recipient.smtpCode,
        answer: recipient.answer,
        at: recipient.at,
        attempts: envelope.log,
        nextAttemptAt: envelope.nextAttemptAt,
        givesUpAt: envelope.givesUpAt,
        envelopeId: envelope.envelopeId,
        contentSha256: envelope.contentSha256,
        reportsAsked: envelope.reportsAsked !== false,
        events,
        receipts: receiptEvents(eventRows(recipient)),
        delivery: deliveryState(events),
      };
    }),
  );
  const order = { to: 0, cc: 1, bcc: 2 } as const;
  recipients.sort((a, b) => order[a.field] - order[b.field] || a.address.localeCompare(b.address));
  return {
    id: row.id,
    createdAt: row.createdAt,
    messageId: row.messageId,
    filedAt: row.filedAt,
    receiptAsked: row.receiptAsked,
    subject: head.subject,
    isLost: head.isLost,
    marking: chosenMarking(head.marking),
    signed: row.signed,
    encrypted: row.encrypted,
    progress: progressOf(row, context.now()),
    head,
    recipients,
    accepted: recipients.filter((one) => one.state === 'accepted').length,
    failed: recipients.filter((one) => one.state === 'refused' || one.state === 'given-up').length,
    reported: countStates(recipients.map((one) => one.delivery)),
    total: recipients.length,
    mayCancel: row.state === 'queued' && recipients.every((one) => one.state === 'queued'),
  };
}

function eventRows({ events }: RecipientRow): EventRow[] {
  return events.map(({ report, ...event }) => ({ ...event, recordedAt: report.recordedAt }));
}

function serversOfRecipients(database: Database, rows: readonly LetterRow[]) {
  const recipients = rows.flatMap((row) => row.envelopes.flatMap((envelope) => envelope.recipients));
  return serversOfDomains(
    database,
    recipients.map(({ address }) => address),
  );
}

function countStates(states: readonly DeliveryState[]): Record<DeliveryState, number> {
  const count = (state: DeliveryState) => states.filter((each) => each === state).length;
  return {
    none: count('none'),
    delayed: count('delayed'),
    relayed: count('relayed'),
    'handed-over': count('handed-over'),
    delivered: count('delivered'),
    failed: count('failed'),
  };
}

/** What was reported up to then was seen by its sender. */
export async function noteReportsSeen(context: Context, session: SignedIn, id: string, at: Date): Promise<void> {
  const where = { id, accountId: session.account.id };
  await context.database.prisma.letter.updateMany({ where, data: { reportsSeenAt: at } });
}

/** Of a message in the mailbox that was sent from here: its evidence. */
export async function letterOfMessageId(
  database: Database,
  accountId: string,
  messageId: string | null,
): Promise<string | null> {
  if (messageId === null) return null;
  const row = await database.prisma.letter.findFirst({ where: { accountId, messageId }, select: { id: true } });
  return row?.id ?? null;
}

/** The letter that was made of a draft's form, where there is one: the second click of a double click finds it. */
export async function letterOfNonce(database: Database, accountId: string, nonce: string): Promise<string | null> {
  const row = await database.prisma.letter.findUnique({
    where: { accountId_nonce: { accountId, nonce } },
    select: { id: true },
  });
  return row?.id ?? null;
}

/** How many letters of this account have not arrived at the server yet, for the navigation. */
export function waitingLetters(database: Database, accountId: string): Promise<number> {
  return database.prisma.letter.count({ where: { accountId, state: 'queued' } });
}

function progressOf(row: LetterRow, at: Date): LetterProgress {
  if (row.state === 'submitted') return 'filing';
  if (row.state !== 'queued') return row.state;
  if (row.claimedUntil !== null && row.claimedUntil > at) return 'sending';
  return row.waitingForSignIn ? 'waiting-for-sign-in' : 'queued';
}
