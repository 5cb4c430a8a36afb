/** The marking of sensitive non-classified mail (S06): its text, where the subject says it, and what a signature binds. */
import type { AssessedSigner } from './assess-signer.ts';
import type { Marking, SignatureClaim } from './verdict.ts';

export const SENSITIVE = 'SENSITIVE';
export const MAX_HANDLING_CHARACTERS = 60;

/** More than any program puts there; a sender could write thousands. */
const MAX_ROUNDS = 20;
const MAX_INSTRUCTED = 400;

/** Letters, digits and what stands in a sentence; nothing that could end the marking, the line, or turn the text around it. */
const HANDLING = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,;()/&+'’-]*$/u;
/** What programs put before the subject of an answer. */
const ANSWERS = /^\s*(?:(?:re|aw|antw|réf|rép|fwd?|wg|tr)\s*:\s*)*/iu;
const SAID = /^SENSITIVE(?![\p{L}\p{M}\p{N}_])/u;
/** A blank before the dash: within an instruction there is none, so it ends where it was meant to. */
const INSTRUCTED = /^\s*:\s*([^:]{1,200}?)\s+[-–—](?:\s+|$)/u;
const SEPARATOR = /^\s*[:–—-]?\s*/u;

export type HandlingFault = 'missing' | 'too-long' | 'characters';

/** As it is written: one line, single blanks. */
export function tidyHandling(typed: string): string {
  return typed.normalize('NFC').replace(/\s+/g, ' ').trim();
}

/** What is wrong with a handling instruction, tidied; null when nothing is. */
export function handlingFault(handling: string): HandlingFault | null {
  if (handling === '') return 'missing';
  if (handling.length > MAX_HANDLING_CHARACTERS) return 'too-long';
  return HANDLING.test(handling) && !/ -(?: |$)/.test(handling) ? null : 'characters';
}

/** `SENSITIVE`, or with the handling instruction after it. */
export function markingOf(handling: string | null): string {
  return handling === null ? SENSITIVE : `${SENSITIVE}: ${handling}`;
}

/** The instruction of a marking; null when it has none. */
export function handlingOf(marking: string): string | null {
  return marking.startsWith(`${SENSITIVE}: `) ? marking.slice(SENSITIVE.length + 2) : null;
}

/** A text from a label as a marking; null for everything that is none: no foreign words are shown as one. */
export function readMarking(text: string): string | null {
  if (text === SENSITIVE) return text;
  const handling = handlingOf(text);
  return handling !== null && handlingFault(handling) === null ? text : null;
}

/** The marking that a subject begins with, also after the prefixes of an answer; null without one. */
export function markingInSubject(subject: string): string | null {
  return split(subject)?.marking ?? null;
}

/** The subject without markings at its beginning; of an answer the prefix stays. */
export function withoutMarking(subject: string): string {
  let rest = subject;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const parts = split(rest);
    if (parts === null) return rest;
    rest = answersIn(parts.rest) === '' ? parts.answers.trimStart() + parts.rest : parts.rest;
  }
  return rest;
}

/** The subject with the marking in front, once, however often it was answered. */
export function withMarking(subject: string, marking: string): string {
  const rest = withoutMarking(subject).trim();
  if (rest !== '') return `${marking} - ${rest}`;
  return handlingOf(marking) === null ? marking : `${marking} -`;
}

function split(subject: string): { answers: string; marking: string; rest: string } | null {
  const answers = answersIn(subject);
  const after = subject.slice(answers.length);
  if (!SAID.test(after)) return null;
  const tail = after.slice(SENSITIVE.length);
  const instructed = INSTRUCTED.exec(tail.slice(0, MAX_INSTRUCTED));
  const handling = tidyHandling(instructed?.[1] ?? '');
  if (instructed !== null && handlingFault(handling) === null) {
    return { answers, marking: markingOf(handling), rest: tail.slice(instructed[0].length) };
  }
  return { answers, marking: SENSITIVE, rest: tail.replace(SEPARATOR, '') };
}

function answersIn(subject: string): string {
  return ANSWERS.exec(subject)?.[0] ?? '';
}

/**
 * The marking of a message. It is bound where the trusted signature that makes the claim has it; what the subject alone says,
 * or the label of somebody who is not trusted, anybody can have written.
 */
export function decideMarking(
  claim: SignatureClaim,
  signers: readonly AssessedSigner[],
  subject: string,
): Marking | null {
  const label = ['none', 'partial', 'invalid'].includes(claim.status) ? null : labelOf(signers);
  const text = label ?? markingInSubject(subject);
  return text === null ? null : { text, bound: label !== null && claim.status === 'trusted' };
}

/** All signers have to say the same (RFC 2634 section 3). */
function labelOf(signers: readonly AssessedSigner[]): string | null {
  const labels = new Set(signers.map(({ check }) => (check.intact ? (check.attributes?.privacyMark ?? null) : null)));
  const [label = null] = labels;
  return labels.size === 1 && label !== null ? readMarking(label) : null;
}
