import type { Formats } from '../../i18n/formats.ts';
import type { LetterLine, LetterProgress, LetterView, RecipientEvidence } from '../../services/letters/letters.ts';
import { deliveryEvents, deliveryMark, type Event, type Look } from './delivery-view.ts';

const PROGRESS: Record<LetterProgress, { look: Look; icon: string }> = {
  'waiting-for-sign-in': { look: 'wait', icon: 'clock' },
  queued: { look: 'wait', icon: 'clock' },
  sending: { look: 'wait', icon: 'sent' },
  filing: { look: 'ok', icon: 'tick' },
  done: { look: 'ok', icon: 'tick' },
  failed: { look: 'failed', icon: 'cross' },
  cancelled: { look: 'later', icon: 'dash' },
};

export function progressMark({ t }: Formats, { progress, reported }: Pick<LetterLine, 'progress' | 'reported'>) {
  if (reported.failed > 0) return { look: 'failed' as const, icon: 'cross', text: t('evidence.progress.failed') };
  return { ...PROGRESS[progress], text: t(`letters.progress.${progress}`) };
}

/** In few words, for the list; who was refused, or not reached in the end, is no detail. */
export function listMark({ t }: Formats, letter: Pick<LetterLine, 'progress' | 'failed' | 'accepted' | 'reported'>) {
  const { reported } = letter;
  if (reported.failed > 0) return { look: 'failed' as const, icon: 'cross', text: t('evidence.short.failed') };
  if (letter.failed > 0 && letter.accepted > 0) {
    return { look: 'failed' as const, icon: 'warning', text: t('letters.short.partly') };
  }
  if (reported.delayed > 0) return { look: 'wait' as const, icon: 'clock', text: t('evidence.short.delayed') };
  if (letter.accepted > 0 && arrived(reported) === letter.accepted) {
    return { look: 'ok' as const, icon: 'inbox', text: t('evidence.short.arrived') };
  }
  return { ...PROGRESS[letter.progress], text: t(`letters.short.${letter.progress}`) };
}

function arrived(reported: LetterLine['reported']): number {
  return reported.delivered + reported['handed-over'];
}

/** How many of how many, by the worst and the furthest that is known. */
export function summaryOf(
  { t, list }: Formats,
  letter: Pick<LetterLine, 'failed' | 'accepted' | 'reported' | 'total'>,
) {
  const { failed, accepted, reported, total } = letter;
  if (failed > 0) return t('letters.summary.failed', { failed, total });
  const parts = [
    ...(arrived(reported) > 0 ? [t('evidence.summary.arrived', { count: arrived(reported), total })] : []),
    ...(reported.delayed > 0 ? [t('evidence.summary.delayed', { count: reported.delayed })] : []),
    ...(reported.failed > 0 ? [t('evidence.summary.failed', { count: reported.failed })] : []),
  ];
  return parts.length === 0 ? t('letters.summary', { accepted, total }) : list(parts);
}

const RECIPIENT: Record<RecipientEvidence['state'], { look: Look; icon: string }> = {
  queued: { look: 'wait', icon: 'clock' },
  accepted: { look: 'ok', icon: 'tick' },
  refused: { look: 'failed', icon: 'cross' },
  'given-up': { look: 'failed', icon: 'cross' },
};

/** One recipient's lane: what is known, in the order in which it happened. */
export function laneOf(formats: Formats, letter: LetterView, recipient: RecipientEvidence) {
  const { t, plainName } = formats;
  const cancelled = letter.progress === 'cancelled';
  const waiting = letter.progress === 'waiting-for-sign-in' && recipient.state === 'queued';
  const state = cancelled ? 'cancelled' : waiting ? 'waiting' : recipient.state;
  const plainMark = {
    ...(cancelled ? PROGRESS.cancelled : RECIPIENT[recipient.state]),
    text: t(`letters.recipient.${state}`),
  };
  return {
    name: plainName(recipient.name || recipient.address),
    address: plainName(recipient.address),
    envelopeId: recipient.envelopeId,
    mark: deliveryMark(formats, recipient) ?? plainMark,
    events: eventsOf(formats, letter, recipient),
  };
}

function eventsOf(formats: Formats, letter: LetterView, recipient: RecipientEvidence): Event[] {
  const { t, dateTime } = formats;
  const queued: Event = {
    look: 'ok',
    icon: 'draft',
    title: t('letters.event.queued'),
    at: letter.createdAt,
    why: t('letters.event.queued.why'),
    answer: '',
  };
  const events = [queued, ...attemptsOf(formats, recipient)];
  if (recipient.state !== 'queued') {
    const after = recipient.state === 'accepted' ? deliveryEvents(formats, recipient) : [];
    return [...events, endOf(formats, recipient), ...after];
  }
  if (letter.progress === 'cancelled') return events;
  const signIn = letter.progress === 'waiting-for-sign-in';
  const later: Event = {
    look: 'later',
    icon: 'clock',
    title: t('letters.event.next'),
    at: recipient.nextAttemptAt,
    why: signIn ? t('letters.event.next.signIn') : t('letters.event.next.why', { date: dateTime(recipient.givesUpAt) }),
    answer: '',
  };
  return [...events, later];
}

/**
 * Attempts that brought this recipient no further. Of many only the last ones, since the first tell nothing more, and each whose
 * answer was not heard: it may have been taken twice.
 */
const SHOWN_ATTEMPTS = 10;

function attemptsOf({ t, has }: Formats, recipient: RecipientEvidence): Event[] {
  const vain = recipient.attempts.filter(
    (attempt) =>
      attempt.finishedAt !== null &&
      !isLast(recipient, attempt) &&
      !isLater(recipient, attempt) &&
      attempt.outcome !== 'accepted',
  );
  const shown = vain.filter(({ outcome }, index) => outcome === 'unknown' || index >= vain.length - SHOWN_ATTEMPTS);
  return shown.map((attempt) => {
    const key = `letters.event.attempt.${attempt.outcome}`;
    return {
      look: 'wait',
      icon: 'clock',
      title: t('letters.event.attempt'),
      at: attempt.startedAt,
      why: t(has(key) ? key : 'letters.event.attempt.other'),
      answer: (decides(recipient, attempt) ? recipient.answer : attempt.answer) ?? '',
    };
  });
}

type Attempt = RecipientEvidence['attempts'][number];

/** The attempt that decided: it is told by its result. */
function isLast(recipient: RecipientEvidence, attempt: Attempt): boolean {
  return recipient.state !== 'queued' && decides(recipient, attempt);
}

/** The attempt whose answer about this recipient is the one that is kept. */
function decides({ at }: RecipientEvidence, { finishedAt }: Attempt): boolean {
  return finishedAt?.getTime() === at?.getTime();
}

/** Made for others of the same envelope, after it was settled for this one. */
function isLater({ state, at }: RecipientEvidence, { startedAt }: Attempt): boolean {
  return state !== 'queued' && at !== null && startedAt >= at;
}

function endOf({ t }: Formats, recipient: RecipientEvidence): Event {
  const { state, at, answer } = recipient;
  if (state === 'accepted') {
    const why = answer === null ? t('letters.event.accepted.report') : '';
    return { look: 'ok', icon: 'upload', title: t('letters.event.accepted'), at, why, answer: answer ?? '' };
  }
  const givenUp = state === 'given-up';
  return {
    look: 'failed',
    icon: 'cross',
    title: t(givenUp ? 'letters.event.given-up' : 'letters.event.refused'),
    at,
    why: givenUp ? t('letters.event.given-up.why') : '',
    answer: answer ?? '',
  };
}
