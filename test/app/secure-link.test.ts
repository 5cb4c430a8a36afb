import assert from 'node:assert/strict';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Account } from '../../src/generated/prisma/client.ts';
import type { Certificate } from '../../src/pki/certificate.ts';
import { createIssuingAuthority, createRootAuthority, issuePersonalCertificate } from '../../src/pki/issue.ts';
import { generateKeyPair } from '../../src/pki/key-pair.ts';
import { writePkcs12 } from '../../src/pki/pkcs12-write.ts';
import { addContactFromMessage } from '../../src/services/contacts/contact-from-message.ts';
import { recipientMarks } from '../../src/services/contacts/contact-marks.ts';
import { noteLinkProgress } from '../../src/services/contacts/secure-link.ts';
import { findSession, type SignedIn } from '../../src/services/sessions/session.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import type { OpenedMessage } from '../../src/smime/verdict.ts';
import { startTestApp, type TestApp, tokenOf } from '../support/app.ts';
import { PASSPHRASES } from '../support/people.ts';

const DAY = 24 * 3600 * 1000;
const NOW = new Date('2026-11-24T09:00:00Z');
const MARJA = 'Marja.Virtanen@tcn.fin.eu-admin.net';
const origin = 'http://localhost:8460';

type Key = { certificate: Certificate; privateKey: KeyObject; pkcs8: Buffer };

let world: TestApp;
let root: Certificate;
let issuing: Certificate;
let issueTo: (address: string, options?: { usage?: 'both' | 'sign' | 'encrypt' }) => Promise<Key>;
let marja: Key;
let alainKey: Key;
let cookie = '';

before(async () => {
  world = await startTestApp();
  world.setNow(NOW);
  const life = { notBefore: new Date(NOW.getTime() - 400 * DAY), notAfter: new Date(NOW.getTime() + 4000 * DAY) };
  const top = await createRootAuthority({ name: 'Programme Root', keyAlgorithm: 'P-256', ...life });
  const middle = await createIssuingAuthority({
    ...{ issuer: top, name: 'Programme Issuing', keyAlgorithm: 'P-256', domains: ['.eu-admin.net'] },
    ...life,
  });
  root = top.certificate;
  issuing = middle.certificate;
  issueTo = async (address, { usage = 'both' } = {}) => {
    const pair = await generateKeyPair('RSA-2048');
    const certificate = await issuePersonalCertificate({
      ...{ issuer: middle, address, name: address, publicKey: pair.publicKey, usage, policyOid: '1.3.6.1.4.1.99999.1' },
      notBefore: new Date(NOW.getTime() - DAY),
      notAfter: new Date(NOW.getTime() + 30 * DAY),
    });
    const pkcs8 = Buffer.from(pair.privateKey);
    return { certificate, pkcs8, privateKey: createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }) };
  };
  marja = await issueTo(MARJA);
  alainKey = await issueTo(world.alain.address);
  await world.database.prisma.programme.updateMany({ data: { allowedRecipientDomains: ['tcn.fin.eu-admin.net'] } });
});
after(() => world.stop());

