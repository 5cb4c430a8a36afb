import type { Formats } from '../../../i18n/formats.ts';
import type { Hop, HopDelivery, TracedLetter } from '../../../services/tracing/trace-message.ts';

type Step = { look: string; icon: string; title: string; at: Date | null; why: string; answer: string };

const OUTCOMES: Record<HopDelivery['outcome'], { look: string; icon: string }> = {
  sent: { look: 'ok', icon: 'tick' },
  deferred: { look: 'wait', icon: 'clock' },
  bounced: { look: 'failed', icon: 'cross' },
  expired: { look: 'failed', icon: 'cross' },
  other: { look: 'later', icon: 'dash' },
};

/** What the sender's own server said to each recipient. */
export function letterSteps({ t, plainName }: Formats, letter: TracedLetter): Step[] {
  return letter.recipients.map(({ address, state, at, answer }) => ({
    ...(state === 'accepted' ? OUTCOMES.sent : state === 'queued' ? OUTCOMES.deferred : OUTCOMES.bounced),
    title: t(`letters.recipient.${state}`),
    at: at ?? letter.createdAt,
    why: plainName(address),
    answer: answer ?? '',
  }));
}

/** One relay as a lane: came in, what became of it for each recipient, reports, gone. */
export function hopView(formats: Formats, hop: Hop) {
  const { t, plainName } = formats;
  const received: Step = {
    look: 'ok',
    icon: 'download',
    title: t('evidence.trace.received'),
    at: hop.receivedAt,
    why:
      hop.client === null
        ? t('evidence.trace.received.own')
        : t('evidence.trace.from', { server: plainName(hop.client) }),
    answer: '',
  };
  const steps = [
    ...hop.deliveries.map((delivery) => deliveryStep(formats, delivery)),
    ...hop.remarks.map(
      ({ at, text }): Step => ({ ...OUTCOMES.other, title: t('evidence.trace.remark'), at, why: '', answer: text }),
    ),
    ...hop.notifications.map(({ kind, queueId, at }): Step => {
      const why = t('evidence.trace.notified.as', { queueId });
      return { look: 'ok', icon: 'sent', title: t(`evidence.trace.notified.${kind}`), at, why, answer: '' };
    }),
  ].sort((a, b) => (a.at?.getTime() ?? 0) - (b.at?.getTime() ?? 0));
  return {
    relay: hop.relay,
    queueId: hop.queueId,
    isDone: hop.doneAt !== null,
    doneAt: hop.doneAt,
    steps: [received, ...steps],
  };
}

function deliveryStep({ t, plainName, dateTime }: Formats, delivery: HopDelivery): Step {
  const { outcome, to, relay, status, answer, attempts, first, last } = delivery;
  const server = relay === 'none' ? [] : [t('evidence.trace.via', { server: plainName(relay) })];
  const often = attempts === 1 ? [] : [t('evidence.trace.attempts', { count: attempts, date: dateTime(last) })];
  return {
    ...OUTCOMES[outcome],
    title: t(`evidence.trace.outcome.${outcome}`),
    at: first,
    why: [`${plainName(to)}.`, ...server, ...often].join(' '),
    answer: `${status} ${answer}`,
  };
}
