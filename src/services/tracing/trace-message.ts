import type { Context } from '../../context.ts';
import type { RelayLogLine, RelayLogPlace } from '../../generated/prisma/client.ts';
import { type LoggedDelivery, readClient, readDelivery, readNotification } from '../../mail/postfix-log.ts';
import { administeredProgramme } from '../administration/administered.ts';
import type { SignedIn } from '../sessions/session.ts';

/** What one relay did for one recipient. Attempts with the same result, one after the other, are told once. */
export type HopDelivery = LoggedDelivery & { first: Date; last: Date; attempts: number };

/** A message at one relay, from when it came in until it was gone. */
export type Hop = {
  relay: string;
  queueId: string;
  receivedAt: Date;
  /** Who handed it in, as the relay saw it; null where the log does not say */
  client: string | null;
  deliveries: HopDelivery[];
  notifications: { kind: 'failed' | 'delayed' | 'success'; queueId: string; at: Date }[];
  /** What else the relay said of it, such as that the virus scanner refused it */
  remarks: { at: Date; text: string }[];
  doneAt: Date | null;
};

/** The letter itself, where it was sent from here. */
export type TracedLetter = {
  sender: string;
  createdAt: Date;
  recipients: { address: string; state: string; at: Date | null; answer: string | null }[];
};

export type Trace = { messageId: string; letter: TracedLetter | null; hops: Hop[] };
export type LogState = Pick<RelayLogPlace, 'relay' | 'readAt' | 'failure' | 'gapAt'>;

const MAX_LIVES = 50;
const MAX_LINES = 5_000;
const MAX_REMARKS = 20;

/** The Message-ID as people paste it: with or without brackets, with white space around. Null for what is none. */
export function messageIdFrom(typed: string): string | null {
  const bare = typed
    .trim()
    .replace(/^message-id:\s*/i, '')
    .replace(/^<|>$/g, '');
  return /^[^<>\s]{1,990}$/.test(bare) && bare.includes('@') ? `<${bare}>` : null;
}

/** Each hop of a message over the relays, in the order of time. Looking is recorded: it shows who wrote to whom. */
export async function traceMessage(context: Context, session: SignedIn, messageId: string): Promise<Trace> {
  const { account, network } = session;
  const who = { accountId: account.id, actor: account.address, network };
  await context.audit.record({
    ...who,
    action: 'administration',
    object: messageId,
    result: 'done',
    reason: 'message-traced',
  });
  const named = await context.database.prisma.relayLogLine.findMany({
    where: { messageId },
    orderBy: { id: 'asc' },
    take: MAX_LIVES,
  });
  const hops: Hop[] = [];
  for (const line of named) hops.push(await hopOf(context, line));
  hops.sort((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime());
  return { messageId, letter: await letterOf(context, session, messageId), hops };
}

/** How far the relays' logs are known. */
export function logStates(context: Context): Promise<LogState[]> {
  return context.database.prisma.relayLogPlace.findMany({ orderBy: { relay: 'asc' } });
}

async function letterOf(context: Context, session: SignedIn, messageId: string): Promise<TracedLetter | null> {
  const letter = await context.database.prisma.letter.findFirst({
    where: { messageId, account: { country: { programmeId: administeredProgramme(session).id } } },
    include: { account: true, envelopes: { include: { recipients: { orderBy: { address: 'asc' } } } } },
  });
  if (letter === null) return null;
  const recipients = letter.envelopes.flatMap((envelope) =>
    envelope.recipients.map(({ address, state, at, answer }) => ({ address, state, at, answer })),
  );
  return { sender: letter.account.address, createdAt: letter.createdAt, recipients };
}

/** All lines of this message's time in the queue: a short queue id is used again after it. */
async function hopOf({ database }: Context, named: RelayLogLine): Promise<Hop> {
  const { relay, queueId } = named;
  const of = { relay, queueId };
  const lines = database.prisma.relayLogLine;
  const [before, end] = await Promise.all([
    lines.findFirst({ where: { ...of, text: 'removed', id: { lt: named.id } }, orderBy: { id: 'desc' } }),
    lines.findFirst({ where: { ...of, text: 'removed', id: { gt: named.id } }, orderBy: { id: 'asc' } }),
  ]);
  const all = await lines.findMany({
    where: { ...of, id: { gt: before?.id ?? 0n, ...(end === null ? {} : { lte: end.id }) } },
    orderBy: { id: 'asc' },
    take: MAX_LINES,
  });
  return { ...tellHop(all), ...of, receivedAt: all[0]?.at ?? named.at, doneAt: end?.at ?? null };
}

/** What the lines of one life tell. */
export function tellHop(
  lines: readonly Pick<RelayLogLine, 'at' | 'service' | 'text'>[],
): Pick<Hop, 'client' | 'deliveries' | 'notifications' | 'remarks'> {
  const told: Pick<Hop, 'client' | 'deliveries' | 'notifications' | 'remarks'> = {
    client: null,
    deliveries: [],
    notifications: [],
    remarks: [],
  };
  for (const line of lines) {
    const delivery = readDelivery(line.text);
    const notification = readNotification(line);
    const client = readClient(line);
    if (delivery !== null) addDelivery(told.deliveries, delivery, line.at);
    else if (notification !== null) told.notifications.push({ ...notification, at: line.at });
    else if (client !== null) told.client ??= client;
    else if (/reject|expired|warning|hold|discard/.test(line.text) && told.remarks.length < MAX_REMARKS)
      told.remarks.push({ at: line.at, text: line.text });
  }
  return told;
}

function addDelivery(deliveries: HopDelivery[], delivery: LoggedDelivery, at: Date): void {
  const last = deliveries.findLast(({ to }) => to === delivery.to);
  if (last !== undefined && last.outcome === delivery.outcome && last.answer === delivery.answer) {
    last.last = at;
    last.attempts += 1;
    return;
  }
  deliveries.push({ ...delivery, first: at, last: at, attempts: 1 });
}
