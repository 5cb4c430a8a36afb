import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openAttachment } from '../../src/services/drafts/draft-attachments.ts';
import {
  createDraft,
  type DraftContent,
  NEW_ORIGIN,
  openDraft,
  saveDraft,
  withDraftKeys,
} from '../../src/services/drafts/drafts.ts';
import {
  CHUNK_BYTES,
  readSealedContent,
  removeOrphanedContents,
  writeSealedContent,
} from '../../src/services/letters/content-chunks.ts';
import { findSession } from '../../src/services/sessions/session.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { type Answer, Clerk } from '../support/clerk.ts';
import { PASSPHRASES } from '../support/people.ts';

const MiB = 1024 * 1024;

let world: TestApp;
let alain: Clerk;

before(async () => {
  world = await startTestApp();
  alain = await Clerk.signIn(world, world.alain);
  await alain.choosePassphrase(PASSPHRASES.alain);
});
after(() => world.stop());

/** What the form of this page would send as it stands. */
function fieldsOf(page: Answer, changed: Record<string, string> = {}): Record<string, string> {
  const value = (name: string) => new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(page.body)?.[1] ?? '';
  const text = /<textarea[^>]*name="text"[^>]*>\n?([\s\S]*?)<\/textarea>/.exec(page.body)?.[1] ?? '';
  const named = Object.fromEntries(
    ['version', 'nonce', 'to', 'cc', 'bcc', 'subject'].map((name) => [name, value(name)]),
  );
  return { ...named, text, ...changed } as Record<string, string>;
}

async function begin(clerk: Clerk, query = ''): Promise<string> {
  const answer = await clerk.get(`/drafts/new${query}`);
  assert.equal(answer.status, 302, answer.body);
  return answer.location ?? assert.fail('no draft');
}

async function press(
  clerk: Clerk,
  url: string,
  changed: Record<string, string>,
  file: Parameters<Clerk['upload']>[3] = null,
) {
  const page = await clerk.get(url);
  assert.equal(page.status, 200, page.body);
  return clerk.upload(url, url, fieldsOf(page, changed), file);
}

test('without a key passphrase a new message leads to the first steps', async () => {
  const elise = await Clerk.signIn(world, world.elise);
  const answer = await elise.get('/drafts/new');
  assert.equal(answer.status, 302);
  assert.equal(answer.location, '/first-steps');
});

test('T17 Sign and Encrypt are pressed as the settings of the account say', async () => {
  const both = await alain.get(await begin(alain));
  assert.match(both.body, /name="sign" checked/);
  assert.match(both.body, /name="encrypt" checked/);
  const { prisma } = world.database;
  const where = { id: world.alain.id };
  await prisma.account.update({ where, data: { encryptByDefault: false, signatureText: 'Alain Dupont\nMinistry' } });
  const one = await alain.get(await begin(alain));
  assert.match(one.body, /name="sign" checked/);
  assert.doesNotMatch(one.body, /name="encrypt" checked/);
  assert.match(one.body, /-- \nAlain Dupont\nMinistry/);
  await prisma.account.update({ where, data: { encryptByDefault: true, signatureText: '' } });
});

test('a draft is saved while the keys are locked and opened only after the unlock', async () => {
  const url = await begin(alain, '?to=Elise.Maes@tcn.b.eu-admin.net');
  const page = await alain.get(url);
  const fields = fieldsOf(page, { subject: 'Locked meanwhile', text: 'secret-draft-canary', do: 'save' });
  const locked = await Clerk.signIn(world, world.alain);
  const saved = await locked.upload('/keys/unlock', url, fields, null);
  assert.equal(saved.location, url);
  const asked = await locked.get(url);
  assert.match(asked.location ?? '', /^\/keys\/unlock\?next=/);
  const list = await locked.get('/drafts');
  assert.match(list.location ?? '', /^\/keys\/unlock/);
  const opened = await alain.get(url);
  assert.match(opened.body, /secret-draft-canary/);
  assert.match(opened.body, /value="Elise.Maes@tcn.b.eu-admin.net"/);
  const rows = await world.database.prisma.draft.findMany();
  assert.ok(
    rows.every((row) => !Buffer.from(row.sealed).includes('secret-draft-canary')),
    'sealed in the row',
  );
});