test('T19 S05 a secure link goes from asked to answered, tested and ready', async () => {
  await settleIn(world.alain, alainKey);
  await trust(world.alain);

  const asked = await post('/contacts/link', {
    nonce: '6f3f2c6e-7a0e-4c58-9a52-1d4b1f1c0a01',
    recipients: `Marja Virtanen <${MARJA}>`,
    subject: 'Request for a secure link',
    text: 'Please answer signed.',
  });
  assert.equal(asked.status, 302, asked.body);
  const first = await contactOf(world.alain);
  assert.deepEqual(
    [first.linkState, first.name, first.linkAskedAt?.getTime()],
    ['asked', 'Marja Virtanen', NOW.getTime()],
  );
  const letter = await world.database.prisma.letter.findFirstOrThrow({
    where: { messageId: first.linkMessageId ?? '' },
  });
  assert.deepEqual([letter.signed, letter.encrypted], [true, false]);

  const session = await signedInAs();
  // Somebody else's signature, an unsigned answer and one from before move nothing.
  for (const message of [
    answer({ signed: false, inReplyTo: first.linkMessageId }),
    answer({ inReplyTo: first.linkMessageId, tamper: true }),
    answer({ at: new Date(NOW.getTime() - DAY) }),
  ]) {
    assert.equal(await noteLinkProgress(world.context, session, open(message)), null);
  }
  assert.equal((await contactOf(world.alain)).linkState, 'asked');

  const reply = open(answer({ inReplyTo: first.linkMessageId }));
  const suggestion = await noteLinkProgress(world.context, session, reply);
  assert.equal(suggestion?.contactId, first.id, 'the page proposes to add it');
  const added = await addContactFromMessage(world.context, session, reply);
  assert.ok(added.ok && !added.isNew && added.replacement === null);
  assert.equal((await contactOf(world.alain)).linkState, 'answered');
  const [mark] = await recipientMarks(world.context, world.alain, [MARJA], NOW);
  assert.equal(mark?.usable, true, mark?.reason ?? '');
  assert.ok(mark?.capabilities.includes('AES-256-CBC'), 'T29 what her program can read is stored');

  const tested = await post(`/contacts/${first.id}/test`, { nonce: '6f3f2c6e-7a0e-4c58-9a52-1d4b1f1c0a02' });
  assert.equal(tested.status, 302, tested.body);
  const second = await contactOf(world.alain);
  assert.equal(second.linkState, 'tested');
  const test_ = await world.database.prisma.letter.findFirstOrThrow({
    where: { messageId: second.linkTestMessageId ?? '' },
  });
  assert.deepEqual([test_.signed, test_.encrypted], [true, true]);

  await noteLinkProgress(world.context, session, open(answer({ inReplyTo: second.linkTestMessageId })));
  assert.equal((await contactOf(world.alain)).linkState, 'tested', 'signed alone does not make it ready');
  await noteLinkProgress(
    world.context,
    session,
    open(answer({ inReplyTo: second.linkTestMessageId, encrypted: true })),
  );
  const third = await contactOf(world.alain);
  assert.deepEqual([third.linkState, third.linkReadyAt?.getTime()], ['ready', NOW.getTime()]);
  assert.match((await get(`/contacts/${first.id}`)).body, /Signed and encrypted mail goes both ways/);
});

test('T19 the same form sent twice asks once; a new request begins the link anew', async () => {
  const contact = await contactOf(world.alain);
  const form = { nonce: '6f3f2c6e-7a0e-4c58-9a52-1d4b1f1c0a03' };
  const letters = () => world.database.prisma.letter.count();
  const before = await letters();
  await post(`/contacts/${contact.id}/link`, form);
  await post(`/contacts/${contact.id}/link`, form);
  assert.equal(await letters(), before + 1);
  const now = await contactOf(world.alain);
  assert.deepEqual([now.linkState, now.linkAnsweredAt, now.linkReadyAt], ['asked', null, null]);
  await noteLinkProgress(world.context, await signedInAs(), open(answer({ inReplyTo: now.linkMessageId })));
  assert.equal((await contactOf(world.alain)).linkState, 'answered', 'her Digital ID is stored already');
});

test('T19 T04 an address outside the allowed domains is refused with its reason, the others are asked', async () => {
  const answered = await post('/contacts/link', {
    nonce: '6f3f2c6e-7a0e-4c58-9a52-1d4b1f1c0a04',
    recipients: 'eva@tcn.fin.eu-admin.net, mallory@elsewhere.example',
    subject: 'Request',
    text: 'Please answer signed.',
  });
  assert.equal(answered.status, 422);
  assert.match(answered.body, /Sent to eva@tcn\.fin\.eu-admin\.net/);
  assert.match(answered.body, /mallory@elsewhere\.example: Your programme does not allow/);
  assert.match(
    answered.body,
    />\s*mallory@elsewhere\.example<\/textarea>/,
    'only the refused one is left in the field',
  );
});

test('S02 T20 another Digital ID of a known contact waits for the clerk', async () => {
  const session = await signedInAs();
  const fresh = await issueTo(MARJA);
  const added = await addContactFromMessage(world.context, session, open(answer({ by: fresh })));
  assert.ok(added.ok && added.replacement !== null);
  const [mark] = await recipientMarks(world.context, world.alain, [MARJA], NOW);
  assert.equal(mark?.sha256, marja.certificate.sha256);
  const asked = await get(`/contacts/${added.contactId}/ids/${added.replacement}/replace`);
  assert.match(asked.body, /Default now/);
});

