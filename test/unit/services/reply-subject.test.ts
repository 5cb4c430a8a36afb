import assert from 'node:assert/strict';
import { it } from 'node:test';
import { composeAnswer } from '../../../src/services/drafts/compose-reply.ts';
import { openMessage } from '../../../src/smime/open-message.ts';
import type { OpenedMessage } from '../../../src/smime/verdict.ts';

/** A message with a subject inside the encryption, as its reader has opened it. */
function opened(status: 'none' | 'trusted'): OpenedMessage {
  const bytes = Buffer.from('From: mallory@x.example\r\nSubject: =?utf-8?q?[=2E=2E=2E]?=\r\n\r\nthe secret text');
  const trust = { anchors: [], intermediates: [], explicitlyTrusted: [] };
  return {
    ...openMessage({ bytes, keys: [], trust, at: new Date() }),
    subject: 'the secret subject',
    subjectProtected: true,
    encryption: { status: 'encrypted', algorithm: 'AES-256-GCM', reasons: [], malleable: false },
    signature: { status, reasons: [], signers: [] },
  };
}

const answerTo = (message: OpenedMessage) =>
  composeAnswer(message, 'reply', 'me@x.example', { attribution: () => 'x wrote:', forwarded: () => '---' });

it('who re-sends a captured cipher text gets neither its text nor its subject back with the answer', () => {
  const answer = answerTo(opened('none'));
  assert.equal(answer.quoteWithheld, 'no-signature');
  assert.equal(answer.quote, '');
  assert.equal(answer.subject, 'Re: [...]');
});

it('the sender of an encrypted message gets its subject back', () => {
  assert.equal(answerTo(opened('trusted')).subject, 'Re: the secret subject');
});
