/**
 * Captured cipher texts in the mailbox of a clerk who can decrypt them: their text leaves in no response where it was put
 * below the root, in no answer where it was sent again as a whole, in no notification, and in no row of the database.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import type { World } from '../../testbed/world.ts';
import { BELOW_THE_ROOT, SECRET, SENT_AGAIN } from '../support/claims/ciphertexts.ts';
import { pressOnDraft } from '../support/compose.ts';
import { fileMessages, keyOfPerson, settleIn, trustRoot } from '../support/letters.ts';
import { until } from '../support/ready-clerk.ts';
import { makePeople, type People } from '../support/smime-people.ts';
import type { Answer, Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const INBOX = `/mail/${folderId('INBOX')}`;
const MODES = ['reply', 'reply-all', 'forward'] as const;
const VIEWS = ['text', 'html', 'source'] as const;
/** A text that was cut or turned in places still gives this away. */
const TELLTALE = SECRET.slice(4, -1);

let world: World;
let node: Node;
let alain: Visitor;
let people: People;
let told: { words: string; close(): Promise<void> };

before(async () => {
  people = makePeople();
  world = await startTestWorld({ network: 121 });
  node = await startTestNode(world);
  alain = await settleIn(node, world.people.alain, 'quiet harbour lantern 42');
  await trustRoot(node, world.people.alain, people.root);
  told = await listen();
});
after(async () => {
  await told?.close();
  await node?.stop();
  await world?.stop();
  people?.remove();
});

for (const [place, made] of Object.entries(BELOW_THE_ROOT)) {
  test(`S14 a captured cipher text ${place} is in no page, file, answer or draft in clear`, async () => {
    const href = await arrive(made(people, readerOf()));
    for (const answer of await everythingOf(href)) assertSilent(answer);
    for (const mode of MODES) {
      const draft = await alain.get(answerHref(href, mode));
      assertSilent(draft);
      assertSilent(await press(draft, 'save'));
      assertSilent(await press(draft, 'quote'));
      assertSilent(await alain.get(draft.url));
    }
  });
}

for (const [form, { made }] of Object.entries(SENT_AGAIN)) {
  test(`T25 a captured cipher text ${form} is shown in its frame, and no answer starts with it`, async () => {
    const href = await arrive(made(people, readerOf()));
    const page = await alain.get(href);
    assertSilent(page);
    assert.ok((await alain.get(`${href}/body`)).text.includes(TELLTALE), 'the reader has the keys');
    for (const path of ['/source', '/message.eml', '/body?view=source'])
      assertSilent(await alain.get(`${href}${path}`));
    const body = await alain.get(`${href}/body?view=html&remote=1`);
    assert.doesNotMatch(body.text, /evil\.example\/x|<img|<a /, 'no way out of the frame');
    for (const mode of ['reply', 'reply-all'] as const) {
      const draft = await alain.get(answerHref(href, mode));
      assertSilent(draft);
      assert.match(draft.text, /name="encrypt" value="on"/);
      assertSilent(await press(draft, 'save'));
    }
    const forward = await alain.get(answerHref(href, 'forward'));
    assert.ok(forward.text.includes(TELLTALE), 'a forward goes to whom the writer names');
    assert.match(forward.text, /name="encrypt" value="on"/, 'and leaves encrypted only');
  });
}

