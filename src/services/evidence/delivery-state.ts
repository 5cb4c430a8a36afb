import type { Database } from '../database/connect.ts';
import { ownHostsOf } from './report-servers.ts';

/**
 * - `none`: no report yet
 * - `delayed`: a server still tries
 * - `relayed`: on to a server that reports nothing more, or to a list
 * - `handed-over`: the recipient's own mail server gave it to the mailbox server, which says nothing of mailboxes (RFC 3464
 *   section 2.3.3: `relayed`)
 * - `delivered`, `failed`: the last word
 */
export type DeliveryState = 'none' | 'delayed' | 'relayed' | 'handed-over' | 'delivered' | 'failed';

/** What one report says of one recipient, as the page and the evidence show it. */
export type ReportedEvent = {
  reportId: string;
  kind: Exclude<DeliveryState, 'none'>;
  /** Without an envelope id: told, but it decides nothing */
  hint: boolean;
  at: Date;
  recordedAt: Date;
  status: string | null;
  reportingMta: string | null;
  remoteMta: string | null;
  answer: string | null;
  willRetryUntil: Date | null;
};

export type EventRow = Omit<ReportedEvent, 'kind' | 'hint'> & {
  action: string;
  proof: 'envelope' | 'hint';
  signature: string | null;
};

/** What a reader's receipt says; `signed` with whether its signature was trusted when it came. */
export type ReceiptEvent = {
  reportId: string;
  disposition: 'displayed' | 'deleted' | 'denied' | 'other';
  signed: 'trusted' | 'untrusted' | null;
  /** The program that says so, or the name in the certificate */
  by: string | null;
  at: Date;
};

const DISPOSITIONS: Record<string, ReceiptEvent['disposition']> = {
  'receipt-displayed': 'displayed',
  'receipt-deleted': 'deleted',
  'receipt-denied': 'denied',
};

export function receiptEvents(rows: readonly EventRow[]): ReceiptEvent[] {
  const receipts = rows.filter(({ action }) => action.startsWith('receipt-'));
  return receipts
    .map(({ reportId, action, signature, answer, at }): ReceiptEvent => {
      const signed = signature === 'trusted' || signature === 'untrusted' ? signature : null;
      return { reportId, disposition: DISPOSITIONS[action] ?? 'other', signed, by: answer, at };
    })
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

const KINDS: Record<string, ReportedEvent['kind']> = {
  failed: 'failed',
  delayed: 'delayed',
  delivered: 'delivered',
  relayed: 'relayed',
  expanded: 'relayed',
};

/**
 * In the order in which it happened.
 * @param ownServers names of the recipient's own mail server, in lower case
 */
export function reportedEvents(rows: readonly EventRow[], ownServers: ReadonlySet<string>): ReportedEvent[] {
  const events = rows.flatMap(({ action, proof, signature: _, ...rest }): ReportedEvent[] => {
    const kind = KINDS[action];
    if (kind === undefined) return [];
    const byOwn = ownServers.has((rest.reportingMta ?? '').toLowerCase());
    return [
      {
        ...rest,
        kind: kind === 'relayed' && action === 'relayed' && byOwn ? 'handed-over' : kind,
        hint: proof === 'hint',
      },
    ];
  });
  return events.sort((a, b) => a.at.getTime() - b.at.getTime() || a.recordedAt.getTime() - b.recordedAt.getTime());
}

const LAST_WORDS: ReadonlySet<DeliveryState> = new Set(['handed-over', 'delivered', 'failed']);

/** What is known in the end: of last words the last one, else the last event. Hints say nothing here. */
export function deliveryState(events: readonly ReportedEvent[]): DeliveryState {
  const counting = events.filter((event) => !event.hint);
  const last = counting.findLast(({ kind }) => LAST_WORDS.has(kind)) ?? counting.at(-1);
  return last?.kind ?? 'none';
}

export function wasDelayed(events: readonly ReportedEvent[]): boolean {
  return events.some((event) => event.kind === 'delayed' && !event.hint);
}

/** Names of the mail servers of these recipients, by domain: those of the countries served here. */
export async function serversOfDomains(
  database: Database,
  addresses: readonly string[],
): Promise<(address: string) => ReadonlySet<string>> {
  const domains = [...new Set(addresses.map(domainOf))];
  const countries = await database.prisma.country.findMany({
    where: { domain: { in: domains, mode: 'insensitive' } },
    include: { mailServer: true },
  });
  const servers = new Map(countries.map(({ domain, mailServer }) => [domain.toLowerCase(), ownHostsOf(mailServer)]));
  const none: ReadonlySet<string> = new Set();
  return (address) => servers.get(domainOf(address)) ?? none;
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}
