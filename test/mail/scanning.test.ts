import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Node } from '../../src/server.ts';
import { decideRelease } from '../../src/services/scanning/releases.ts';
import type { SignedIn } from '../../src/services/sessions/session.ts';
import type { ServerName } from '../../testbed/testbed.ts';
import type { World } from '../../testbed/world.ts';
import { composeThroughPages, faultsOf, pressOnDraft } from '../support/compose.ts';
import { EICAR, EICAR_FINDING } from '../support/eicar.ts';
import { fileMessages, keyOfPerson } from '../support/letters.ts';
import { messageTo, type Piece, pageOf } from '../support/office.ts';
import { readyClerk, returningClerk } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const CLAMD: ServerName = 'clamd-relay2';
const FOUND = new RegExp(`Virus found: ${EICAR_FINDING.replaceAll('.', '\\.')}`);

let world: World;
let node: Node;
let alain: Visitor;
let number = 0;

before(async () => {
  world = await startTestWorld({ network: 166, relays: 'all' });
  node = await startTestNode(world);
  alain = await readyClerk(node.url, world, world.people.alain);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});
beforeEach(() => policy('refuse'));

const prisma = () => node.context.database.prisma;

async function policy(scannerPolicy: 'refuse' | 'warn'): Promise<void> {
  await prisma().programme.updateMany({ data: { scannerPolicy } });
}

async function withoutScanner(task: () => Promise<void>): Promise<void> {
  await world.testbed.stopServer(CLAMD);
  try {
    await task();
  } finally {
    await world.testbed.startServer(CLAMD);
  }
}

type File = { name: string; content: string; type?: string };

function mixed(...files: File[]): string {
  const parts = files.map(
    ({ name, content, type = 'application/octet-stream' }) =>
      `--b\r\nContent-Type: ${type}\r\nContent-Disposition: attachment; filename="${name}"\r\n${type === 'message/rfc822' ? '' : 'Content-Transfer-Encoding: base64\r\n'}\r\n${type === 'message/rfc822' ? content : Buffer.from(content).toString('base64')}\r\n`,
  );
  return `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the files.\r\n${parts.join('')}--b--\r\n`;
}

/** Puts a message with these files into Alain's mailbox, encrypted unless said otherwise, and gives the address of its page. */
async function received(files: File[], piece: Partial<Piece> = {}): Promise<string> {
  const subject = `Files ${++number}`;
  const { alain: reader, marta } = world.people;
  const encryptTo = [keyOfPerson(reader).certificate];
  const message = messageTo(world, { subject, mime: mixed(...files), sign: keyOfPerson(marta), encryptTo, ...piece });
  await fileMessages(node, reader, [message]);
  return pageOf(alain, subject);
}

/** Of each test another content, so that none is known already. */
const bad = () => `${EICAR}\r\n${++number}`;
const entries = (reason: string) => prisma().auditEntry.findMany({ where: { reason: { startsWith: reason } } });

async function carla(): Promise<SignedIn> {
  const account = await prisma().account.findFirstOrThrow({
    where: { role: 'central' },
    include: { country: { include: { programme: true, mailServer: true } } },
  });
  return { account, network: '127.0.0.1', administeredProgramme: null } as unknown as SignedIn;
}

async function decide(released: boolean): Promise<string> {
  const row = await prisma().attachmentRelease.findFirstOrThrow({ where: { decidedAt: null } });
  return decideRelease(node.context, await carla(), row, released);
}

