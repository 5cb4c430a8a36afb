import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openMessage } from '../../../src/smime/open-message.ts';
import { sealMessage } from '../../../src/smime/seal-message.ts';
import { startCpuClock } from '../../support/cpu-clock.ts';
import { makePeople, type People, type Person } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

const DATE = new Date();
const date = (at = DATE) => at.toUTCString().replace('GMT', '+0000');
const TEXT = 'Content-Type: text/plain; charset=utf-8; hp="clear"';
const CIPHER = 'Content-Type: text/plain; charset=utf-8; hp="cipher"';

type Mail = {
  outside?: string[];
  /** Of the payload; the last one is its Content-Type */
  inside: string[];
  body?: string;
  sign?: Person | null;
  encrypt?: boolean;
};

const lines = (fields: readonly string[]) => fields.map((field) => `${field}\r\n`).join('');
const OUTSIDE = () => ['From: Alice <alice@example.org>', 'To: bob@example.org', 'Subject: Outside', `Date: ${date()}`];

/** A letter of some other program, whatever it put inside and outside. */
function open({ outside = OUTSIDE(), inside, body = 'hello\r\n', sign = people.alice, encrypt = false }: Mail) {
  const bytes = sealMessage({
    mime: Buffer.from(`${lines(inside)}\r\n${body}`),
    headers: Buffer.from(lines(outside)),
    ...(sign ? { sign: { ...sign, chain: [] } } : {}),
    ...(encrypt ? { encryptTo: [people.bob.certificate] } : {}),
    at: DATE,
  });
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [people.bob], trust, at: DATE });
}

const addresses = (list: readonly { address: string }[]) => list.map((one) => one.address);
const fields = (...more: string[]) => [
  'From: Alice <alice@example.org>',
  'To: bob@example.org',
  'Subject: Inside',
  `Date: ${date()}`,
  ...more,
];
const outer = (...changed: string[]) => {
  const names = changed.map((field) => field.split(':')[0]);
  return [...OUTSIDE().filter((field) => !names.includes(field.split(':')[0])), ...changed];
};
const hpOuter = (list: readonly string[]) => list.map((field) => `HP-Outer: ${field}`);

describe('protected fields when they are read', () => {
  it('count instead of those outside, and what was changed outside is told', () => {
    const message = open({ inside: fields(TEXT) });
    assert.equal(message.subject, 'Inside');
    assert.equal(message.headersProtected, true);
    assert.equal(message.subjectHidden, false, 'a signature alone hides nothing');
    assert.deepEqual(message.headersChanged, ['Subject']);
    assert.equal(message.checks.find((check) => check.id === 'header-unaltered')?.outcome, 'failed');
    assert.equal(message.signature.status, 'trusted');
  });

  it('need no Message-ID, which the server may have given', () => {
    const outside = [...OUTSIDE(), 'Message-ID: <given@server>'];
    const message = open({ outside, inside: fields(TEXT) });
    assert.deepEqual([message.messageId, message.headersChanged], ['<given@server>', ['Subject']]);
    const other = open({ outside, inside: fields('Message-ID: <own@x>', TEXT) });
    assert.deepEqual([other.messageId, other.headersChanged], ['<own@x>', ['Subject', 'Message-ID']]);
  });

  it('are no protected ones without hp, nor with a value that nobody knows', () => {
    for (const type of ['Content-Type: text/plain', 'Content-Type: text/plain; hp="secret"']) {
      const message = open({ inside: fields('Reply-To: carol@example.org', type) });
      assert.equal(message.subject, 'Outside');
      assert.equal(message.headersProtected, false);
      assert.equal(message.subjectProtected, false);
      assert.deepEqual(message.replyTo, []);
      assert.equal(
        message.checks.some((check) => check.id === 'header-unaltered'),
        false,
      );
    }
  });

  it('leave no room for a Reply-To or Cc that somebody put on outside', () => {
    const outside = [...OUTSIDE(), 'Reply-To: eve@example.org', 'Cc: eve@example.org', 'In-Reply-To: <other@x>'];
    const message = open({ outside, inside: fields(TEXT) });
    assert.deepEqual([message.replyTo, message.cc, message.inReplyTo], [[], [], null]);
    assert.deepEqual(message.headersChanged, ['Cc', 'Reply-To', 'Subject', 'In-Reply-To']);
  });

  it('bring the name of the sender, which may have been changed outside', () => {
    const message = open({ outside: outer('From: The minister <ALICE@example.org>'), inside: fields(TEXT) });
    assert.deepEqual(message.from, [{ name: 'Alice', address: 'alice@example.org' }]);
    assert.equal(message.protectedFrom, null);
    assert.equal(message.signature.status, 'trusted');
  });
});

