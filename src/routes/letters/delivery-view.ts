import type { Formats } from '../../i18n/formats.ts';
import {
  type DeliveryState,
  type ReceiptEvent,
  type ReportedEvent,
  wasDelayed,
} from '../../services/evidence/delivery-state.ts';
import type { RecipientEvidence } from '../../services/letters/letters.ts';

export type Look = 'ok' | 'wait' | 'failed' | 'later';
export type Event = { look: Look; icon: string; title: string; at: Date | null; why: string; answer: string };

type Shown = { look: Look; icon: string };

const STATES: Record<Exclude<DeliveryState, 'none'>, Shown> = {
  delayed: { look: 'wait', icon: 'clock' },
  relayed: { look: 'ok', icon: 'server' },
  'handed-over': { look: 'ok', icon: 'inbox' },
  delivered: { look: 'ok', icon: 'tick' },
  failed: { look: 'failed', icon: 'cross' },
};

/** What reports say of a recipient in the end; null as long as they say nothing. */
export function deliveryMark({ t }: Formats, { delivery, events, receipts }: RecipientEvidence) {
  const opened = receipts.filter(({ disposition }) => disposition === 'displayed');
  if (opened.some(({ signed }) => signed === 'trusted'))
    return { look: 'ok' as const, icon: 'seal', text: t('evidence.state.read-signed') };
  // Anybody could have written the others: they outweigh no report of a server.
  if (opened.length > 0 && delivery !== 'failed' && delivery !== 'delayed')
    return { look: 'ok' as const, icon: 'eye', text: t('evidence.state.read') };
  if (delivery === 'none') return null;
  const late = (delivery === 'handed-over' || delivery === 'delivered') && wasDelayed(events);
  return { ...STATES[delivery], text: t(`evidence.state.${late ? `${delivery}-late` : delivery}`) };
}

/** What happened after the mail server took it, and what is still to come. */
export function deliveryEvents(formats: Formats, recipient: RecipientEvidence): Event[] {
  const { t, dateTime } = formats;
  const { delivery, reportsAsked } = recipient;
  const events = [
    ...recipient.events.map((event) => eventOf(formats, event)),
    ...recipient.receipts.map((receipt) => receiptOf(formats, receipt)),
  ];
  const later = (title: string, why: string): Event => {
    return { look: 'later', icon: 'inbox', title, at: null, why, answer: '' };
  };
  if (delivery === 'delayed') {
    const until = recipient.events.findLast((event) => event.willRetryUntil !== null)?.willRetryUntil;
    const why = until ? t('evidence.later.until', { date: dateTime(until) }) : t('evidence.later.delayed');
    return [...events, later(t('evidence.later'), why)];
  }
  if (delivery !== 'none' || recipient.receipts.length > 0) return events;
  const why = t(reportsAsked ? 'evidence.later.none.why' : 'evidence.later.unasked');
  return [...events, later(t('evidence.later.none'), why)];
}

function receiptOf({ t, plainName }: Formats, { disposition, signed, by, at }: ReceiptEvent): Event {
  const name = plainName(by ?? '');
  const who = signed === null ? 'program' : signed;
  const words = name === '' ? t(`evidence.receipt.${who}`) : t(`evidence.receipt.${who}.by`, { name });
  return {
    look: signed === 'trusted' ? 'ok' : 'later',
    icon: signed === 'trusted' ? 'seal' : 'eye',
    title: t(`evidence.receipt.disposition.${disposition}`),
    at,
    why: words,
    answer: '',
  };
}

function eventOf({ t, has, plainName }: Formats, event: ReportedEvent): Event {
  const server = plainName(event.reportingMta ?? '');
  const why = [
    ...(event.hint ? [t('evidence.event.hint')] : []),
    server === '' ? t(`evidence.event.${event.kind}.why`) : t(`evidence.event.${event.kind}.by`, { server }),
    ...reasonOf(t, has, event),
  ];
  return {
    ...(event.hint ? { look: 'later' as const, icon: 'dash' } : STATES[event.kind]),
    title: t(`evidence.event.${event.kind}`),
    at: event.at,
    why: why.join(' '),
    answer: [event.status, event.answer].filter(Boolean).join(' '),
  };
}

/** RFC 3463: subject and detail say what is the matter; the class only, whether for ever. */
function reasonOf(t: Formats['t'], has: Formats['has'], { kind, status }: ReportedEvent): string[] {
  if ((kind !== 'failed' && kind !== 'delayed') || status === null) return [];
  const key = `evidence.status.${status.split('.').slice(1).join('-')}`;
  return has(key) ? [t(key)] : [];
}
