import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRecipients } from '../../../src/mail/address.ts';
import {
  composeAnswer,
  letterText,
  type QuoteWords,
  writeAddress,
} from '../../../src/services/drafts/compose-reply.ts';
import type { OpenedMessage } from '../../../src/smime/verdict.ts';

const OWN = 'Alain.Dupont@tcn.b.eu-admin.net';
const marta = { name: 'Marta Klein', address: 'Marta.Klein@tcn.d.eu-admin.net' };
const otto = { name: 'Brandt, Otto', address: 'Otto.Brandt@tcn.d.eu-admin.net' };
const own = { name: 'Alain Dupont', address: OWN.toLowerCase() };
const words: QuoteWords = {
  attribution: (_date, from) => `${from} wrote:`,
  forwarded: ({ from, to, subject }) => `From: ${from}\nTo: ${to}\nSubject: ${subject}`,
};

function message(changed: Partial<OpenedMessage> = {}): OpenedMessage {
  return {
    from: [marta],
    protectedFrom: null,
    sender: null,
    to: [own],
    cc: [],
    replyTo: [],
    date: new Date('2026-11-24T09:00:00Z'),
    subject: 'Card 0417',
    subjectProtected: false,
    subjectHidden: false,
    headersProtected: false,
    headersChanged: [],
    messageId: '<two@tcn.d>',
    inReplyTo: '<one@tcn.b>',
    references: ['<zero@tcn.b>', '<one@tcn.b>'],
    marking: null,
    layers: [],
    checks: [],
    text: 'Dear Alain,\r\n> earlier\r\n\r\nMarta\r\n',
    html: null,
    textCut: false,
    readWhole: true,
    attachments: [],
    inlineImages: [],
    rootHeaders: [],
    signature: { status: 'none', reasons: [], signers: [] },
    encryption: { status: 'none', algorithm: null, reasons: [], malleable: false },
    ...changed,
  };
}

const encrypted = { status: 'encrypted', algorithm: 'AES-256-CBC', reasons: [], malleable: false } as const;
const trusted = { status: 'trusted', reasons: [], signers: [] } as const;
const reply = (opened: OpenedMessage, mode: 'reply' | 'reply-all' | 'forward' = 'reply') =>
  composeAnswer(opened, mode, OWN, words);

test('a reply goes to the sender with a quote, a subject and the thread', () => {
  const answer = reply(message());
  assert.deepEqual(answer.to, [marta]);
  assert.deepEqual(answer.cc, []);
  assert.equal(answer.subject, 'Re: Card 0417');
  assert.equal(answer.quote, 'Marta Klein wrote:\n> Dear Alain,\n>> earlier\n>\n> Marta');
  assert.equal(answer.inReplyTo, '<two@tcn.d>');
  assert.deepEqual(answer.references, ['<zero@tcn.b>', '<one@tcn.b>', '<two@tcn.d>']);
  assert.equal(answer.mustEncrypt, false);
});

test('prefixes in the three languages are not doubled', () => {
  for (const subject of ['Re: x', 'RE: x', 'AW: x', 'Réf : x'])
    assert.equal(reply(message({ subject })).subject, subject);
  for (const subject of ['Fwd: x', 'Fw: x', 'WG: x', 'TR : x']) {
    assert.equal(reply(message({ subject }), 'forward').subject, subject);
  }
  assert.equal(reply(message({ subject: 'Review: x' })).subject, 'Re: Review: x');
});

test('a reply to all leaves oneself out, whatever the case of the address, and names nobody twice', () => {
  const answer = reply(message({ to: [own, otto], cc: [{ ...otto, name: '' }, marta] }), 'reply-all');
  assert.deepEqual(answer.to, [marta]);
  assert.deepEqual(answer.cc, [otto]);
});

test('an answer to one’s own letter goes on to those it went to', () => {
  const answer = reply(message({ from: [own], to: [marta], cc: [otto] }), 'reply-all');
  assert.deepEqual(answer.to, [marta]);
  assert.deepEqual(answer.cc, [otto]);
});

test('what a header names and is no address is left out', () => {
  const answer = reply(message({ replyTo: [{ name: '', address: 'a b@c\r\nBcc: x@y' }, marta] }));
  assert.deepEqual(answer.to, [marta]);
});

test('a signed and encrypted message is quoted, and its answer must be encrypted', () => {
  const answer = reply(message({ encryption: encrypted, signature: trusted }));
  assert.equal(answer.quoteWithheld, null);
  assert.match(answer.quote, /Dear Alain/);
  assert.equal(answer.mustEncrypt, true);
});

test('without a valid signature of the sender inside, an answer to encrypted mail starts without a quote', () => {
  const cases: [Partial<OpenedMessage>, string][] = [
    [{ encryption: encrypted }, 'no-signature'],
    [{ encryption: { ...encrypted, malleable: true } }, 'malleable'],
    [{ encryption: encrypted, signature: { ...trusted, status: 'invalid', reasons: ['altered'] } }, 'no-signature'],
    [
      { encryption: encrypted, signature: { ...trusted, status: 'mismatch', reasons: ['address-mismatch'] } },
      'no-signature',
    ],
    [{ encryption: { ...encrypted, status: 'failed' }, text: null }, 'closed'],
  ];
  for (const [changed, reason] of cases) {
    const answer = reply(message(changed));
    assert.equal(answer.quoteWithheld, reason);
    assert.equal(answer.quote, '');
    assert.equal(answer.mustEncrypt, true);
  }
});

