import type { ProgrammePhase } from '../../generated/prisma/client.ts';

const DAY_MS = 86_400_000;
/** In production the next Digital ID may be issued this long before the end of the present one. */
export const RENEWAL_DAYS = 30;

/** What was issued to an account so far, as far as it counts. */
export type IssuedSoFar = {
  /** The one that is not replaced yet */
  open: { id: string; phase: ProgrammePhase; endsAt: Date; revoked: boolean } | null;
  /** When the first one of the test phase ends or ended; null when there was none */
  firstTestEnd: Date | null;
};

export type IssuingQuestion = IssuedSoFar & {
  phase: ProgrammePhase;
  /** Life of a Digital ID in the programme */
  days: number;
  /** When its life begins, and when the issuing authority's own ends */
  notBefore: Date;
  authorityEnd: Date;
  at: Date;
  /** The administrator says that the present one is lost or must not be used any more */
  replaces: boolean;
};

export type IssuingDecision =
  | { ok: true; endsAt: Date; closes: string | null; revokes: boolean }
  | { ok: false; problem: 'already-issued' | 'test-ended' };

/**
 * Whether a Digital ID may be issued, and until when. Test phase: one for each account, not renewable; what replaces it after loss or
 * revocation ends with it (T11). Production: the next one near the end of the present one, which stays for reading.
 */
export function decideIssuing(question: IssuingQuestion): IssuingDecision {
  const { phase, open, firstTestEnd, at, replaces } = question;
  const inTheWay = open !== null && !open.revoked && !replaces && !mayFollow(question, open);
  if (inTheWay) return { ok: false, problem: 'already-issued' };
  const full = question.notBefore.getTime() + question.days * DAY_MS;
  const own = phase === 'test' && firstTestEnd !== null ? firstTestEnd.getTime() : full;
  if (own <= at.getTime()) return { ok: false, problem: 'test-ended' };
  // Certificates have no fractions of seconds.
  const endsAt = new Date(Math.floor(Math.min(own, question.authorityEnd.getTime()) / 1000) * 1000);
  return { ok: true, endsAt, closes: open?.id ?? null, revokes: open !== null && !open.revoked && replaces };
}

/** Whether a new one may stand beside the present one, which goes on to its end. */
function mayFollow({ phase, at }: IssuingQuestion, open: { phase: ProgrammePhase; endsAt: Date }): boolean {
  if (phase === 'test') return open.phase === 'test' && open.endsAt <= at; // the test life has ended: said so
  return open.phase === 'test' || open.endsAt.getTime() - at.getTime() <= RENEWAL_DAYS * DAY_MS;
}
