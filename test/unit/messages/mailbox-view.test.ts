import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatsFor } from '../../../src/i18n/formats.ts';
import type { MessageRow } from '../../../src/mail/message-list.ts';
import { dayGroups, mailboxView, marksOf } from '../../../src/routes/messages/mailbox-view.ts';

const formats = formatsFor('en', 'Europe/Brussels');
const now = new Date('2026-11-25T10:00:00Z');

function row(fields: Partial<MessageRow>): MessageRow {
  return {
    uid: 1,
    seq: 1,
    from: { name: 'Marja Virtanen', address: 'marja@tcn.fin.eu-admin.net' },
    to: [{ name: '', address: 'alain@tcn.b.eu-admin.net' }],
    subject: 'A subject',
    date: null,
    internalDate: now,
    size: 9000,
    messageId: null,
    unread: false,
    answered: false,
    flagged: false,
    draft: false,
    hasAttachment: false,
    looksSigned: false,
    looksEncrypted: false,
    ...fields,
  };
}

const view = (
  rows: MessageRow[],
  total = rows.length,
  page = 1,
  folder = 'INBOX',
  subjects: ReadonlyMap<number, string> = new Map(),
) =>
  mailboxView(
    {
      page: { folder, uidValidity: 7n, total, page, pages: Math.max(1, Math.ceil(total / 50)), rows },
      verdicts: new Map(),
      subjects,
      markings: new Map(),
      folders: null,
    },
    formats,
    now,
  );

test('a list never says Trusted before a check: the MIME type speaks in grey', () => {
  const marks = marksOf({ looksSigned: true, looksEncrypted: true }, null, formats.t);
  assert.deepEqual(
    marks.map((mark) => [mark.text, mark.look]),
    [
      ['Signed', ''],
      ['Encrypted', ''],
    ],
  );
});

test('after the opening the verdict speaks and the MIME type is silent', () => {
  const words = (signature: 'trusted' | 'invalid' | 'none', encryption: 'encrypted' | 'failed' | 'none') =>
    marksOf({ looksSigned: true, looksEncrypted: true }, { signature, encryption }, formats.t).map((mark) => mark.text);
  assert.deepEqual(words('trusted', 'encrypted'), ['Trusted', 'Encrypted']);
  assert.deepEqual(words('invalid', 'none'), ['Invalid']);
  assert.deepEqual(words('none', 'none'), ['Not signed']);
  assert.deepEqual(words('none', 'failed'), ['Cannot be opened'], 'what was not opened may be signed inside');
});

test('days are those of the reader, and weeks begin on Monday', () => {
  const at = (moment: string) => row({ internalDate: new Date(moment) });
  const groups = dayGroups(
    [
      // 23:30 UTC of the 24th is the 25th in Brussels, a Wednesday
      at('2026-11-24T23:30:00Z'),
      at('2026-11-24T08:00:00Z'),
      at('2026-11-23T08:00:00Z'),
      at('2026-11-22T08:00:00Z'),
      at('2026-11-16T08:00:00Z'),
      at('2026-11-15T08:00:00Z'),
      at('2025-12-31T08:00:00Z'),
    ],
    () => view([row({})]).groups[0]!.rows[0]!,
    formats,
    now,
  );
  assert.deepEqual(
    groups.map((group) => [group.title, group.rows.length]),
    [
      ['Today', 1],
      ['Yesterday', 1],
      ['This week', 1],
      ['Last week', 2],
      ['November 2026', 1],
      ['December 2025', 1],
    ],
  );
});

test('an empty subject and one inside the encryption are said in our own words', () => {
  const first = (fields: Partial<MessageRow>) => view([row(fields)]).groups[0]!.rows[0]!;
  assert.deepEqual([first({ subject: ' ' }).subject, first({ subject: ' ' }).ownWords], ['No subject', true]);
  assert.equal(first({ subject: '[...]', looksEncrypted: true }).subject, 'Subject inside the encryption');
  assert.deepEqual([first({ subject: '[...]' }).subject, first({ subject: '[...]' }).ownWords], ['[...]', false]);
});

test('a sender cannot turn the writing direction of the list', () => {
  const who = view([row({ from: { name: 'Bank\u202egnp.exe', address: 'x@y.example' } })]).groups[0]!.rows[0]!.who;
  assert.equal(who, 'Bankgnp.exe');
});

test('Sent shows who a message went to', () => {
  const folders = [
    {
      path: 'Sent',
      id: 'U2VudA',
      href: '/mail/U2VudA',
      name: 'Sent',
      icon: 'sent',
      specialUse: 'Sent' as const,
      unread: 0,
      total: 1,
      current: true,
    },
  ];
  const page = { folder: 'Sent', uidValidity: 7n, total: 1, page: 1, pages: 1, rows: [row({})] };
  const shown = mailboxView(
    { page, verdicts: new Map(), markings: new Map(), subjects: new Map(), folders },
    formats,
    now,
  );
  assert.equal(shown.groups[0]!.rows[0]!.who, 'alain@tcn.b.eu-admin.net');
  assert.equal(shown.whoKey, 'messages.list.to');
});

test('the pager of two thousand pages shows the ends and the neighbours', () => {
  const { pager } = view(
    Array.from({ length: 50 }, () => row({})),
    100_000,
    7,
  );
  assert.deepEqual(
    pager?.pages.map((page) => page.number),
    [1, 0, 6, 7, 8, 0, 2000],
  );
  assert.deepEqual([pager?.from, pager?.to, pager?.newer], [301, 350, '/mail/SU5CT1g?page=6']);
});

test('a hidden subject is shown as it was opened, and as inside the encryption while that is not known', () => {
  const hidden = row({ uid: 5, subject: '[...]', looksEncrypted: true });
  const subjectOf = (subjects: ReadonlyMap<number, string>) => {
    const shown = view([hidden], 1, 1, 'INBOX', subjects).groups[0]?.rows[0];
    return [shown?.subject, shown?.ownWords];
  };
  assert.deepEqual(subjectOf(new Map()), ['Subject inside the encryption', true]);
  assert.deepEqual(subjectOf(new Map([[5, 'Card 0417']])), ['Card 0417', false]);
  assert.deepEqual(subjectOf(new Map([[6, 'of another']])), ['Subject inside the encryption', true]);
});

test('T25 a subject with ticks, locks and shields stands in the list without them', () => {
  const written = ['✔ Signature trusted', '🔒\u202e Cards', 'نامه\u200cها 👩‍💻'];
  const subjects = view(written.map((subject) => row({ subject }))).groups.flatMap(({ rows }) => rows);
  assert.deepEqual(
    subjects.map((one) => one.subject),
    ['Signature trusted', 'Cards', 'نامه\u200cها 👩‍💻'],
  );
});