test('T25 a forward of what was encrypted leaves encrypted, whatever the form says', async () => {
  const { prisma } = node.context.database;
  await trustRoot(node, world.people.alain, keyOfPerson(world.people.alain).root);
  const href = await arrive(SENT_AGAIN['as one’s own under GCM']?.made(people, readerOf()) ?? assert.fail());
  const draft = await alain.get(answerHref(href, 'forward'));
  const letter = { to: world.people.alain.address, subject: 'Fwd', text: textOf(draft), encrypt: false };
  assert.ok(letter.text.includes(TELLTALE));
  const sent = await pressOnDraft(alain, draft, letter, 'send');
  assert.match(sent.url, /^\/letters\//);
  assertSilent(sent);
  const row = await prisma.letter.findUniqueOrThrow({ where: { id: sent.url.split('/').at(-1) ?? '' } });
  assert.equal(row.encrypted, true);
});

test('T25 a notification of new mail has a number and nothing of the message', async () => {
  await until('a notification', async () => told.words.includes('event: mail'));
  const lines = told.words
    .split('\n')
    .filter((line) => line !== '' && !/^(id: \d+|event: mail|retry: \d+|:.*)$/.test(line));
  assert.ok(lines.length > 0);
  for (const line of lines) assert.match(line, /^data: \{"count":\d+\}$/);
});

test('T25 no row of the database has the text in clear, neither as words nor as octets', async () => {
  const client = new pg.Client({ connectionString: world.environment['DATABASE_URL'] });
  await client.connect();
  try {
    const hex = Buffer.from(TELLTALE).toString('hex');
    const base64 = Buffer.from(SECRET).toString('base64').slice(0, 20);
    const tables = await client.query("select tablename from pg_tables where schemaname = 'public'");
    const names = tables.rows.map((row) => String(row.tablename));
    assert.ok(['draft', 'letter', 'message_verdict', 'content_chunk'].every((name) => names.includes(name)));
    const drafts = await client.query('select count(*)::int as count from draft');
    assert.ok(drafts.rows[0].count >= 3 * Object.keys(BELOW_THE_ROOT).length, 'the drafts are there');
    for (const name of names) {
      const found = await client.query(`select 1 from "${name}" as one where one::text ~ $1 limit 1`, [
        `${TELLTALE}|${hex}|${base64.replaceAll('+', '\\+')}`,
      ]);
      assert.equal(found.rowCount, 0, name);
    }
  } finally {
    await client.end();
  }
});

const readerOf = () => keyOfPerson(world.people.alain).certificate;

const answerHref = (href: string, mode: string) => `/drafts/new?reply=${href.replace('/mail/', '')}&mode=${mode}`;

function assertSilent(answer: Answer): void {
  assert.equal(answer.status, 200, answer.url);
  assert.ok(!answer.text.includes(TELLTALE), `the text is in ${answer.url}`);
}

async function arrive(bytes: Buffer): Promise<string> {
  await fileMessages(node, world.people.alain, [bytes]);
  return /<a class="subject" href="([^"]+)"/.exec((await alain.get(INBOX)).text)?.[1] ?? assert.fail('no message');
}

/** Every address that the page of a message leads to, in every view. */
async function everythingOf(href: string): Promise<Answer[]> {
  const page = await alain.get(href);
  const files = [...page.text.matchAll(/href="([^"]+\/attachments\/\d+)"/g)].map(([, file]) => file ?? '');
  const views = VIEWS.flatMap((view) => [
    `${href}?view=${view}&remote=1`,
    `${href}/body?view=${view}&remote=1`,
    `${href}/print?view=${view}&remote=1`,
  ]);
  const answers = [page];
  for (const path of [...views, `${href}/source`, `${href}/message.eml`, ...files, INBOX, '/drafts']) {
    answers.push(await alain.get(path));
  }
  return answers;
}

/** One of the buttons of the draft, with what stands in its form. */
async function press(draft: Answer, button: 'save' | 'quote'): Promise<Answer> {
  const page = await alain.get(draft.url);
  const field = (name: string) => new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(page.text)?.[1] ?? '';
  const letter = { to: 'marta@tcn.d.eu-admin.net', subject: field('subject'), text: textOf(page) };
  return pressOnDraft(alain, page, letter, button);
}

const textOf = (draft: Answer) => /<textarea[^>]*name="text"[^>]*>\n([\s\S]*?)<\/textarea>/.exec(draft.text)?.[1] ?? '';

/** What the stream of notifications says, from now on. */
async function listen(): Promise<{ words: string; close(): Promise<void> }> {
  const cookie = [...alain.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const response = await fetch(`${node.url}/events`, { headers: { cookie } });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader() ?? assert.fail('no stream');
  const stream = { words: '', close: () => reader.cancel() };
  const read = async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      stream.words += value;
    }
  };
  void read().catch(() => undefined);
  await until('the stream to begin', async () => /^id: \d+$/m.test(stream.words));
  return stream;
}