describe('a received message', () => {
  it('T30 EICAR in an encrypted mail stopped in the webmail: marked, not given out, and recorded', async () => {
    const virus = bad();
    const href = await received([
      { name: 'list.txt', content: 'Card 0417' },
      { name: 'invoice.exe', content: virus },
    ]);
    const page = await alain.get(href);
    assert.match(page.text, FOUND);
    assert.match(page.text, /scanned, nothing found/);
    assert.ok(page.text.includes(`href="${href}/attachments/0"`), 'the clean one is offered');
    assert.ok(!page.text.includes(`href="${href}/attachments/1"`), 'the infected one is not');
    const clean = await alain.get(`${href}/attachments/0`);
    assert.equal(clean.bytes.toString(), 'Card 0417');
    const refused = await alain.get(`${href}/attachments/1`);
    assert.equal(refused.status, 403);
    assert.match(refused.text, FOUND);
    assert.ok(!refused.bytes.includes(EICAR));
    const sha256 = createHash('sha256').update(virus).digest('hex');
    const recorded = (await entries('save-infected')).find(({ object }) => object === sha256);
    assert.equal(recorded?.result, 'refused');
    assert.equal(recorded?.reason, `save-infected ${EICAR_FINDING}`);
  });

  it('T30 what hides in a forwarded message is found by the scanner', async () => {
    const nested = `From: a@b.example\r\nSubject: inner\r\n${mixed({ name: 'x.exe', content: bad() }).replaceAll(/--b|=b/g, '$&inner')}`;
    const href = await received([{ name: 'inner.eml', content: nested, type: 'message/rfc822' }]);
    assert.match((await alain.get(href)).text, FOUND);
    assert.equal((await alain.get(`${href}/attachments/0`)).status, 403);
  });

  it('T30 text is given to no scanner, only attachments are', async () => {
    const subject = `Text ${++number}`;
    await fileMessages(node, world.people.alain, [messageTo(world, { subject, text: EICAR })]);
    const page = await alain.get(await pageOf(alain, subject));
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.text, FOUND);
  });

  it('T30 what is large is not scanned to show the page, and is scanned to be saved', async () => {
    // clamd looks for the signature anywhere in a file of this kind
    const href = await received([{ name: 'large.bin', content: `${bad()}${'x'.repeat(1_200_000)}` }]);
    const page = await alain.get(href);
    assert.match(page.text, /scanned when you save it/);
    assert.equal((await alain.get(`${href}/attachments/0`)).status, 403);
    assert.match((await alain.get(href)).text, FOUND, 'from then on the page knows');
  });

  it('T30 a result is not asked for again while signatures and content are the same', async () => {
    const content = `Card ${++number}`;
    const href = await received([{ name: 'list.txt', content }]);
    await alain.get(href);
    const row = () => prisma().scanResult.findMany({ orderBy: { scannedAt: 'desc' }, take: 1 });
    const [first] = await row();
    await alain.get(href);
    await alain.get(`${href}/attachments/0`);
    assert.deepEqual(await row(), [first]);
    assert.equal(first?.sha256, createHash('sha256').update(content).digest('hex'));
  });

  it('T30 forwarding takes an infected attachment along no more than saving does', async () => {
    const href = await received([
      { name: 'list.txt', content: 'Card 0417' },
      { name: 'invoice.exe', content: bad() },
    ]);
    const draft = await alain.get(`/drafts/new?reply=${href.slice('/mail/'.length)}&mode=forward`);
    assert.match(draft.text, /Left out: .*invoice\.exe.*virus found: Sealpost\.Test\.EICAR/);
    const files = [...draft.text.matchAll(/<li class="file">.*?<bdi>([^<]*)<\/bdi>/g)].map((match) => match[1]);
    assert.deepEqual(files, ['list.txt']);
  });

  it('T30 a message in clear is not saved as a whole around it; an encrypted one is what it is', async () => {
    const files = [{ name: 'invoice.exe', content: bad() }];
    const encrypted = await received(files);
    assert.equal((await alain.get(`${encrypted}/message.eml`)).status, 200);
    const { alain: reader } = world.people;
    const subject = `Clear ${++number}`;
    await fileMessages(node, reader, [messageTo(world, { subject, mime: mixed(...files) })]);
    const clear = await pageOf(alain, subject);
    const refused = await alain.get(`${clear}/message.eml`);
    assert.equal(refused.status, 403);
    assert.match(refused.text, /cannot be saved as a whole/);
    assert.ok(
      !refused.text.includes(
        Buffer.from(files[0]?.content ?? '')
          .toString('base64')
          .slice(0, 40),
      ),
    );
    const good = `Clear ${++number}`;
    const mime = mixed({ name: 'list.txt', content: 'Card 0417' });
    await fileMessages(node, reader, [messageTo(world, { subject: good, mime })]);
    assert.equal((await alain.get(`${await pageOf(alain, good)}/message.eml`)).status, 200);
  });
});