test('a draft of somebody else is not found', async () => {
  const url = await begin(alain);
  const elise = await Clerk.signIn(world, world.elise);
  await elise.choosePassphrase('drei Birnen auf dem Dach');
  assert.equal((await elise.get(url)).status, 404);
  const mine = await begin(elise);
  const page = await elise.get(mine);
  const stolen = await elise.upload(mine, url, fieldsOf(page, { text: 'mine', do: 'save' }), null);
  assert.notEqual(stolen.location, url, 'what was typed became a draft of her own');
  assert.doesNotMatch((await alain.get(url)).body, />\nmine</);
});

test('a stale form is kept as a second draft, and said so', async () => {
  const url = await begin(alain);
  const stale = fieldsOf(await alain.get(url), { text: 'from the first window', do: 'save' });
  await press(alain, url, { text: 'from the second window', do: 'save' });
  const answer = await alain.upload(url, url, stale, null);
  assert.notEqual(answer.location, url);
  const second = await alain.get(answer.location ?? '');
  assert.match(second.body, /changed in another window/);
  assert.match(second.body, /from the first window/);
  assert.match((await alain.get(url)).body, /from the second window/);
});

test('the same form twice is no conflict', async () => {
  const url = await begin(alain);
  const fields = fieldsOf(await alain.get(url), { text: 'pressed twice', do: 'save' });
  const answers = [await alain.upload(url, url, fields, null), await alain.upload(url, url, fields, null)];
  assert.deepEqual(
    answers.map((answer) => answer.location),
    [url, url],
  );
});

test('an attachment is kept sealed in rows of at most 256 KiB, can be removed, and leaves nothing behind', async () => {
  const url = await begin(alain);
  const bytes = Buffer.alloc(3 * CHUNK_BYTES + 17, 'attachment-canary ');
  await press(alain, url, { text: 'see attachment', do: 'attach' }, { field: 'file', name: 'Übersicht.pdf', bytes });
  const page = await alain.get(url);
  assert.match(page.body, /Übersicht\.pdf/);
  assert.match(page.body, /see attachment/);
  const id = url.split('/').at(-1);
  const row = await world.database.prisma.draftAttachment.findFirstOrThrow({ where: { draftId: id ?? '' } });
  assert.equal(row.size, bytes.length);
  const chunks = await world.database.prisma.contentChunk.findMany({ where: { contentId: row.contentId } });
  assert.ok(chunks.length >= 4);
  assert.ok(chunks.every((chunk) => chunk.bytes.length <= CHUNK_BYTES && !Buffer.from(chunk.bytes).includes('canary')));
  const removed = await press(alain, url, { do: `remove-attachment:${row.id}` });
  assert.equal(removed.status, 302);
  assert.doesNotMatch((await alain.get(url)).body, /Übersicht/);
  assert.equal(await world.database.prisma.contentChunk.count({ where: { contentId: row.contentId } }), 0);
});

test('60 MB are refused with the limit named, and nothing that was typed is lost', async () => {
  const url = await begin(alain);
  const bytes = Buffer.alloc(60 * MiB, 7);
  const before = await world.database.prisma.contentChunk.count();
  const answer = await press(
    alain,
    url,
    { subject: 'Kept', text: 'kept all the same', do: 'send' },
    { field: 'file', name: 'huge.iso', bytes },
  );
  assert.equal(answer.location, url);
  const page = await alain.get(url);
  assert.match(page.body, /huge\.iso does not fit: attachments may have 25 MB/);
  assert.match(page.body, /kept all the same/);
  assert.match(page.body, /value="Kept"/);
  assert.equal(await world.database.prisma.contentChunk.count(), before, 'no half file is kept');
});

test('T05 the limits for attachments stand on the page, and the fifty-first file in one go is refused by name while all else is kept', async () => {
  const url = await begin(alain);
  assert.match((await alain.get(url)).body, /At most 50 files and 25 MB in all/);
  const files = Array.from({ length: 52 }, (_, index) => {
    return { field: 'file', name: `annex-${index + 1}.txt`, bytes: Buffer.from(`annex ${index + 1}`) };
  });
  const answer = await press(alain, url, { subject: 'Many', text: 'all of these', do: 'send' }, files);
  assert.equal(answer.location, url, answer.body);
  const page = await alain.get(url);
  assert.match(page.body, /annex-51\.txt was not attached: there are 50 attachments already/);
  assert.match(page.body, /all of these/);
  assert.match(page.body, /annex-50\.txt/);
});

test('T04 an address outside the programme is refused by name before anything is built', async () => {
  const url = await begin(alain, '?to=someone@elsewhere.example');
  const answer = await press(alain, url, { do: 'send', sign: 'on' });
  assert.equal(answer.status, 422);
  assert.match(answer.body, /does not allow mail to someone@elsewhere\.example/);
  assert.equal(await world.database.prisma.letter.count(), 0);
});

