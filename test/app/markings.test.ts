import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createDraft, type DraftContent, NEW_ORIGIN, sealingKey } from '../../src/services/drafts/drafts.ts';
import type { MarkingPolicy } from '../../src/services/letters/marking-policy.ts';
import type { SealedCopy } from '../../src/services/letters/outbox-copies.ts';
import { enqueueLetter } from '../../src/services/letters/outbox-enqueue.ts';
import { forgetVerdicts, keepVerdict, keptOf } from '../../src/services/mailbox/message-verdicts.ts';
import { findSession } from '../../src/services/sessions/session.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import type { OpenedMessage } from '../../src/smime/verdict.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { type Answer, Clerk } from '../support/clerk.ts';
import { PASSPHRASES } from '../support/people.ts';

const ELISE = 'Elise.Maes@tcn.b.eu-admin.net';

let world: TestApp;
let alain: Clerk;

before(async () => {
  world = await startTestApp();
  alain = await Clerk.signIn(world, world.alain);
  await alain.choosePassphrase(PASSPHRASES.alain);
});
after(() => world.stop());

async function begin(): Promise<string> {
  return (await alain.get('/drafts/new')).location ?? assert.fail('no draft');
}

/** A draft that answers a message with this marking. */
async function beginAnswer(marking: string, content: Partial<DraftContent> = {}): Promise<string> {
  const origin = { ...NEW_ORIGIN, mode: 'reply' as const, marking };
  const whole = { to: ELISE, cc: '', bcc: '', subject: 'Re: Card', text: '', sign: true, encrypt: true, ...content };
  return `/drafts/${(await createDraft(world.database, world.alain.id, whole, origin, new Date())).id}`;
}

/** Presses a button of the form with what was typed; boxes that are not named are not pressed. */
async function press(url: string, typed: Record<string, string>): Promise<Answer> {
  const { body } = await alain.get(url);
  const value = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? '';
  const fields = {
    version: value('version'),
    nonce: value('nonce'),
    to: ELISE,
    cc: '',
    bcc: '',
    subject: 'Card',
    text: 'x',
  };
  return alain.upload(url, url, { ...fields, ...typed }, null);
}

const PROTECTED = { sign: 'on', encrypt: 'on' };
const chosen = (body: string) => /name="marking" value="(\w+)" checked/.exec(body)?.[1] ?? null;
const handling = (body: string) => /name="handling"[^>]* value="([^"]*)"/.exec(body)?.[1];

async function demand(markingPolicy: MarkingPolicy): Promise<void> {
  await world.database.prisma.programme.updateMany({ data: { markingPolicy } });
}

test('S06 a new message has no marking; a choice and its instruction are kept in the draft', async () => {
  const url = await begin();
  assert.equal(chosen((await alain.get(url)).body), 'none');
  await press(url, { ...PROTECTED, marking: 'instructed', handling: 'Personnel only', do: 'save' });
  const { body } = await alain.get(url);
  assert.deepEqual([chosen(body), handling(body)], ['instructed', 'Personnel only']);
  assert.match((await alain.get('/drafts')).body, /SENSITIVE: Personnel only - Card/);
  assert.match(body, /<b>Marked, bound by your signature<\/b>[\s\S]*SENSITIVE: Personnel only/);
  await press(url, { ...PROTECTED, marking: 'none', handling: 'Personnel only', do: 'save' });
  assert.equal(handling((await alain.get(url)).body), 'Personnel only', 'nothing typed is lost');
});

test('S06 a marked message is refused without encryption or signature, and everything typed stays', async () => {
  const url = await begin();
  const answer = await press(url, { marking: 'instructed', handling: 'Staff', text: 'typed-canary', do: 'send' });
  assert.equal(answer.status, 422);
  assert.match(
    answer.body,
    /<b>Marked, but not encrypted<\/b> What is marked SENSITIVE leaves encrypted or not at all/,
  );
  assert.match(answer.body, /<b>Marked, but not signed<\/b>/);
  assert.match(answer.body, /typed-canary/);
  assert.deepEqual([chosen(answer.body), handling(answer.body)], ['instructed', 'Staff']);
  const unsigned = await press(url, { encrypt: 'on', confirmUnsigned: 'on', marking: 'sensitive', do: 'send' });
  assert.match(unsigned.body, /<b>Marked, but not signed<\/b>/);
  assert.doesNotMatch(unsigned.body, /name="confirmUnsigned"/, 'nobody is asked to confirm what cannot be');
  assert.equal(await world.database.prisma.letter.count(), 0);
});