describe('a picture inside HTML', () => {
  const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  it('T30 is shown where it would be given out as an attachment, on the page and on paper', async () => {
    const clean = base64(`${Buffer.from(PNG, 'base64').toString('latin1')}${++number}`);
    const virus = base64(bad());
    const picture = (id: string, content: string) =>
      `--b\r\nContent-Type: image/png; name=${id}.png\r\nContent-ID: <${id}>\r\nContent-Transfer-Encoding: base64\r\n\r\n${content}\r\n`;
    const mime = `Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Look: <img src="cid:clean" alt="a"> <img src="cid:virus" alt="b"></p>\r\n${picture('clean', clean)}${picture('virus', virus)}--b--\r\n`;
    const subject = `Pictures ${++number}`;
    await fileMessages(node, world.people.alain, [messageTo(world, { subject, mime })]);
    const href = await pageOf(alain, subject);
    const shown = async (place: string) => {
      const { text } = await alain.get(`${href}/${place}?view=html`);
      assert.match(text, /Look:/);
      return { clean: text.includes(clean), virus: text.includes(virus) };
    };
    for (const place of ['body', 'print']) assert.deepEqual(await shown(place), { clean: true, virus: false }, place);
    await withoutScanner(async () => {
      assert.deepEqual(await shown('body'), { clean: false, virus: false });
      await policy('warn');
      assert.deepEqual(await shown('body'), { clean: true, virus: false }, 'a finding is remembered');
    });
  });
});