test('S04 an untrusted signer is stored with an X; an invalid or missing signature grants nothing', async () => {
  const session = await signedInAs();
  const message = answer({});
  const untrusted = open(message, { anchors: [] });
  assert.equal(untrusted.signature.status, 'untrusted');
  await world.database.prisma.contact.deleteMany({ where: { accountId: world.alain.id, address: MARJA } });
  await world.database.prisma.trustAnchor.updateMany({ data: { state: 'withdrawn' } });
  const added = await addContactFromMessage(world.context, session, untrusted);
  assert.ok(added.ok && added.isNew);
  const [mark] = await recipientMarks(world.context, world.alain, [MARJA], NOW);
  assert.deepEqual([mark?.usable, mark?.reason], [false, 'not-trusted']);
  await trust(world.alain);
  const cases: [OpenedMessage, string][] = [
    [open(answer({ tamper: true })), 'not-intact'],
    [open(answer({ signed: false })), 'not-signed'],
  ];
  for (const [opened, reason] of cases) {
    assert.deepEqual(await addContactFromMessage(world.context, session, opened), { ok: false, reason });
  }
});

test('a forged From line makes no contact: the person is the one of the certificate', async () => {
  const session = await signedInAs();
  const georg = await issueTo('georg@tcn.fin.eu-admin.net');
  const opened = open(answer({ by: georg }));
  assert.equal(opened.signature.status, 'mismatch');
  const added = await addContactFromMessage(world.context, session, opened);
  assert.ok(added.ok);
  assert.equal(added.address, 'georg@tcn.fin.eu-admin.net');
});

test('S09 split keys: the certificate that the signer asks to be encrypted to becomes the default', async () => {
  const session = await signedInAs();
  const address = 'split@tcn.fin.eu-admin.net';
  const [pen, lock] = [await issueTo(address, { usage: 'sign' }), await issueTo(address, { usage: 'encrypt' })];
  const opened = open(answer({ by: pen, from: address, encryptionCertificate: lock.certificate }));
  const added = await addContactFromMessage(world.context, session, opened);
  assert.ok(added.ok);
  const [mark] = await recipientMarks(world.context, world.alain, [address], NOW);
  assert.deepEqual([mark?.usable, mark?.sha256], [true, lock.certificate.sha256]);
});

test('S09 T29 what a program announces belongs to the Digital ID that it asks to be encrypted to', async () => {
  const session = await signedInAs();
  const address = 'pair@tcn.fin.eu-admin.net';
  const [pen, lock] = [await issueTo(address, { usage: 'sign' }), await issueTo(address, { usage: 'encrypt' })];
  const letter = (at: Date) =>
    open(answer({ by: pen, from: address, encryptionCertificate: lock.certificate, at }), { at });
  const added = await addContactFromMessage(world.context, session, letter(NOW));
  assert.ok(added.ok);
  const later = new Date(NOW.getTime() + 3_600_000);
  world.setNow(later);
  await noteLinkProgress(world.context, session, letter(later));
  world.setNow(NOW);
  const stored = await world.database.prisma.contactCertificate.findMany({ where: { contactId: added.contactId } });
  const announcedAt = new Map(stored.map((row) => [row.sha256, row.capabilitiesAt?.getTime() ?? null]));
  assert.equal(announcedAt.get(lock.certificate.sha256), later.getTime());
  assert.equal(announcedAt.get(pen.certificate.sha256), null, 'nobody encrypts to the pen');
});

test('T29 capabilities of an older or a future signature change nothing', async () => {
  const session = await signedInAs();
  const stored = () =>
    world.database.prisma.contactCertificate.findFirstOrThrow({ where: { sha256: marja.certificate.sha256 } });
  await addContactFromMessage(world.context, session, open(answer({})));
  const before = await stored();
  assert.equal(before.capabilitiesAt?.getTime(), NOW.getTime());
  for (const at of [new Date(NOW.getTime() - 2 * 3600 * 1000), new Date(NOW.getTime() + 600_000)]) {
    await addContactFromMessage(world.context, session, open(answer({ at })));
  }
  assert.deepEqual((await stored()).capabilitiesAt, before.capabilitiesAt);
});

// What the tests are made of.

type Answer = {
  by?: Key;
  from?: string;
  at?: Date;
  signed?: boolean;
  encrypted?: boolean;
  tamper?: boolean;
  inReplyTo?: string | null;
  encryptionCertificate?: Certificate;
};