test('T18 encrypting is refused with the names of those without Digital ID and the ways to get one, and never falls back', async () => {
  const url = await begin(alain, '?to=Elise.Maes@tcn.b.eu-admin.net');
  const answer = await press(alain, url, { do: 'send', sign: 'on', encrypt: 'on', text: 'for your eyes' });
  assert.equal(answer.status, 422);
  assert.match(
    answer.body,
    /Elise\.Maes@tcn\.b\.eu-admin\.net cannot read it\. It will not be sent unencrypted instead/,
  );
  assert.match(answer.body, /\/contacts\/link\?to=Elise\.Maes%40tcn\.b\.eu-admin\.net/);
  assert.match(answer.body, /drop:Elise\.Maes@tcn\.b\.eu-admin\.net/);
  assert.match(answer.body, /for your eyes/);
  assert.equal(await world.database.prisma.letter.count(), 0);
  await press(alain, url, { do: 'drop:Elise.Maes@tcn.b.eu-admin.net' });
  assert.match((await alain.get(url)).body, /name="to"[^>]* value=""/);
});

test('nobody, no address, and 500 recipients are each refused with what is wrong', async () => {
  const url = await begin(alain);
  assert.match((await press(alain, url, { do: 'send' })).body, /Nobody to send it to/);
  const bad = await press(alain, url, { do: 'send', to: 'Elise Maes, elise@, <>' });
  assert.match(bad.body, /3 entries are no addresses/);
  assert.match(bad.body, /Correct or remove: .*elise@/);
  const many = Array.from({ length: 500 }, (_, index) => `clerk${index}@tcn.b.eu-admin.net`).join(', ');
  const refused = await press(alain, url, { do: 'send', to: many });
  assert.equal(refused.status, 422);
  assert.match(refused.body, /500 recipients are too many/);
  assert.match(refused.body, /at most 100/);
  assert.match(refused.body, /clerk499@/, 'what was typed is still there');
});

test('T05 a text or subject that is too long is taken whole, refused with its limit in every language, and kept as it was typed', async () => {
  const url = await begin(alain, '?to=Elise.Maes@tcn.b.eu-admin.net');
  const { body } = await alain.get(url);
  for (const name of ['to', 'subject', 'text', 'handling'])
    assert.doesNotMatch(body, new RegExp(`name="${name}"[^>]*maxlength`), `a browser would cut ${name} in silence`);
  const text = `${'é€😀 '.repeat(300_000)}the last words`;
  const subject = `${'long '.repeat(500)}subject`;
  const refused = await press(alain, url, { do: 'send', text, subject });
  assert.equal(refused.status, 422);
  assert.match(refused.body, /The text is too long/);
  assert.match(refused.body, /It has 1,500,014 characters and may have 500,000/);
  assert.match(refused.body, /The subject is too long/);
  assert.match(refused.body, /It has 2,507 characters and may have 1,000/);
  const kept = fieldsOf(await alain.get(url));
  assert.ok(kept.text === text && kept.subject === subject, 'nothing was cut');
  assert.equal(await world.database.prisma.letter.count({ where: { accountId: world.alain.id } }), 0);
  const { prisma } = world.database;
  for (const [locale, words] of [
    ['de', /Der Text ist zu lang[\s\S]*500\.000 Zeichen/],
    ['fr', /Le texte est trop long[\s\S]*500[\s\u00a0\u202f]000 caractères/],
  ] as const) {
    await prisma.account.update({ where: { id: world.alain.id }, data: { locale } });
    assert.match((await alain.get(url)).body, words);
  }
  await prisma.account.update({ where: { id: world.alain.id }, data: { locale: 'en' } });
  const marked = { text: 'short', subject: 'Short', marking: 'instructed', handling: `A${'b'.repeat(800)}` };
  const long = await press(alain, url, { ...marked, do: 'send' });
  assert.match(long.body, /The handling instruction is too long/);
  assert.equal(/name="handling"[^>]* value="([^"]*)"/.exec(long.body)?.[1]?.length, 801, 'nor was this');
  await press(alain, url, { do: 'discard' });
});

test('S09 signing without a Digital ID names what to do', async () => {
  const url = await begin(alain, '?to=Elise.Maes@tcn.b.eu-admin.net');
  const answer = await press(alain, url, { do: 'send', sign: 'on' });
  assert.match(answer.body, /no usable Digital ID to sign with/);
});