describe('a message that is not read to its end', () => {
  const file = (content: string) =>
    `Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="invoice.exe"\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(content).toString('base64')}\r\n`;
  const parts = (count: number, last: string) =>
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(count)}--b\r\n${last}--b--\r\n`;
  const nested = (levels: number, innermost: string): string =>
    levels === 0
      ? innermost
      : `Content-Type: multipart/mixed; boundary=b${levels}x\r\n\r\n--b${levels}x\r\n${nested(levels - 1, innermost)}\r\n--b${levels}x--\r\n`;
  /** A boundary that is longer than the standard allows; other programs read it. */
  const long = (content: string) => {
    const boundary = 'b'.repeat(300);
    return `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n--${boundary}\r\n${file(content)}--${boundary}--\r\n`;
  };
  const arrived = async (mime: string) => {
    const subject = `Crafted ${++number}`;
    await fileMessages(node, world.people.alain, [messageTo(world, { subject, mime })]);
    return `${await pageOf(alain, subject)}/message.eml`;
  };
  const SHAPES: [string, (content: string) => string][] = [
    ['of too many parts', (content) => parts(2_100, file(content))],
    ['of too many levels', (content) => nested(25, file(content))],
    ['with a boundary that is too long', long],
  ];

  for (const [shape, mimeOf] of SHAPES)
    it(`T30 ${shape} is scanned as a whole before it is saved`, async () => {
      const refused = await alain.get(await arrived(mimeOf(bad())));
      assert.equal(refused.status, 403);
      assert.match(refused.text, /The message cannot be saved as a whole/);
      assert.match(refused.text, /A virus was found in this message/);
      assert.ok(!refused.text.includes('/attachments/'), 'there is no one attachment to look at');
      assert.ok((await entries('save-infected')).some(({ object }) => /^[0-9a-f]{64}$/.test(object ?? '')));
    });

  it('T30 that is harmless is saved, and without a result only where the programme lets it pass, which is recorded', async () => {
    const unclosed = () => `${mixed({ name: 'list.txt', content: `Card ${++number}` }).replace(/--b--\r\n$/, '')}`;
    assert.equal((await alain.get(await arrived(unclosed()))).status, 200);
    const href = await arrived(long(`Card ${++number}`));
    await withoutScanner(async () => {
      const held = await alain.get(href);
      assert.equal(held.status, 503);
      assert.match(held.text, /The virus scanner gave no result for this message/);
      await policy('warn');
      const before = (await entries('saved-unscanned')).length;
      assert.equal((await alain.get(href)).status, 200);
      assert.equal((await entries('saved-unscanned')).length, before + 1);
    });
  });

  it('T30 that is larger than a page opens is scanned as far as the scanner goes', async () => {
    const limits = { MESSAGE_LIMIT_MB: '1', SCANNER_LIMIT_MB: '2', NODE_NAME: 'narrow' };
    const narrow = await startTestNode(world, limits);
    try {
      const reader = await returningClerk(narrow.url, world.people.alain);
      const padding = (bytes: number) => ({ name: 'padding.bin', content: `${++number}${'x'.repeat(bytes)}` });
      const infected = await arrived(mixed({ name: 'invoice.exe', content: bad() }, padding(900_000)));
      const refused = await reader.get(infected);
      assert.equal(refused.status, 403);
      assert.match(refused.text, /A virus was found in this message: Sealpost\.Test\.EICAR/);
      assert.equal((await reader.get(await arrived(mixed(padding(900_000))))).status, 200);
      const large = await reader.get(await arrived(mixed(padding(2_000_000))));
      assert.equal(large.status, 503);
      assert.match(large.text, /Messages above 2 MB are not scanned/);
    } finally {
      await narrow.stop();
    }
  });
});

describe('a message with very many attachments', () => {
  it('T30 is saved as a whole only where the programme lets pass what has no result', async () => {
    const subject = `Many ${++number}`;
    const files = Array.from({ length: 101 }, (_, at) => ({ name: `${at}.txt`, content: 'the same' }));
    await fileMessages(node, world.people.alain, [messageTo(world, { subject, mime: mixed(...files) })]);
    const href = await pageOf(alain, subject);
    assert.equal((await alain.get(`${href}/message.eml`)).status, 503);
    assert.equal((await alain.get(`${href}/attachments/100`)).status, 200, 'each of them can be saved');
    await policy('warn');
    assert.equal((await alain.get(`${href}/message.eml`)).status, 200);
  });
});

describe('a release', () => {
  it('T30 the holder asks once, an administrator releases once, and it is saved exactly once', async () => {
    const virus = bad();
    const href = await received([{ name: 'invoice.exe', content: virus }]);
    const attachment = `${href}/attachments/0`;
    await alain.get(`${attachment}/finding`);
    assert.equal((await alain.post(`${attachment}/released`)).status, 403, 'nothing was released yet');
    await alain.get(`${attachment}/finding`);
    const asked = await alain.post(`${attachment}/release`);
    assert.match(asked.text, /Your administrator sees the request now/);
    assert.match((await alain.post(`${attachment}/release`)).text, /asked for this content before/);
    const row = await prisma().attachmentRelease.findFirstOrThrow({ where: { decidedAt: null } });
    assert.equal(row.sender.toLowerCase(), world.people.marta.address.toLowerCase());
    assert.equal(row.sha256, createHash('sha256').update(virus).digest('hex'));
    assert.ok(!JSON.stringify({ ...row }).includes('invoice'), 'nothing of the content, not even its name');
    assert.equal(await decide(true), 'done');
    assert.match((await alain.get(href)).text, /released, not saved yet/);
    await alain.get(`${attachment}/finding`);
    const answers = await Promise.all([1, 2, 3, 4].map(() => alain.post(`${attachment}/released`)));
    const given = answers.filter(({ status }) => status === 200);
    assert.equal(given.length, 1);
    assert.equal(given[0]?.bytes.toString(), virus);
    assert.match(given[0]?.headers.get('content-disposition') ?? '', /^attachment; filename="invoice\.exe"/);
    assert.equal((await alain.get(attachment)).status, 403, 'nor in the usual way');
    assert.match((await alain.get(`${attachment}/finding`)).text, /not given out a second time/);
    for (const reason of ['release-asked', 'release-granted', 'release-used']) {
      const found = (await entries(reason)).filter(({ object }) => object === row.sha256);
      assert.equal(found.length, 1, reason);
    }
  });

  it('T30 what was refused stays where it is', async () => {
    const href = await received([{ name: 'invoice.exe', content: bad() }]);
    await alain.get(`${href}/attachments/0/finding`);
    await alain.post(`${href}/attachments/0/release`);
    assert.equal(await decide(false), 'done');
    const page = await alain.get(`${href}/attachments/0/finding`);
    assert.match(page.text, /The administrator refused/);
    assert.equal((await alain.post(`${href}/attachments/0/released`)).status, 403);
  });
});

describe('an upload', () => {
  const letter = (name: string, content: string) => ({
    to: world.people.alain.address,
    subject: `Upload ${++number}`,
    text: 'What I wrote stays.',
    file: new File([content], name),
  });

  it('T30 with a virus is refused at once by name, what was typed is kept, and nothing of the file is', async () => {
    const before = await prisma().contentChunk.count();
    const answer = await composeThroughPages(alain, letter('invoice.exe', bad()), 'attach');
    assert.match(answer.text, new RegExp(`not attached: .*invoice\\.exe.* \\(${EICAR_FINDING}\\)`));
    assert.match(answer.text, /What I wrote stays\./);
    assert.doesNotMatch(answer.text, /<li class="file">/);
    assert.equal(await prisma().contentChunk.count(), before);
    assert.ok((await entries('upload-infected')).length > 0);
  });

  it('T30 that is clean leaves with the letter', async () => {
    const answer = await composeThroughPages(alain, letter('list.txt', 'Card 0417'));
    assert.match(answer.url, /^\/letters\//, faultsOf(answer));
  });

  it('T30 that was clean for older signatures is scanned again before it leaves', async () => {
    const written = letter('list.txt', `Card ${++number}`);
    const draft = await composeThroughPages(alain, written, 'attach');
    assert.match(draft.text, /scanned, nothing found/);
    const sha256 = createHash('sha256')
      .update(`Card ${number - 1}`)
      .digest('hex');
    const { count } = await prisma().scanResult.updateMany({ where: { sha256 }, data: { finding: 'Learnt.Later' } });
    assert.equal(count, 1);
    const { file, ...again } = written;
    const refused = await pressOnDraft(alain, draft, again, 'send');
    assert.equal(refused.status, 422);
    assert.match(faultsOf(refused), /A virus was found in an attachment.*list\.txt.*Learnt\.Later/);
    assert.ok(file);
  });
});

describe('while the scanner is down', () => {
  it('T30 a programme that refuses gives out and takes in nothing unscanned, and says why', async () => {
    const href = await received([{ name: 'list.txt', content: `Card ${++number}` }]);
    const draft = await composeThroughPages(
      alain,
      { to: world.people.alain.address, subject: 'Later', text: 'x', file: new File(['Card 0417'], 'list.txt') },
      'attach',
    );
    await withoutScanner(async () => {
      assert.match((await alain.get(href)).text, /not scanned: the virus scanner does not answer/);
      const held = await alain.get(`${href}/attachments/0`);
      assert.equal(held.status, 503);
      assert.match(held.text, /gives out nothing that was not scanned/);
      assert.equal((await alain.post(`${href}/attachments/0/unscanned`)).status, 503, 'whatever the form says');
      const file = new File([`other ${++number}`], 'new.txt');
      const upload = { to: world.people.alain.address, subject: 'Now', text: 'What I wrote stays.', file };
      const refused = await composeThroughPages(alain, upload, 'attach');
      assert.match(refused.text, /new\.txt.* was not attached: the virus scanner gave no result/);
      assert.match(refused.text, /What I wrote stays\./);
      const page = await alain.get(draft.url);
      const later = { to: world.people.alain.address, subject: 'Later', text: 'x' };
      const kept = await pressOnDraft(alain, page, later, 'send');
      assert.match(faultsOf(kept), /An attachment was not scanned.*The draft is kept/);
    });
    assert.equal((await alain.get(`${href}/attachments/0`)).status, 200, 'and goes on when it is back');
  });

  it('T30 a programme that warns lets the holder decide, and records it', async () => {
    await policy('warn');
    const content = `Card ${++number}`;
    const href = await received([{ name: 'list.txt', content }]);
    await withoutScanner(async () => {
      const warned = await alain.get(`${href}/attachments/0`);
      assert.equal(warned.status, 503);
      assert.match(warned.text, /allows you to save it unscanned/);
      const saved = await alain.post(`${href}/attachments/0/unscanned`);
      assert.equal(saved.status, 200);
      assert.equal(saved.bytes.toString(), content);
      const file = new File([`other ${++number}`], 'new.txt');
      const letter = { to: world.people.alain.address, subject: 'Unscanned', text: 'x', file };
      const draft = await composeThroughPages(alain, letter, 'attach');
      assert.match(draft.text, /not scanned yet/);
      const sent = await pressOnDraft(alain, draft, { ...letter, file: new File([], '') }, 'send');
      assert.match(sent.url, /^\/letters\//, faultsOf(sent));
      assert.match(sent.text, /Sent, but not scanned for viruses.*new\.txt/);
    });
    const sha256 = createHash('sha256').update(content).digest('hex');
    assert.equal((await entries('saved-unscanned')).filter(({ object }) => object === sha256).length, 1);
    assert.equal((await entries('sent-unscanned')).length, 1);
  });

  it('T30 a virus that was found before is held back all the same, also where the programme warns', async () => {
    await policy('warn');
    const href = await received([{ name: 'invoice.exe', content: bad() }]);
    assert.match((await alain.get(href)).text, FOUND);
    await withoutScanner(async () => {
      assert.match((await alain.get(href)).text, FOUND);
      assert.equal((await alain.get(`${href}/attachments/0`)).status, 403);
      assert.equal((await alain.post(`${href}/attachments/0/unscanned`)).status, 403);
    });
  });
});

describe('a scanner with limits', () => {
  it('T30 what is larger than it scans has a reason of its own, and the programme decides', async () => {
    const small = await startTestNode(world, { SCANNER_LIMIT_MB: '1', NODE_NAME: 'small' });
    try {
      const reader = await returningClerk(small.url, world.people.alain);
      const href = await received([{ name: 'large.bin', content: `${++number}${'x'.repeat(1_200_000)}` }]);
      const held = await reader.get(`${href}/attachments/0`);
      assert.equal(held.status, 503);
      assert.match(held.text, /Too large to be scanned[\s\S]*Attachments above 1 MB are not scanned/);
      await policy('warn');
      await reader.get(`${href}/attachments/0`);
      assert.equal((await reader.post(`${href}/attachments/0/unscanned`)).status, 200);
      assert.equal((await alain.get(`${href}/attachments/0`)).status, 200, 'another node scans more');
    } finally {
      await small.stop();
    }
  });

  it('T30 one that hangs holds no page up, and nothing of it counts', async () => {
    const hasty = await startTestNode(world, { SCANNER_SECONDS: '1', NODE_NAME: 'hasty' });
    const pidFile = path.join(path.dirname(world.testbed.clamdSocket ?? assert.fail('no clamd')), 'clamd.pid');
    const pid = Number(fs.readFileSync(pidFile, 'utf8'));
    const href = await received([{ name: 'list.txt', content: `Card ${++number}` }]);
    const reader = await returningClerk(hasty.url, world.people.alain);
    process.kill(pid, 'SIGSTOP');
    try {
      assert.match((await reader.get(href)).text, /the virus scanner does not answer/);
      assert.equal((await reader.get(`${href}/attachments/0`)).status, 503);
    } finally {
      process.kill(pid, 'SIGCONT');
      await hasty.stop();
    }
    assert.equal((await alain.get(`${href}/attachments/0`)).status, 200);
  });

  it('T30 what is asked of it at once is scanned in turn, and each gets its own answer', async () => {
    const files = Array.from({ length: 8 }, (_, at) => ({
      name: `file ${at}`,
      content: at % 2 === 0 ? `Card ${++number}` : bad(),
    }));
    const href = await received(files);
    const answers = await Promise.all(files.map((_, at) => alain.get(`${href}/attachments/${at}`)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      files.map((_, at) => (at % 2 === 0 ? 200 : 403)),
    );
  });
});
