import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { noteHeaderProtection } from '../../src/services/contacts/contact-capabilities.ts';
import { createDraft, type DraftContent, NEW_ORIGIN } from '../../src/services/drafts/drafts.ts';
import { forgetVerdicts, keepVerdict, keptOf } from '../../src/services/mailbox/message-verdicts.ts';
import type { ReadMessage } from '../../src/services/mailbox/read-message.ts';
import { findSession, type SignedIn } from '../../src/services/sessions/session.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import type { OpenedMessage } from '../../src/smime/verdict.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';
import { PASSPHRASES } from '../support/people.ts';

const MARJA = 'Marja.Virtanen@tcn.fin.eu-admin.net';
const JAN = 'Jan.Novak@tcn.cz.eu-admin.net';

let world: TestApp;
let alain: Clerk;

before(async () => {
  world = await startTestApp();
  alain = await Clerk.signIn(world, world.alain);
  await alain.choosePassphrase(PASSPHRASES.alain);
  await alain.post('/contacts', '/contacts', { name: 'Marja Virtanen', address: MARJA });
  await alain.post('/contacts', '/contacts', { name: 'Jan Novák', address: JAN });
});
after(() => world.stop());

const contact = (address: string) =>
  world.database.prisma.contact.findFirstOrThrow({ where: { accountId: world.alain.id, address } });

async function shows(address: string, showsProtectedSubject: boolean | null): Promise<void> {
  const { id } = await contact(address);
  await world.database.prisma.contact.update({ where: { id }, data: { showsProtectedSubject } });
}

/** Saves the contact's form, with or without its box. */
async function save(address: string, box: boolean): Promise<boolean | null> {
  const { id, name } = await contact(address);
  const fields = { name, note: '', ...(box ? { showsProtectedSubject: 'on' } : {}) };
  const answer = await alain.post(`/contacts/${id}`, `/contacts/${id}`, fields);
  assert.equal(answer.status, 302, answer.body);
  return (await contact(address)).showsProtectedSubject;
}

function message(changed: Partial<OpenedMessage>): OpenedMessage {
  const bytes = Buffer.from(`From: ${MARJA}\r\nSubject: [...]\r\n\r\nhello`);
  const trust = { anchors: [], intermediates: [], explicitlyTrusted: [] };
  return { ...openMessage({ bytes, keys: [], trust, at: new Date() }), headersProtected: true, ...changed };
}

const signed = (status: OpenedMessage['signature']['status']) =>
  message({ signature: { status, reasons: [], signers: [] } });

async function session(): Promise<SignedIn> {
  const found = await findSession(world.database, world.config, alain.sid, '127.0.0.1', new Date());
  return found ?? assert.fail('no session');
}

test('that a contact sees hidden subjects is learnt once, from a trusted signature alone', async () => {
  const own = await session();
  for (const status of ['none', 'partial', 'untrusted', 'mismatch', 'invalid'] as const) {
    await noteHeaderProtection(world.context, own, signed(status));
  }
  await noteHeaderProtection(world.context, own, { ...signed('trusted'), headersProtected: false });
  assert.equal((await contact(MARJA)).showsProtectedSubject, null);
  await noteHeaderProtection(world.context, own, signed('trusted'));
  assert.equal((await contact(MARJA)).showsProtectedSubject, true);
  assert.equal((await contact(JAN)).showsProtectedSubject, null);
});

test('a clerk who switches it off is not overturned by the next message', async () => {
  await shows(MARJA, true);
  assert.equal(await save(MARJA, false), false);
  await noteHeaderProtection(world.context, await session(), signed('trusted'));
  assert.equal((await contact(MARJA)).showsProtectedSubject, false);
  assert.equal(await save(MARJA, true), true);
});

test('a name that is saved beside an empty box decides nothing', async () => {
  await shows(JAN, null);
  assert.equal(await save(JAN, false), null);
  const page = await alain.get(`/contacts/${(await contact(JAN)).id}`);
  assert.match(page.body, /name="showsProtectedSubject"><span>/);
  await shows(JAN, true);
  assert.match(
    (await alain.get(`/contacts/${(await contact(JAN)).id}`)).body,
    /name="showsProtectedSubject" checked><span>/,
  );
});

