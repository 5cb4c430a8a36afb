import { z } from 'zod';
import type { MarkingPolicy } from '../../generated/prisma/client.ts';
import { type Address, addressDomain } from '../../mail/address.ts';
import {
  type HandlingFault,
  handlingFault,
  handlingOf,
  MAX_HANDLING_CHARACTERS,
  markingInSubject,
  markingOf,
  tidyHandling,
} from '../../smime/marking.ts';
import { classifiedWords } from './classified-words.ts';

/** What the writer chose, as it stands in the form; `handling` is kept whatever is chosen, so that nothing typed is lost. */
export const MarkingChoiceSchema = z.object({
  kind: z.enum(['undecided', 'none', 'sensitive', 'instructed']),
  handling: z.string(),
});
export type MarkingChoice = z.infer<typeof MarkingChoiceSchema>;

/** Characters. */
export const HANDLING_LIMIT = MAX_HANDLING_CHARACTERS;

export const UNDECIDED: MarkingChoice = { kind: 'undecided', handling: '' };

/** Why a letter does not leave with, or without, its marking. */
export type MarkingProblem =
  | { code: 'classified'; words: string }
  | { code: 'handling-missing' }
  | { code: 'handling-too-long'; limit: number }
  | { code: 'handling-characters' }
  | { code: 'handling-unchosen' }
  | { code: 'marking-in-subject' }
  | { code: 'marking-undecided' }
  | { code: 'marking-outside'; addresses: string[] }
  | { code: 'marked-unencrypted' }
  | { code: 'marked-unsigned' };

export type { MarkingPolicy };

export type MarkedLetter = {
  to: readonly Address[];
  cc: readonly Address[];
  bcc: readonly Address[];
  subject: string;
  sign: boolean;
  encrypt: boolean;
  /** Not given for letters that the program words itself: nobody is asked to mark those */
  marking?: MarkingChoice | undefined;
};

export type MarkingRules = {
  policy: MarkingPolicy;
  /** Domains of the programme's countries: everywhere else is outside */
  ownDomains: ReadonlySet<string>;
};

/** The choice that a marking answers to, for a form. */
export function choiceOf(marking: string | null): MarkingChoice {
  if (marking === null) return { kind: 'none', handling: '' };
  const handling = handlingOf(marking);
  return handling === null ? { kind: 'sensitive', handling: '' } : { kind: 'instructed', handling };
}

export function isInstructed(marking: string): boolean {
  return handlingOf(marking) !== null;
}

/** The marking that a letter leaves with; null without one. */
export function chosenMarking(choice: MarkingChoice | undefined): string | null {
  if (choice === undefined || choice.kind === 'undecided' || choice.kind === 'none') return null;
  return markingOf(choice.kind === 'instructed' ? tidyHandling(choice.handling) : null);
}

/**
 * What an answer is marked with, whatever its form says: who marked a message decides about it, so an answer or a forward
 * keeps the marking. A handling instruction can be added, and none that is there be changed.
 * @param kept of the message it answers; null when that has none
 */
export function keptChoice(choice: MarkingChoice, kept: string | null): MarkingChoice {
  if (kept === null || (choice.kind === 'instructed' && handlingOf(kept) === null)) return choice;
  return { ...choiceOf(kept), ...(handlingOf(kept) === null ? { handling: choice.handling } : {}) };
}

/** Everything about markings that keeps a letter from leaving (S06). */
export function markingProblems(letter: MarkedLetter, { policy, ownDomains }: MarkingRules): MarkingProblem[] {
  const problems = [...classifiedProblems(letter), ...handlingProblems(letter.marking)];
  if (chosenMarking(letter.marking) !== null) {
    if (!letter.encrypt) problems.push({ code: 'marked-unencrypted' });
    if (!letter.sign) problems.push({ code: 'marked-unsigned' });
    return problems;
  }
  if (markingInSubject(letter.subject) !== null) problems.push({ code: 'marking-in-subject' });
  if (letter.marking === undefined) return problems;
  if (policy === 'decide' && letter.marking.kind === 'undecided') problems.push({ code: 'marking-undecided' });
  const all = [...letter.to, ...letter.cc, ...letter.bcc].map(({ address }) => address);
  const outside = all.filter((address) => !ownDomains.has(addressDomain(address)));
  if (policy === 'outside' && outside.length > 0) {
    problems.push({ code: 'marking-outside', addresses: [...new Set(outside)] });
  }
  return problems;
}

function classifiedProblems({ subject, marking }: MarkedLetter): MarkingProblem[] {
  const words = classifiedWords(subject) ?? classifiedWords(marking?.handling ?? '');
  return words === null ? [] : [{ code: 'classified', words }];
}

const HANDLING_PROBLEMS: Record<HandlingFault, MarkingProblem> = {
  missing: { code: 'handling-missing' },
  'too-long': { code: 'handling-too-long', limit: HANDLING_LIMIT },
  characters: { code: 'handling-characters' },
};

function handlingProblems(choice: MarkingChoice | undefined): MarkingProblem[] {
  if (choice === undefined) return [];
  const handling = tidyHandling(choice.handling);
  // Who wrote one means it: it must not be left out silently.
  if (choice.kind !== 'instructed') return handling === '' ? [] : [{ code: 'handling-unchosen' }];
  const fault = handlingFault(handling);
  return fault === null ? [] : [HANDLING_PROBLEMS[fault]];
}
