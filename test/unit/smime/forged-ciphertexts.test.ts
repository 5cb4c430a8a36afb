/** Cipher texts that were changed on the way, or sent again inside another message to get their text back (EFAIL). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AnswerMode, composeAnswer } from '../../../src/services/drafts/compose-reply.ts';
import { readAttachment } from '../../../src/smime/open-message.ts';
import type { OpenedMessage } from '../../../src/smime/verdict.ts';
import { writeEnvelope } from '../../../src/smime/write-envelope.ts';
import { BELOW_THE_ROOT, encrypted, flipped, LETTER, SECRET, SENT_AGAIN } from '../../support/claims/ciphertexts.ts';
import { header, opaque, openAs, signedEntity, verdict } from '../../support/crafted-mail.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

const open = (bytes: Buffer) => openAs(people, bytes);
describe('a cipher text that was changed', () => {
  const keyPlace = (cms: Buffer) => cms.indexOf(Buffer.from('04820100', 'hex')) + 4;
  const opened = (cms: Buffer) => open(opaque(cms, 'enveloped-data', header()));
  const told = ({ encryption, layers, checks, text, html, attachments }: OpenedMessage) => ({
    ...{ encryption, layers, checks, text, html, attachments },
  });

  it('T18 in its padding, in the key, or for somebody else gives one and the same answer', () => {
    for (const content of ['aes-256-cbc', 'aes-256-gcm'] as const) {
      const cms = writeEnvelope(signedEntity(people.alice, LETTER), [people.bob.certificate], content);
      const stranger = told(opened(writeEnvelope(LETTER, [people.alice.certificate], content)));
      assert.equal(stranger.encryption.status, 'failed');
      assert.equal(stranger.text, null);
      // The last block but one decides on the padding of the last; with a tag the last octets are the tag.
      const lastPadding = content === 'aes-256-cbc' ? -17 : -1;
      assert.deepEqual(told(opened(flipped(cms, lastPadding, 0x80))), stranger);
      if (content === 'aes-256-gcm') assert.deepEqual(told(opened(flipped(cms, -200))), stranger);
    }
  });

  it('T18 in the wrapped key opens under a random one: nearly always no answer, never the text', () => {
    const cms = writeEnvelope(signedEntity(people.alice, LETTER), [people.bob.certificate], 'aes-256-cbc');
    const stranger = told(opened(writeEnvelope(LETTER, [people.alice.certificate], 'aes-256-cbc')));
    const answers = Array.from({ length: 12 }, (_, index) => opened(flipped(cms, keyPlace(cms) + 20 + index * 10)));
    // One random key in 256 leaves a padding that fits: implicit rejection (RFC 3218) means that nobody can tell.
    const failed = answers.filter(({ encryption }) => encryption.status === 'failed');
    assert.ok(failed.length >= 9, `${failed.length} of 12`);
    for (const answer of failed) assert.deepEqual(told(answer), stranger);
    for (const answer of answers) {
      assert.ok(!JSON.stringify(answer).includes(SECRET));
      assert.notEqual(answer.signature.status, 'trusted');
    }
  });

  it('T25 in a middle block under CBC loses its signature, and is treated as malleable', () => {
    const cms = writeEnvelope(signedEntity(people.alice, LETTER), [people.bob.certificate], 'aes-256-cbc');
    const unsigned = writeEnvelope(LETTER, [people.bob.certificate], 'aes-256-cbc');
    const start = cms.length - 16 * Math.ceil((signedEntity(people.alice, LETTER).length + 1) / 16);
    let seen = 0;
    for (let place = cms.length - 40; place > start; place -= 16 * 7) {
      const answer = opened(flipped(cms, place, 0x04));
      if (answer.encryption.status === 'failed') continue;
      seen += 1;
      if (answer.signature.status === 'trusted') assert.ok(answer.text?.includes(SECRET));
      else {
        assert.equal(answer.encryption.malleable, true);
        assertWithheld(answer, 'reply');
      }
    }
    assert.ok(seen > 5, String(seen));
    const changed = opened(flipped(unsigned, -40, 0x04));
    assert.deepEqual([verdict(changed), changed.encryption.malleable], ['none', true]);
    assertWithheld(changed, 'reply');
  });
});

const words = { attribution: () => 'wrote:', forwarded: () => 'forwarded:' };
const MODES: readonly AnswerMode[] = ['reply', 'reply-all', 'forward'];
const answer = (opened: OpenedMessage, mode: AnswerMode) => composeAnswer(opened, mode, 'bob@example.org', words);

function assertWithheld(opened: OpenedMessage, mode: AnswerMode): void {
  const { quote, quoteWithheld, mustEncrypt } = answer(opened, mode);
  assert.equal(quote, '', mode);
  assert.notEqual(quoteWithheld, null, mode);
  assert.equal(mustEncrypt, true, mode);
}

describe('a cipher text that is sent again', () => {
  for (const [place, made] of Object.entries(BELOW_THE_ROOT)) {
    it(`S14 ${place} is not opened in place, and no answer and no attachment has its text`, () => {
      const bytes = made(people, people.bob.certificate);
      const opened = open(bytes);
      const { layers, inlineImages, ...shown } = opened;
      assert.ok(layers.filter((layer) => layer.kind === 'encrypted').length <= (place.endsWith('encrypted') ? 1 : 0));
      assert.ok(!JSON.stringify([shown, inlineImages]).includes(SECRET));
      for (const mode of MODES) assert.ok(!JSON.stringify(answer(opened, mode)).includes(SECRET), mode);
      const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
      for (const { index } of opened.attachments) {
        const attachment = readAttachment({ bytes, keys: [people.bob], trust, at: new Date() }, index);
        assert.ok(attachment !== null && !attachment.bytes.includes(SECRET));
      }
    });
  }

  for (const [form, { made, signature, withheld }] of Object.entries(SENT_AGAIN)) {
    it(`T25 ${form} is opened, and an answer starts without its text and is encrypted`, () => {
      // Sent by Bob: his own signature is good, but lies around the cipher text.
      const opened = open(made(people, people.bob.certificate));
      assert.ok((opened.text ?? opened.html)?.includes(SECRET));
      assert.equal(opened.signature.status, signature);
      for (const mode of ['reply', 'reply-all'] as const) {
        assertWithheld(opened, mode);
        assert.equal(answer(opened, mode).quoteWithheld, withheld);
      }
      assert.equal(answer(opened, 'forward').mustEncrypt, true);
    });
  }

  it('T25 under the name of its writer is answered to the writer alone', () => {
    const bytes = Buffer.concat([
      Buffer.from(header('alice@example.org', 'Reply-To: mallory@example.org\r\nCc: mallory@example.org\r\n')),
      encrypted(signedEntity(people.alice, LETTER), people.bob.certificate),
    ]);
    const opened = open(bytes);
    assert.equal(opened.signature.status, 'trusted');
    assert.deepEqual(
      answer(opened, 'reply').to.map((one) => one.address),
      ['alice@example.org'],
    );
    assertWithheld(opened, 'reply-all');
  });
});