describe('a From outside that names somebody else than the one inside', () => {
  const differing: [string, string, string[]][] = [
    ['signed by the one inside', 'From: eve@example.org', fields(TEXT)],
    ['signed by the one outside', 'From: alice@example.org', ['From: eve@example.org', ...fields(TEXT).slice(1)]],
  ];
  for (const [name, outside, inside] of differing) {
    it(`is shown and never trusted: ${name}`, () => {
      for (const encrypt of [false, true]) {
        const message = open({ outside: outer(outside), inside, encrypt });
        assert.equal(message.signature.status, 'mismatch');
        assert.deepEqual(message.signature.reasons.includes('address-mismatch'), true);
        assert.deepEqual(addresses(message.from), [outside.slice(6)]);
        assert.deepEqual(addresses(message.protectedFrom ?? []), [inside[0]?.replace(/^.*[ <]([^ <>]+)>?$/, '$1')]);
        const check = message.checks.find(({ id }) => id === 'sender-address');
        assert.equal(check?.outcome, 'failed');
        assert.equal(check.data['fromAddress'], 'eve@example.org');
      }
    });
  }

  it('is shown in mail that is encrypted and not signed', () => {
    const message = open({
      outside: outer('From: eve@example.org'),
      inside: fields(CIPHER),
      sign: null,
      encrypt: true,
    });
    assert.deepEqual(addresses(message.from), ['eve@example.org']);
    assert.deepEqual(addresses(message.protectedFrom ?? []), ['alice@example.org']);
  });
});

describe('HP-Outer', () => {
  const sent = () => outer('Subject: [...]');

  it('says which subject was hidden, and which was not', () => {
    const hidden = open({ outside: sent(), inside: [...fields(), ...hpOuter(sent()), CIPHER], encrypt: true });
    assert.deepEqual([hidden.subject, hidden.subjectHidden, hidden.headersChanged], ['Inside', true, []]);
    assert.equal(hidden.checks.find((check) => check.id === 'header-unaltered')?.outcome, 'passed');
    const shown = outer('Subject: Inside');
    const visible = open({ outside: shown, inside: [...fields(), ...hpOuter(shown), CIPHER], encrypt: true });
    assert.equal(visible.subjectHidden, false);
  });

  it('is compared with what stands outside now', () => {
    const now = outer('Subject: Urgent, pay at once', 'To: carol@example.org');
    const message = open({ outside: now, inside: [...fields(), ...hpOuter(sent()), CIPHER], encrypt: true });
    assert.deepEqual(message.headersChanged, ['To', 'Subject']);
    assert.deepEqual(addresses(message.to), ['bob@example.org']);
    assert.equal(message.subjectHidden, true, 'the sender hid it, whoever wrote there since');
  });

  it('of a subject that was removed outside says so by its absence', () => {
    const without = OUTSIDE().filter((field) => !field.startsWith('Subject'));
    const message = open({ outside: without, inside: [...fields(), ...hpOuter(without), CIPHER], encrypt: true });
    assert.deepEqual([message.subjectHidden, message.headersChanged], [true, []]);
  });

  it('is no news where a field was only folded or encoded anew', () => {
    const now = [
      'From: "Alice" <alice@EXAMPLE.org>',
      'To: bob@example.org',
      'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
      `Date: ${date()}`,
    ];
    const before = [
      'From: Alice <alice@example.org>',
      'To: <bob@example.org>',
      'Subject: =?utf-8?b?R3LDvMOfZQ==?=',
      `Date: ${date()}`,
    ];
    const message = open({ outside: now, inside: [...before, ...hpOuter(before), CIPHER], encrypt: true });
    assert.deepEqual([message.headersChanged, message.subjectHidden, message.subject], [[], false, 'Grüße']);
  });

  it('lets a date be hidden; one that was changed on the way is measured', () => {
    const long = new Date(DATE.getTime() - 7 * 86_400_000);
    const rounded = outer(`Date: ${date(long)}`);
    const hidden = open({ outside: rounded, inside: [...fields(), ...hpOuter(rounded), CIPHER], encrypt: true });
    assert.equal(hidden.signature.status, 'trusted');
    assert.equal(hidden.date?.getTime(), Math.floor(DATE.getTime() / 1000) * 1000);
    const changed = open({ outside: rounded, inside: [...fields(), ...hpOuter(OUTSIDE()), CIPHER], encrypt: true });
    assert.equal(changed.signature.status, 'mismatch');
    assert.deepEqual(changed.signature.reasons.includes('date-differs'), true);
  });
});

