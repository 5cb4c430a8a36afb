import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  choiceOf,
  chosenMarking,
  keptChoice,
  type MarkedLetter,
  type MarkingChoice,
  type MarkingPolicy,
  markingProblems,
  UNDECIDED,
} from '../../../src/services/letters/marking-policy.ts';

const NONE: MarkingChoice = { kind: 'none', handling: '' };
const MARKED: MarkingChoice = { kind: 'sensitive', handling: '' };
const instructed = (handling: string): MarkingChoice => ({ kind: 'instructed', handling });

const inside = { name: '', address: 'Marta.Klein@tcn.d.eu-admin.net' };
const outside = { name: '', address: 'partner@example.org' };
const ownDomains = new Set(['tcn.d.eu-admin.net']);

function codes(letter: Partial<MarkedLetter>, policy: MarkingPolicy = 'optional'): string[] {
  const whole = { to: [inside], cc: [], bcc: [], subject: 'Card', sign: true, encrypt: true, marking: NONE, ...letter };
  return markingProblems(whole, { policy, ownDomains }).map((problem) => problem.code);
}

test('S06 what is marked leaves signed and encrypted, or not at all', () => {
  assert.deepEqual(codes({ marking: MARKED }), []);
  assert.deepEqual(codes({ marking: MARKED, encrypt: false }), ['marked-unencrypted']);
  assert.deepEqual(codes({ marking: MARKED, sign: false }), ['marked-unsigned']);
  assert.deepEqual(codes({ marking: instructed('Staff'), sign: false, encrypt: false }), [
    'marked-unencrypted',
    'marked-unsigned',
  ]);
});

test('S06 a handling instruction is written, short and plain, and chosen', () => {
  assert.deepEqual(codes({ marking: instructed(' Personnel  only ') }), []);
  assert.equal(chosenMarking(instructed(' Personnel  only ')), 'SENSITIVE: Personnel only');
  assert.deepEqual(codes({ marking: instructed('  ') }), ['handling-missing']);
  assert.deepEqual(codes({ marking: instructed('x'.repeat(61)) }), ['handling-too-long']);
  assert.deepEqual(codes({ marking: instructed('Staff - Bcc: x') }), ['handling-characters']);
  assert.deepEqual(codes({ marking: { kind: 'none', handling: 'Staff' } }), ['handling-unchosen']);
  assert.deepEqual(codes({ marking: { kind: 'sensitive', handling: 'Staff' } }), ['handling-unchosen']);
});

test('S06 a classification is refused wherever it is typed', () => {
  assert.deepEqual(codes({ subject: 'RESTREINT UE - Card' }), ['classified']);
  assert.deepEqual(codes({ marking: instructed('EU SECRET') }), ['classified']);
  assert.deepEqual(codes({ subject: 'R-UE/EU-R', marking: undefined }), ['classified']);
});

test('S06 a subject that says SENSITIVE wants the marking chosen', () => {
  for (const subject of ['SENSITIVE - Card', 'Re: SENSITIVE: Staff - Card'])
    assert.deepEqual(codes({ subject }), ['marking-in-subject']);
  assert.deepEqual(codes({ subject: 'SENSITIVE - Card', marking: MARKED }), []);
});

test('S06 the programme says what is compulsory; nothing by default', () => {
  assert.deepEqual(codes({ marking: UNDECIDED }), []);
  assert.deepEqual(codes({ marking: UNDECIDED }, 'decide'), ['marking-undecided']);
  assert.deepEqual(codes({ marking: NONE }, 'decide'), []);
  assert.deepEqual(codes({ marking: NONE }, 'outside'), []);
  assert.deepEqual(codes({ marking: NONE, bcc: [outside] }, 'outside'), ['marking-outside']);
  assert.deepEqual(codes({ marking: UNDECIDED, to: [outside] }, 'outside'), ['marking-outside']);
  assert.deepEqual(codes({ marking: MARKED, to: [outside] }, 'outside'), []);
});

test('S06 letters that the program words itself need no decision', () => {
  for (const policy of ['decide', 'outside'] as const)
    assert.deepEqual(codes({ marking: undefined, to: [outside], encrypt: false }, policy), []);
});

test('S06 an answer keeps the marking whatever its form says, and may add an instruction', () => {
  for (const choice of [NONE, UNDECIDED, MARKED])
    assert.equal(chosenMarking(keptChoice(choice, 'SENSITIVE')), 'SENSITIVE');
  assert.equal(chosenMarking(keptChoice(instructed('Staff'), 'SENSITIVE')), 'SENSITIVE: Staff');
  for (const choice of [NONE, UNDECIDED, MARKED, instructed('Everybody')])
    assert.equal(chosenMarking(keptChoice(choice, 'SENSITIVE: Staff')), 'SENSITIVE: Staff');
  assert.deepEqual(keptChoice(NONE, null), NONE);
  assert.deepEqual(keptChoice(instructed(''), 'SENSITIVE'), instructed(''), 'to be refused, not dropped');
});

test('S06 a marking and its choice in the form are the same', () => {
  for (const marking of [null, 'SENSITIVE', 'SENSITIVE: Staff'])
    assert.equal(chosenMarking(choiceOf(marking)), marking);
});