test('a double click sends once; the draft is gone, and its letter is found by both', async () => {
  const url = await begin(alain, '?to=Elise.Maes@tcn.b.eu-admin.net');
  const fields = fieldsOf(await alain.get(url), { subject: 'Once', text: 'only once', do: 'send' });
  const answers = await Promise.all([1, 2, 3].map(() => alain.upload(url, url, fields, null)));
  const locations = new Set(answers.map((answer) => answer.location));
  assert.equal(locations.size, 1, [...locations].join(' '));
  assert.match([...locations][0] ?? '', /^\/letters\//);
  assert.equal(await world.database.prisma.letter.count({ where: { accountId: world.alain.id } }), 1);
  const letter = await alain.get([...locations][0] ?? '');
  assert.match(letter.body, /Once/);
  assert.match(letter.body, /Queued|Waiting for your sign-in/);
  assert.equal((await alain.get(url)).status, 404);
  const again = await alain.upload('/drafts', url, fields, null);
  assert.equal(again.location, [...locations][0], 'a form sent later leads to the letter');
  const elise = await Clerk.signIn(world, world.elise);
  assert.match((await elise.get([...locations][0] ?? '')).location ?? '', /keys\/unlock/);
});

/** The files of a draft, opened. */
async function filesOf(clerk: Clerk, url: string): Promise<{ name: string; bytes: Buffer }[]> {
  const { database, config, context } = world;
  const session = await findSession(database, config, clerk.sid, '127.0.0.1', context.now());
  assert.ok(session?.masterKey);
  const { masterKey } = session;
  const draft = await openDraft(database, session, masterKey, url.split('/').at(-1) ?? '');
  return withDraftKeys(database, session.account.id, masterKey, async (keys) => {
    const files: { name: string; bytes: Buffer }[] = [];
    for (const row of draft.attachments) {
      const { name, read } = openAttachment(database, session.account.id, keys, row);
      const pieces: Buffer[] = [];
      for await (const piece of read()) pieces.push(piece);
      files.push({ name, bytes: Buffer.concat(pieces) });
    }
    return files;
  });
}

test('a queued letter is taken back and becomes a draft again, with its files', async () => {
  const url = await begin(alain, '?to=Elise.Maes@tcn.b.eu-admin.net');
  const before = await world.database.prisma.contentChunk.count();
  const names = ['Übersicht.pdf', 'liste.bin'];
  const files = names.map((name, at) => ({ field: 'file', name, bytes: randomBytes(CHUNK_BYTES * (at + 1) + 17) }));
  const written = { subject: 'Too soon', text: 'not like this', askReceipt: 'on', do: 'send' };
  const sent = await press(alain, url, written, files);
  const letter = sent.location ?? '';
  const id = letter.split('/').at(-1) ?? '';
  let cancelled: Answer | null = null;
  for (let attempt = 0; attempt < 50 && !cancelled?.location?.startsWith('/drafts/'); attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    cancelled = await alain.post('/drafts', `${letter}/cancel`, {});
  }
  assert.match(cancelled?.location ?? '', /^\/drafts\//);
  const draft = cancelled?.location ?? '';
  const page = (await alain.get(draft)).body;
  assert.match(page, /not like this/);
  assert.match(page, /name="askReceipt"[^>]* checked/);
  for (const name of names) assert.ok(page.includes(name), name);
  assert.deepEqual(
    await filesOf(alain, draft),
    files.map(({ name, bytes }) => ({ name, bytes })),
  );
  const row = await world.database.prisma.letter.findUniqueOrThrow({ where: { id }, include: { envelopes: true } });
  assert.equal(row.state, 'cancelled');
  assert.equal(row.dueAt, null);
  const contents = row.envelopes.map((envelope) => envelope.contentId);
  assert.equal(await world.database.prisma.contentChunk.count({ where: { contentId: { in: contents } } }), 0);
  const again = await alain.post('/drafts', `${letter}/cancel`, {});
  assert.equal(again.location, letter, 'too late: it is one draft, not two');
  await press(alain, draft, { do: 'discard' });
  assert.equal(await world.database.prisma.contentChunk.count(), before, 'nothing is left of a discarded draft');
});

test('marks for the recipients that are typed come as JSON, in the reader’s language', async () => {
  const answer = await alain.get(
    `/recipients/marks?${new URLSearchParams([
      ['address', 'Elise <Elise.Maes@tcn.b.eu-admin.net>'],
      ['address', 'nonsense'],
    ])}`,
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(JSON.parse(answer.body), {
    marks: [
      {
        address: 'Elise.Maes@tcn.b.eu-admin.net',
        name: 'Elise',
        usable: false,
        reason: 'Not in your contacts: no Digital ID stored.',
        until: null,
        showsSubject: false,
      },
    ],
  });
});

test('an answer to encrypted mail stays encrypted whatever its form says', async () => {
  const content = { ...EMPTY, to: 'Elise.Maes@tcn.b.eu-admin.net', text: 'quoted secret' };
  const origin = { ...NEW_ORIGIN, mode: 'reply' as const, mustEncrypt: true };
  const { id } = await createDraft(world.database, world.alain.id, content, origin, new Date());
  const url = `/drafts/${id}`;
  const page = await alain.get(url);
  assert.match(page.body, /checked disabled/);
  const answer = await press(alain, url, { do: 'send' });
  assert.equal(answer.status, 422);
  assert.match(answer.body, /will not be sent unencrypted/);
});

test('encrypting without signing asks for a confirmation first', async () => {
  const content = { ...EMPTY, to: 'Elise.Maes@tcn.b.eu-admin.net', encrypt: true };
  const { id } = await createDraft(world.database, world.alain.id, content, NEW_ORIGIN, new Date());
  const answer = await press(alain, `/drafts/${id}`, { do: 'send', encrypt: 'on' });
  assert.equal(answer.status, 422);
  assert.match(answer.body, /Encrypted, but not signed/);
  assert.match(answer.body, /name="confirmUnsigned"/);
});

test('a draft whose version moved on keeps both contents, with the attachments on both', async () => {
  const accountId = world.alain.id;
  const made = await createDraft(world.database, accountId, EMPTY, NEW_ORIGIN, new Date());
  await saveDraft(world.database, accountId, { ...made, content: { ...EMPTY, text: 'a' } }, new Date());
  const stale = await saveDraft(world.database, accountId, { ...made, content: { ...EMPTY, text: 'b' } }, new Date());
  assert.equal(stale.kind, 'conflict');
  const third = await saveDraft(world.database, world.elise.id, { ...made, content: EMPTY }, new Date());
  assert.equal(third.kind, 'gone', 'of another account');
});

test('chunks that were swapped or cut off do not open', async () => {
  const { database } = world;
  const key = Buffer.alloc(32, 1);
  const bytes = Buffer.alloc(2 * CHUNK_BYTES, 'x');
  const { contentId, size } = await writeSealedContent(database, key, pieces(bytes), 10 * MiB);
  const read = async () => {
    const all: Buffer[] = [];
    for await (const chunk of readSealedContent(database, key, contentId, size)) all.push(chunk);
    return Buffer.concat(all);
  };
  assert.ok((await read()).equals(bytes));
  await database.pool
    .query(
      'update content_chunk set number = case number when 0 then 1 else 0 end where content_id = $1 and number < 2',
      [contentId],
    )
    .catch(async () => {
      await database.pool.query('update content_chunk set number = number + 10 where content_id = $1', [contentId]);
    });
  await assert.rejects(read);
  const removed = await removeOrphanedContents(database, new Date(Date.now() + 48 * 3_600_000));
  assert.ok(removed >= 3, 'nothing refers to it');
});

test('T06 the bytes of a letter that ended while its node was killed are looked for; those of one that is under way stay', async () => {
  const { database } = world;
  const inTwoDays = new Date(Date.now() + 48 * 3_600_000);
  const url = await begin(alain, '?to=Elise.Maes@tcn.b.eu-admin.net');
  const sent = await press(alain, url, { subject: 'Ended', text: 'a node that is killed', do: 'send' });
  const id = (sent.location ?? '').split('/').at(-1) ?? '';
  const { envelopes, sentCopyId } = await database.prisma.letter.findUniqueOrThrow({
    where: { id },
    include: { envelopes: true },
  });
  const contentId = { in: [sentCopyId, ...envelopes.map((envelope) => envelope.contentId)] };
  const left = () => database.prisma.contentChunk.count({ where: { contentId } });
  const whole = await left();
  assert.ok(whole > 0);
  for (const state of ['queued', 'submitted', 'done', 'failed'] as const) {
    await database.prisma.letter.update({ where: { id }, data: { state, filedAt: null, dueAt: null } });
    await removeOrphanedContents(database, inTwoDays);
    assert.equal(await left(), whole, `${state}, and not yet in Sent`);
  }
  await database.prisma.letter.update({ where: { id }, data: { state: 'done', filedAt: new Date() } });
  await removeOrphanedContents(database, inTwoDays);
  assert.equal(await left(), 0);
});

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

const EMPTY: DraftContent = { to: '', cc: '', bcc: '', subject: '', text: '', sign: false, encrypt: false };
