import assert from 'node:assert/strict';
import { it } from 'node:test';
import { replyQuote } from '../../../src/smime/reply-quote.ts';
import type { MessageClaim, Reason, SignatureStatus } from '../../../src/smime/verdict.ts';

function claim(status: SignatureStatus, encrypted: boolean, reasons: Reason[] = []): MessageClaim {
  const encryption = {
    status: encrypted ? 'encrypted' : 'none',
    algorithm: null,
    reasons: [],
    malleable: false,
  } as const;
  return { signature: { status, reasons, signers: [] }, encryption };
}

it('a reply quotes the text it answers', () => {
  assert.equal(replyQuote(claim('none', false), 'a\n> b\n\nc\n'), '> a\n>> b\n>\n> c');
});

it('encrypted text is quoted only under an intact signature of the sender', () => {
  assert.equal(replyQuote(claim('trusted', true), 'a'), '> a');
  assert.equal(replyQuote(claim('untrusted', true), 'a'), '> a');
  for (const message of [
    claim('none', true),
    claim('invalid', true),
    claim('partial', true),
    claim('mismatch', true, ['address-mismatch']),
  ]) {
    assert.equal(replyQuote(message, 'a'), '');
  }
});