test('the compose page says whether the subject will be visible on the way', async () => {
  await shows(MARJA, true);
  await shows(JAN, null);
  const said = async (content: Partial<DraftContent>, hideSubject = false) => {
    const origin = { ...NEW_ORIGIN, hideSubject, mustEncrypt: hideSubject };
    const whole = { to: '', cc: '', bcc: '', subject: 'Card', text: '', sign: true, encrypt: true, ...content };
    const { id } = await createDraft(world.database, world.alain.id, whole, origin, new Date());
    const { body } = await alain.get(`/drafts/${id}`);
    const hint = /data-subject-words[^>]*>([^<]*)</.exec(body)?.[1];
    const check = /<b>Subject (hidden|visible) on the way<\/b>/.exec(body)?.[1];
    return [hint?.replace(/[\u2066-\u2069]/g, ''), check];
  };
  const hidden = 'The subject is encrypted with the text. On the way it shows as “[...]”.';
  assert.deepEqual(await said({ to: MARJA }), [hidden, 'hidden']);
  assert.deepEqual(await said({ to: MARJA, cc: world.alain.address }), [
    'The subject is visible on the way: it is not known whether Alain.Dupont@tcn.b.eu-admin.net would see a hidden one.',
    'visible',
  ]);
  assert.deepEqual(await said({ to: MARJA, bcc: JAN }), [
    'The subject is visible on the way: it is not known whether Jan Novák would see a hidden one.',
    'visible',
  ]);
  assert.deepEqual(await said({ to: JAN }, true), [hidden, 'hidden'], 'an answer to a hidden one');
  assert.deepEqual(await said({ to: MARJA, encrypt: false }), ['The subject is visible on the way.', undefined]);
  assert.match(String((await said({}))[0]), /unless all recipients are known/);
});

test('a recovered answer to a hidden subject still hides it', async () => {
  const origin = { ...NEW_ORIGIN, hideSubject: true, mustEncrypt: true };
  const content = { to: JAN, cc: '', bcc: '', subject: 'Re: Card', text: 'x', sign: true, encrypt: true };
  const { id } = await createDraft(world.database, world.alain.id, content, origin, new Date());
  const { body } = await alain.get(`/drafts/${id}`);
  const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? '';
  await world.database.prisma.draft.delete({ where: { id } });
  const { to, cc, bcc, subject, text } = content;
  const fields = { to, cc, bcc, subject, text, encrypt: 'on', do: 'save' };
  const form = { ...fields, version: hidden('version'), nonce: hidden('nonce'), hideSubject: hidden('hideSubject') };
  const answer = await alain.upload('/settings', `/drafts/${id}`, form, null);
  assert.equal(answer.status, 302, answer.body);
  assert.match((await alain.get(answer.location ?? '')).body, /data-answers-hidden/);
});

test('the subject of an opened message is kept sealed, for this message and its reader alone', async () => {
  const ref = { folder: 'INBOX', uidValidity: 7n, uid: 3 };
  const list = { folder: 'INBOX', uidValidity: 7n, uids: [3, 4] };
  const opened = { ...signed('trusted'), subject: 'subject-canary', subjectHidden: true };
  const kept = (changed: Partial<ReadMessage>) =>
    keepVerdict(world.database, world.alain.id, { ref, opened, closed: 'none', ...changed }, new Date());
  const own = await session();
  await kept({ closed: 'locked' });
  assert.equal((await keptOf(world.database, own, list)).verdicts.size, 0);
  await kept({ opened: { ...opened, subjectHidden: false } });
  assert.equal((await keptOf(world.database, own, list)).subjects.size, 0, 'the server shows it anyway');
  await kept({});
  assert.deepEqual([...(await keptOf(world.database, own, list)).subjects], [[3, 'subject-canary']]);
  const row = await world.database.prisma.messageVerdict.findFirstOrThrow({ where: { uid: 3n } });
  assert.ok(row.sealedSubject && !Buffer.from(row.sealedSubject).includes('canary'));
  await kept({});
  const again = await world.database.prisma.messageVerdict.findFirstOrThrow({ where: { uid: 3n } });
  assert.deepEqual(again.sealedSubject, row.sealedSubject, 'not written again at each look');
  const locked = await keptOf(world.database, { account: own.account, masterKey: null }, list);
  assert.deepEqual([locked.verdicts.get(3)?.signature, locked.subjects.size], ['trusted', 0]);
  await world.database.prisma.messageVerdict.create({
    data: { accountId: world.alain.id, folder: 'INBOX', uidValidity: 7n, uid: 4n, sealedSubject: row.sealedSubject },
  });
  assert.deepEqual([...(await keptOf(world.database, own, list)).subjects.keys()], [3], 'moved to another row');
});

test('a decision about trust forgets the verdict and keeps the subject', async () => {
  const list = { folder: 'INBOX', uidValidity: 7n, uids: [3] };
  await forgetVerdicts(world.database, world.alain.id);
  const kept = await keptOf(world.database, await session(), list);
  assert.deepEqual([kept.verdicts.size, kept.subjects.get(3)], [0, 'subject-canary']);
});