test('a Reply-To that no signature protects gets no answer to encrypted mail', () => {
  const changed = { encryption: encrypted, signature: trusted, replyTo: [otto] };
  assert.deepEqual(reply(message(changed)).to, [marta]);
  assert.deepEqual(reply(message({ ...changed, headersProtected: true })).to, [otto]);
  assert.deepEqual(reply(message({ replyTo: [otto] })).to, [otto], 'mail in clear');
});

test('of two senders the one inside gets the answer', () => {
  const changed = { from: [otto], protectedFrom: [marta], headersProtected: true };
  assert.deepEqual(reply(message(changed)).to, [marta]);
  assert.deepEqual(reply(message({ ...changed, to: [own, otto] }), 'reply-all').cc, [otto]);
});

test('an answer to a letter with a hidden subject hides it again, a forward too', () => {
  const changed = { encryption: encrypted, signature: trusted, headersProtected: true, subjectHidden: true };
  for (const mode of ['reply', 'reply-all', 'forward'] as const) {
    assert.equal(reply(message(changed), mode).hideSubject, true);
    assert.equal(reply(message({ ...changed, subjectHidden: false }), mode).hideSubject, false);
  }
});

test('recipients that somebody may have added to encrypted mail do not get its text with a reply to all', () => {
  const changed = { encryption: encrypted, signature: trusted, cc: [otto] };
  assert.equal(reply(message(changed), 'reply-all').quoteWithheld, 'unprotected-recipients');
  assert.equal(reply(message({ ...changed, headersProtected: true }), 'reply-all').quoteWithheld, null);
  assert.equal(reply(message({ ...changed, cc: [] }), 'reply-all').quoteWithheld, null, 'the sender alone');
});

test('a forward takes the text along to whom the writer names, and stays encrypted', () => {
  const answer = reply(message({ encryption: encrypted, to: [own, otto] }), 'forward');
  assert.deepEqual([answer.to, answer.cc], [[], []]);
  assert.equal(answer.subject, 'Fwd: Card 0417');
  assert.match(answer.quote, /^From: Marta Klein <Marta\.Klein@tcn\.d\.eu-admin\.net>\nTo: .*"Brandt, Otto" <Otto/);
  assert.match(answer.quote, /\n\nDear Alain,\n/);
  assert.equal(answer.mustEncrypt, true);
});

test('a message in HTML alone is quoted as its text', () => {
  const opened = message({ text: null, html: '<p>Guten <b>Tag</b></p><script>x</script>' });
  const answer = composeAnswer(opened, 'reply', OWN, words, 'Guten Tag');
  assert.equal(answer.quote, 'Marta Klein wrote:\n> Guten Tag');
});

test('a quote ends after 64 KiB', () => {
  const { quote } = reply(message({ text: 'abcdefg\n'.repeat(100_000) }));
  assert.ok(quote.length > 64 * 1024 && quote.length < 90 * 1024, String(quote.length));
});

test('a long thread keeps its beginning and its end', () => {
  const references = Array.from({ length: 80 }, (_, number) => `<${number}@x>`);
  const answer = reply(message({ references }));
  assert.equal(answer.references.length, 30);
  assert.equal(answer.references[0], '<0@x>');
  assert.equal(answer.references.at(-1), '<two@tcn.d>');
});

test('addresses that are written into a field are read back the same, names in every script', () => {
  const people = [
    marta,
    otto,
    { name: 'Ελένη Παπαδοπούλου', address: 'e@tcn.gr.eu-admin.net' },
    { name: 'say "hi" \\ <x@y>', address: 'q@tcn.d.eu-admin.net' },
    { name: '', address: 'n@tcn.d.eu-admin.net' },
  ];
  const { recipients, problems } = parseRecipients(people.map(writeAddress).join(', '));
  assert.deepEqual(problems, []);
  assert.deepEqual(recipients, people);
});

test('text, signature and quote stand in the order in which people write', () => {
  assert.equal(letterText('', ''), '');
  assert.equal(letterText('Alain\nMinistry', '> quoted'), '\n\n-- \nAlain\nMinistry\n\n> quoted\n');
});

test('S06 an answer keeps the marking and does not repeat it in its subject', () => {
  for (const bound of [true, false]) {
    const marked = message({ subject: 'SENSITIVE: Staff - Re: Card', marking: { text: 'SENSITIVE: Staff', bound } });
    const { marking, subject } = reply(marked);
    assert.deepEqual([marking, subject], ['SENSITIVE: Staff', 'Re: Card']);
    assert.equal(reply(marked, 'forward').marking, 'SENSITIVE: Staff');
  }
  assert.equal(reply(message()).marking, null);
});

test('S06 of a text that is withheld no instruction goes into the answer, only that it is sensitive', () => {
  const closed = message({
    subject: 'SENSITIVE: Operation Lantern - Card',
    rootHeaders: [{ name: 'Subject', value: 'Hello' }],
    marking: { text: 'SENSITIVE: Operation Lantern', bound: false },
    encryption: { status: 'encrypted', algorithm: 'AES-256-CBC', reasons: [], malleable: true },
  });
  const answer = reply(closed);
  assert.equal(answer.quoteWithheld, 'malleable');
  assert.deepEqual([answer.marking, answer.subject], ['SENSITIVE', 'Re: Hello']);
});