/** A message of Marja's program. */
function answer(given: Answer): Buffer {
  const {
    by = marja,
    from = MARJA,
    at = NOW,
    signed = true,
    encrypted = false,
    tamper = false,
    inReplyTo = null,
  } = given;
  const headers = [
    `From: Marja Virtanen <${from}>`,
    `To: ${world.alain.address}`,
    'Subject: Re: Request for a secure link',
    `Date: ${at.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${Math.random().toString(36).slice(2)}@tcn.fin.eu-admin.net>`,
    ...(inReplyTo ? [`In-Reply-To: ${inReplyTo}`, `References: ${inReplyTo}`] : []),
    '',
  ].join('\r\n');
  const sealed = sealMessage({
    headers: Buffer.from(headers),
    mime: Buffer.from('Content-Type: text/plain; charset=utf-8\r\n\r\nWith pleasure.\r\n'),
    ...(signed ? { sign: { ...by, chain: [issuing], encryptionCertificate: given.encryptionCertificate } } : {}),
    ...(encrypted ? { encryptTo: [alainKey.certificate] } : {}),
    at,
  });
  return tamper ? Buffer.from(sealed.toString('latin1').replace('With pleasure', 'With disdain '), 'latin1') : sealed;
}

function open(
  bytes: Buffer,
  { anchors = [root], at = NOW }: { anchors?: Certificate[]; at?: Date } = {},
): OpenedMessage {
  return openMessage({
    bytes,
    keys: [{ certificate: alainKey.certificate, privateKey: alainKey.privateKey }],
    trust: { anchors, intermediates: [], explicitlyTrusted: [] },
    at,
  });
}

function contactOf(account: Account) {
  return world.database.prisma.contact.findFirstOrThrow({ where: { accountId: account.id, address: MARJA } });
}

async function trust(account: Account): Promise<void> {
  const { sha1, sha256, notAfter } = root;
  const decided = { state: 'trusted' as const, decidedAt: NOW };
  await world.database.prisma.trustAnchor.upsert({
    where: { accountId_sha256: { accountId: account.id, sha256 } },
    update: decided,
    create: {
      ...{
        accountId: account.id,
        certificate: new Uint8Array(root.der),
        subject: 'Programme Root',
        sha1,
        sha256,
        notAfter,
      },
      ...{ source: 'file', ...decided },
    },
  });
}

async function signedInAs(): Promise<SignedIn> {
  const session = await findSession(world.database, world.config, cookie.replace('sid=', ''), '127.0.0.1', NOW);
  return session ?? assert.fail('no session');
}

async function settleIn(account: Account, key: Key): Promise<void> {
  cookie = await world.cookieFor(account);
  const passphrase = PASSPHRASES.alain;
  const made = await post('/keys/passphrase', { passphrase, repeated: passphrase }, '/keys/passphrase');
  assert.match(made.body, /id="recovery-code"/);
  const pfx = writePkcs12({
    ...{ privateKey: key.pkcs8, certificate: key.certificate, chain: [issuing], password: 'pfx', form: 'legacy' },
    friendlyName: 'Alain',
  });
  const form = new FormData();
  form.set('_csrf', tokenOf((await get('/digital-ids/import')).body));
  form.set('password', 'pfx');
  form.set('file', new File([new Uint8Array(pfx)], 'alain.pfx'));
  const request = new Request(origin, { method: 'POST', body: form });
  const imported = await world.app.inject({
    method: 'POST',
    url: '/digital-ids/import',
    headers: { origin, cookie, 'content-type': request.headers.get('content-type') ?? '' },
    payload: Buffer.from(await request.arrayBuffer()),
  });
  assert.ok(imported.statusCode < 400, imported.body);
}

async function get(url: string) {
  const answered = await world.app.inject({ url, headers: { cookie } });
  return { status: answered.statusCode, body: answered.body };
}

async function post(url: string, fields: Record<string, string>, page = '/contacts') {
  const payload = new URLSearchParams({ _csrf: tokenOf((await get(page)).body), ...fields }).toString();
  const headers = { origin, cookie, 'content-type': 'application/x-www-form-urlencoded' };
  const answered = await world.app.inject({ method: 'POST', url, headers, payload });
  const fresh = [answered.headers['set-cookie'] ?? []].flat().find((line) => line.startsWith('sid='));
  cookie = fresh?.split(';')[0] ?? cookie;
  return { status: answered.statusCode, body: answered.body };
}