describe('legacy display elements', () => {
  const encrypted = (type: string, body: string) =>
    open({ outside: outer('Subject: [...]'), inside: fields(type), body, encrypt: true });

  it('of a text are neither shown nor quoted', () => {
    const body = 'Subject: Inside\r\nCc: carol@example.org\r\n\r\nDear Bob,\r\n\r\nhello\r\n';
    assert.equal(encrypted(`${CIPHER}; hp-legacy-display="1"`, body).text, 'Dear Bob,\n\nhello\n');
    assert.match(encrypted(CIPHER, body).text ?? '', /^Subject: Inside/, 'only where it is said');
    const clear = open({ inside: fields(`${TEXT}; hp-legacy-display="1"`), body });
    assert.match(clear.text ?? '', /^Subject: Inside/, 'what was not encrypted has none');
  });

  it('without an end take nothing away', () => {
    assert.equal(encrypted(`${CIPHER}; hp-legacy-display="1"`, 'hello\r\n').text, 'hello\n');
  });

  it('of HTML go with all that is in them, and only where they stand first', () => {
    const type = 'Content-Type: text/html; charset=utf-8; hp="cipher"; hp-legacy-display="1"';
    const element = '<div class="header-protection-legacy-display"><div><pre>Subject: Inside</pre></div></div>';
    const head = '<!DOCTYPE html><html><head><title>x</title><style>div{color:red}</style></head><!-- x --><body>';
    const shown = encrypted(type, `${head}\r\n${element}<p>hello</p></body></html>`);
    assert.equal(shown.html, `${head}\n<p>hello</p></body></html>`);
    for (const body of [`<p>hello</p>${element}`, '<div class="header-protection-legacy-display">never closed']) {
      assert.equal(encrypted(type, body).html, body);
    }
  });

  it('of both forms of a text go', () => {
    const body = [
      '--b',
      'Content-Type: text/plain; hp-legacy-display="1"',
      '',
      'Subject: Inside',
      '',
      'hello',
      '--b',
      'Content-Type: text/html; hp-legacy-display=1',
      '',
      '<div class=header-protection-legacy-display><pre>Subject: Inside</pre></div><p>hello</p>',
      '--b--',
      '',
    ].join('\r\n');
    const message = encrypted('Content-Type: multipart/alternative; boundary=b; hp="cipher"', body);
    assert.deepEqual([message.text, message.html], ['hello', '<p>hello</p>']);
  });

  it('of the drafts are a part of their own, which goes where the fields are protected', () => {
    const body = [
      '--b',
      'Content-Type: text/plain; protected-headers="v1"',
      '',
      'Subject: Inside',
      '--b',
      'Content-Type: text/plain',
      '',
      'hello',
      '--b--',
      '',
    ].join('\r\n');
    const type = 'Content-Type: multipart/mixed; boundary=b';
    assert.equal(encrypted(`${type}; hp="cipher"`, body).text, 'hello');
    assert.match(encrypted(type, body).text ?? '', /Subject: Inside/, 'else nothing would show the subject');
  });

  it('cost no more than the text they stand in, however hostile', () => {
    const cpuMs = startCpuClock();
    for (const piece of ['<!--', '<!---->', '<div ', '<head></head>', '<div class=header-protection-legacy-display>']) {
      encrypted('Content-Type: text/html; hp="cipher"; hp-legacy-display="1"', piece.repeat(400_000 / piece.length));
    }
    assert.ok(cpuMs() < 4000);
  });
});

it('hostile fields inside and outside are not taken apart once more', () => {
  for (const piece of ['a ', 'a@b,', '=?utf-8?B?YQ==?= ', '((']) {
    const long = ['From', 'To', 'Cc', 'Reply-To'].map((name) => `${name}: ${piece.repeat(400_000 / piece.length)}`);
    const clockOfOne = startCpuClock();
    open({ outside: long, inside: ['Content-Type: text/plain'] });
    const once = clockOfOne();
    const clockOfBoth = startCpuClock();
    open({ outside: long, inside: [...long, TEXT] });
    const both = clockOfBoth();
    assert.ok(both < 3 * once + 500, `${piece}: ${both} ms after ${once} ms`);
  }
});

it('a forwarded message with protected fields stays an attachment, also one’s own', () => {
  const message = open({
    inside: fields('Content-Type: message/rfc822; hp="clear"'),
    body: 'From: alice@example.org\r\nSubject: Earlier\r\n\r\nold\r\n',
  });
  assert.equal(message.subject, 'Inside');
  assert.deepEqual(
    message.attachments.map((one) => one.name),
    ['Earlier.eml'],
  );
});

it('the subject of an encrypted message that wraps itself counts as hidden where another stands outside', () => {
  const inside = ['Content-Type: message/rfc822'];
  const body = 'From: alice@example.org\r\nSubject: Inside\r\n\r\nhello\r\n';
  const message = open({ outside: outer('Subject: [...]'), inside, body, encrypt: true });
  assert.deepEqual([message.subject, message.subjectHidden, message.headersProtected], ['Inside', true, false]);
});