test('S06 a classification in the subject or the instruction is refused with an explanation', async () => {
  const url = await begin();
  const places: Record<string, string>[] = [
    { subject: 'Très secret UE: annex' },
    { marking: 'instructed', handling: 'EU Secret' },
  ];
  for (const typed of places) {
    const answer = await press(url, { ...PROTECTED, ...typed, do: 'send' });
    assert.equal(answer.status, 422);
    assert.match(answer.body, /Classified information must not leave through this system/);
    assert.match(answer.body, /not approved for classified information/);
  }
  assert.match((await alain.get(url)).body, /value="EU Secret"/);
});

test('S06 an instruction cannot break out of its line, and one with odd signs is refused', async () => {
  const url = await begin();
  const answer = await press(url, {
    ...PROTECTED,
    marking: 'instructed',
    handling: 'Staff\r\nBcc: eve@example.org',
    do: 'send',
  });
  assert.equal(answer.status, 422);
  assert.match(answer.body, /has characters that cannot stand there/);
  assert.equal(handling(answer.body), 'Staff Bcc: eve@example.org');
  const quoted = await press(url, { ...PROTECTED, marking: 'instructed', handling: '"><b>x', do: 'save' });
  assert.equal(quoted.status, 302);
  assert.doesNotMatch((await alain.get(url)).body, /"><b>x/);
});

test('S06 a programme can want a decision about each message', async () => {
  await demand('decide');
  try {
    const url = await begin();
    const { body } = await alain.get(url);
    assert.equal(chosen(body), null, 'nothing is decided beforehand');
    assert.match(body, /Your programme wants a decision for each message/);
    const refused = await press(url, { ...PROTECTED, do: 'send' });
    assert.match(refused.body, /<b>No decision about the marking<\/b>/);
    const decided = await press(url, { ...PROTECTED, marking: 'none', do: 'send' });
    assert.doesNotMatch(decided.body, /No decision about the marking/);
  } finally {
    await demand('optional');
  }
});

test('S06 a programme can want everything marked that leaves its domains', async () => {
  await demand('outside');
  await world.database.prisma.programme.updateMany({ data: { allowedRecipientDomains: ['partner.example'] } });
  try {
    const url = await begin();
    const to = `${ELISE}, eva@partner.example`;
    const refused = await press(url, { ...PROTECTED, to, marking: 'none', do: 'send' });
    assert.match(refused.body, /One address is outside your programme: a marking is compulsory/);
    assert.match(refused.body, /What goes to eva@partner.example has to be marked SENSITIVE/);
    const marked = await press(url, { ...PROTECTED, to, marking: 'sensitive', do: 'send' });
    assert.doesNotMatch(marked.body, /a marking is compulsory/);
    const inside = await press(url, { ...PROTECTED, marking: 'none', do: 'send' });
    assert.doesNotMatch(inside.body, /a marking is compulsory/);
  } finally {
    await demand('optional');
  }
});

test('S06 an answer keeps the marking, whatever its form says', async () => {
  const plain = await beginAnswer('SENSITIVE');
  await press(plain, { ...PROTECTED, marking: 'none', do: 'save' });
  const { body } = await alain.get(plain);
  assert.doesNotMatch(body, /name="marking" value="none"/);
  assert.equal(chosen(body), 'sensitive');
  assert.match(body, /is marked, so this one keeps its marking/);
  const instructed = await beginAnswer('SENSITIVE: Staff');
  await press(instructed, { ...PROTECTED, marking: 'instructed', handling: 'Everybody', do: 'save' });
  const fixed = await alain.get(instructed);
  assert.match(fixed.body, /<span class="stamp"><bdi>SENSITIVE: Staff<\/bdi><\/span>/);
  const refused = await press(instructed, { marking: 'none', do: 'send' });
  assert.match(refused.body, /<b>Marked, but not encrypted<\/b>/);
});

test('S06 an answer that was discarded in another window is kept with its marking', async () => {
  const url = await beginAnswer('SENSITIVE: Staff');
  const { body } = await alain.get(url);
  const value = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? '';
  await world.database.prisma.draft.delete({ where: { id: url.split('/').at(-1) ?? '' } });
  const names = ['version', 'nonce', 'keepMarking', 'marking', 'handling'];
  const hidden = Object.fromEntries(names.map((name) => [name, value(name)]));
  const typed = { to: ELISE, cc: '', bcc: '', subject: 'Re: Card', text: 'x', encrypt: 'on', do: 'save' };
  const answer = await alain.upload('/settings', url, { ...typed, ...hidden }, null);
  const kept = await alain.get(answer.location ?? assert.fail(answer.body));
  assert.match(kept.body, /<span class="stamp"><bdi>SENSITIVE: Staff<\/bdi>/);
  assert.doesNotMatch(kept.body, /name="marking" value="none"/);
});

test('S06 a letter that is taken back becomes a draft with its marking', async () => {
  const found = await findSession(world.database, world.config, alain.sid, '127.0.0.1', new Date());
  const session = found ?? assert.fail('no session');
  const marking = { kind: 'instructed', handling: 'Staff' } as const;
  const to = [{ name: '', address: ELISE }];
  async function* copies(): AsyncGenerator<SealedCopy> {
    yield { envelopes: [[ELISE]], bytes: { size: 1, slices: () => [Buffer.from('x')] }, sent: 'same' };
  }
  const id = await enqueueLetter(world.context, session, {
    nonce: 'marked and taken back',
    messageId: '<taken-back@tcn.b>',
    head: { subject: 'Card', text: 'x', to, cc: [], bcc: [], marking },
    headKey: await sealingKey(world.database, world.alain.id),
    signed: true,
    encrypted: true,
    draftId: null,
    copies: copies(),
  });
  assert.match((await alain.get('/letters')).body, /SENSITIVE: Staff - Card/);
  const page = await alain.get(`/letters/${id}`);
  assert.match(page.body, /<span class="stamp"><bdi>SENSITIVE: Staff<\/bdi>/);
  const answer = await alain.post(`/letters/${id}`, `/letters/${id}/cancel`, {});
  const { body } = await alain.get(answer.location ?? assert.fail(answer.body));
  assert.deepEqual([chosen(body), handling(body)], ['instructed', 'Staff']);
});

test('S06 the words are there in French and German', async () => {
  const where = { id: world.alain.id };
  const url = await begin();
  try {
    for (const [locale, words] of [
      ['fr', /Marqué, mais pas chiffré/],
      ['de', /Gekennzeichnet, aber nicht verschlüsselt/],
    ] as const) {
      await world.database.prisma.account.update({ where, data: { locale } });
      assert.match((await press(url, { sign: 'on', marking: 'sensitive', do: 'send' })).body, words);
    }
  } finally {
    await world.database.prisma.account.update({ where, data: { locale: null } });
  }
});

test('S06 a bound marking is kept sealed for the list, and only while the signature is trusted', async () => {
  const ref = { folder: 'INBOX', uidValidity: 9n, uid: 5 };
  const list = { folder: 'INBOX', uidValidity: 9n, uids: [5] };
  const session = await findSession(world.database, world.config, alain.sid, '127.0.0.1', new Date());
  const own = session ?? assert.fail('no session');
  const bytes = Buffer.from(`From: ${ELISE}\r\nSubject: SENSITIVE - x\r\n\r\nhello`);
  const trust = { anchors: [], intermediates: [], explicitlyTrusted: [] };
  const opened = openMessage({ bytes, keys: [], trust, at: new Date() });
  const keep = (changed: Partial<OpenedMessage>) =>
    keepVerdict(world.database, world.alain.id, { ref, opened: { ...opened, ...changed }, closed: 'none' }, new Date());
  await keep({});
  assert.equal((await keptOf(world.database, own, list)).markings.size, 0, 'the subject alone says it');
  const signature = { status: 'trusted', reasons: [], signers: [] } as const;
  await keep({ signature, marking: { text: 'SENSITIVE: marking-canary', bound: true } });
  assert.deepEqual([...(await keptOf(world.database, own, list)).markings], [[5, 'SENSITIVE: marking-canary']]);
  const row = await world.database.prisma.messageVerdict.findFirstOrThrow({ where: { uid: 5n } });
  assert.ok(row.sealedMarking && !Buffer.from(row.sealedMarking).includes('canary'));
  assert.equal((await keptOf(world.database, { account: own.account, masterKey: null }, list)).markings.size, 0);
  await forgetVerdicts(world.database, world.alain.id);
  assert.equal((await keptOf(world.database, own, list)).markings.size, 0);
});
