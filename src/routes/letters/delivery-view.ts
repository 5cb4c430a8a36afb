import type { Formats } from '../../i18n/formats.ts';
import { type DeliveryState, type ReportedEvent, wasDelayed } from '../../services/evidence/delivery-state.ts';
import type { RecipientEvidence } from '../../services/letters/letters.ts';
import type { Event, Look } from './letter-view.ts';

type Shown = { look: Look; icon: string };

const STATES: Record<Exclude<DeliveryState, 'none'>, Shown> = {
  delayed: { look: 'wait', icon: 'clock' },
  relayed: { look: 'ok', icon: 'server' },
  'handed-over': { look: 'ok', icon: 'inbox' },
  delivered: { look: 'ok', icon: 'tick' },
  failed: { look: 'failed', icon: 'cross' },
};

/** What reports say of a recipient in the end; null as long as they say nothing. */
export function deliveryMark({ t }: Formats, { delivery, events }: RecipientEvidence) {
  if (delivery === 'none') return null;
  const late = (delivery === 'handed-over' || delivery === 'delivered') && wasDelayed(events);
  return { ...STATES[delivery], text: t(`evidence.state.${late ? `${delivery}-late` : delivery}`) };
}

/** What happened after the mail server took it, and what is still to come. */
export function deliveryEvents(formats: Formats, recipient: RecipientEvidence): Event[] {
  const { t, dateTime } = formats;
  const events = recipient.events.map((event) => eventOf(formats, event));
  const later = (title: string, why: string): Event => ({
    look: 'later',
    icon: 'inbox',
    title,
    at: null,
    why,
    answer: '',
  });
  if (recipient.delivery === 'delayed') {
    const until = recipient.events.findLast((event) => event.willRetryUntil !== null)?.willRetryUntil;
    const why = until ? t('evidence.later.until', { date: dateTime(until) }) : t('evidence.later.delayed');
    return [...events, later(t('evidence.later'), why)];
  }
  if (recipient.delivery !== 'none') return events;
  return [
    ...events,
    later(t('evidence.later.none'), t(recipient.reportsAsked ? 'evidence.later.none.why' : 'evidence.later.unasked')),
  ];
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
