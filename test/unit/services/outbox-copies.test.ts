import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { DigitalId } from '../../../src/generated/prisma/client.ts';
import type { RecipientAnswer } from '../../../src/mail/submission.ts';
import { createRootAuthority, issuePersonalCertificate } from '../../../src/pki/issue.ts';
import { generateKeyPair, type KeyAlgorithm } from '../../../src/pki/key-pair.ts';
import type { RecipientMark } from '../../../src/services/contacts/contact-marks.ts';
import { planCopies } from '../../../src/services/letters/outbox-copies.ts';
import { recipientState } from '../../../src/services/letters/outbox-results.ts';
import { distinctRecipients, missingDigitalIds, recipientProblems } from '../../../src/services/letters/send-policy.ts';

const LIFE = { notBefore: new Date('2026-11-01T00:00:00Z'), notAfter: new Date('2026-12-01T00:00:00Z') };
const GCM = ['AES-256-GCM', 'AES-256-CBC'];
const OAEP = [...GCM, 'RSA-OAEP-SHA-256'];

const marks = new Map<string, RecipientMark>();
let rsaSender: DigitalId;
let ecSender: DigitalId;

before(async () => {
  const authority = await createRootAuthority({ ...LIFE, name: 'Test root', keyAlgorithm: 'RSA-2048' });
  const issue = async (address: string, algorithm: KeyAlgorithm) => {
    const { publicKey } = await generateKeyPair(algorithm);
    return issuePersonalCertificate({
      issuer: authority,
      address,
      name: address,
      publicKey,
      usage: 'both',
      policyOid: '1.3.6.1.4.1.99999.1',
      ...LIFE,
    });
  };
  const know = async (address: string, algorithm: KeyAlgorithm, capabilities: string[] = []) => {
    const { der } = await issue(address, algorithm);
    marks.set(address, {
      address,
      name: '',
      contactId: null,
      usable: true,
      reason: null,
      details: [],
      until: null,
      sha256: null,
      certificate: der,
      capabilities,
      showsProtectedSubject: address.startsWith('hp-'),
    });
  };
  await know('rsa@x.eu', 'RSA-2048', GCM);
  await know('old@x.eu', 'RSA-2048');
  await know('ec@x.eu', 'P-256', GCM);
  await know('new@x.eu', 'RSA-2048', OAEP);
  await know('hp-rsa@x.eu', 'RSA-2048');
  await know('hp-ec@x.eu', 'P-256');
  await know('sha1@x.eu', 'RSA-2048', [...GCM, 'RSA-OAEP']);
  rsaSender = { certificate: (await issue('me@x.eu', 'RSA-2048')).der } as unknown as DigitalId;
  ecSender = { certificate: (await issue('me@x.eu', 'P-256')).der } as unknown as DigitalId;
});

const to = (...addresses: string[]) => addresses.map((address) => ({ name: '', address }));
const plan = (recipients: { to?: string[]; cc?: string[]; bcc?: string[] }, own: DigitalId) =>
  planCopies(
    { to: to(...(recipients.to ?? [])), cc: to(...(recipients.cc ?? [])), bcc: to(...(recipients.bcc ?? [])) },
    { marks, own },
  );

test('RSA recipients and those with elliptic curves are in separate envelopes, the sender in that of his own kind', () => {
  const { copies, sentCopy } = plan({ to: ['rsa@x.eu', 'ec@x.eu'], cc: ['old@x.eu'] }, rsaSender);
  assert.deepEqual(
    copies.map((copy) => [copy.envelopes, copy.encryptTo?.length, copy.readableBySender]),
    [
      [[['rsa@x.eu', 'old@x.eu']], 3, true],
      [[['ec@x.eu']], 1, false],
    ],
  );
  assert.equal(sentCopy, null);
});

test('a sender who can read none of the copies gets one for Sent alone', () => {
  const { copies, sentCopy } = plan({ to: ['rsa@x.eu'] }, ecSender);
  assert.equal(copies.length, 1);
  assert.deepEqual(sentCopy?.envelopes, []);
  assert.equal(sentCopy?.encryptTo?.length, 1);
});

test('each Bcc recipient is alone in an envelope and a recipient info', () => {
  const { copies } = plan({ to: ['rsa@x.eu'], bcc: ['old@x.eu', 'ec@x.eu'] }, rsaSender);
  assert.deepEqual(
    copies.map((copy) => [copy.envelopes[0], copy.encryptTo?.length]),
    [
      [['rsa@x.eu'], 2],
      [['old@x.eu'], 1],
      [['ec@x.eu'], 1],
    ],
  );
});

test('T29 AES-GCM is used only where every recipient of the copy announced it', () => {
  const content = (recipients: string[]) => plan({ to: recipients }, rsaSender).copies.map((copy) => copy.content);
  assert.deepEqual(content(['rsa@x.eu']), ['aes-256-gcm']);
  assert.deepEqual(content(['rsa@x.eu', 'old@x.eu']), ['aes-256-cbc']);
  assert.deepEqual(content(['old@x.eu', 'ec@x.eu']), ['aes-256-cbc', 'aes-256-gcm']);
});

test('T29 RSA-OAEP is used only where every recipient of the copy announced it with SHA-256', () => {
  const transport = (recipients: string[]) =>
    plan({ to: recipients }, rsaSender).copies.map((copy) => copy.keyTransport);
  assert.deepEqual(transport(['new@x.eu']), ['rsa-oaep']);
  assert.deepEqual(transport(['new@x.eu', 'rsa@x.eu']), ['rsa-pkcs1']);
  assert.deepEqual(transport(['sha1@x.eu']), ['rsa-pkcs1']);
  const { copies } = plan({ to: ['old@x.eu'], bcc: ['new@x.eu'] }, rsaSender);
  assert.deepEqual(
    copies.map((copy) => copy.keyTransport),
    ['rsa-pkcs1', 'rsa-oaep'],
  );
  assert.equal(plan({ to: ['rsa@x.eu'] }, ecSender).sentCopy?.keyTransport, 'rsa-pkcs1');
});

test('S06 the subject of a copy is hidden only where every reader of it is known to be shown it', () => {
  const hidden = (recipients: Parameters<typeof plan>[0], own = rsaSender) => {
    const { copies, sentCopy } = plan(recipients, own);
    return [...copies, ...(sentCopy ? [sentCopy] : [])].map((copy) => copy.hideSubject);
  };
  assert.deepEqual(hidden({ to: ['hp-rsa@x.eu'] }), [true]);
  assert.deepEqual(hidden({ to: ['hp-rsa@x.eu'], cc: ['rsa@x.eu'] }), [false]);
  assert.deepEqual(hidden({ to: ['rsa@x.eu', 'hp-ec@x.eu'] }), [false, true], 'two envelopes');
  assert.deepEqual(hidden({ to: ['hp-rsa@x.eu'], bcc: ['old@x.eu', 'hp-ec@x.eu'] }), [true, false, true]);
  assert.deepEqual(hidden({ to: ['hp-rsa@x.eu'] }, ecSender), [true, true], 'the copy in Sent likewise');
  assert.deepEqual(hidden({ to: ['hp-rsa@x.eu'], bcc: ['rsa@x.eu'] }, ecSender), [true, false, false]);
});

test('an answer to a hidden subject hides it from whoever cannot show it, too', () => {
  const { copies } = planCopies(
    { to: to('rsa@x.eu'), cc: [], bcc: to('ec@x.eu') },
    { marks, own: rsaSender, answersHidden: true },
  );
  assert.deepEqual(
    copies.map((copy) => copy.hideSubject),
    [true, true],
  );
  const plain = planCopies({ to: to('hp-rsa@x.eu'), cc: [], bcc: [] }, null);
  assert.equal(plain.copies[0]?.hideSubject, false, 'nothing is hidden in clear');
});

test('a recipient without certificate never ends up in a plan', () => {
  assert.throws(() => plan({ to: ['stranger@x.eu'] }, rsaSender), TypeError);
});

test('a letter in clear has one form for all, and each Bcc recipient an envelope of his own', () => {
  const { copies } = planCopies({ to: to('a@x.eu'), cc: to('b@x.eu'), bcc: to('c@x.eu', 'd@x.eu') }, null);
  assert.deepEqual(
    copies.map((copy) => copy.envelopes),
    [[['a@x.eu', 'b@x.eu'], ['c@x.eu'], ['d@x.eu']]],
  );
  assert.deepEqual(planCopies({ to: [], cc: [], bcc: to('c@x.eu') }, null).copies[0]?.envelopes, [['c@x.eu']]);
});

test('each mailbox gets a letter once, where it is named most openly', () => {
  const all = distinctRecipients({
    to: to('A@x.eu', 'a@X.eu'),
    cc: to('a@x.eu', 'b@x.eu'),
    bcc: to('B@x.eu', 'c@x.eu'),
  });
  assert.deepEqual(all, { to: to('A@x.eu'), cc: to('b@x.eu'), bcc: to('c@x.eu') });
});

test('T04 domains are compared whole: neither a sub-domain nor a look-alike of an allowed one passes', () => {
  const policy = { domains: new Set(['tcn.b.eu-admin.net']), recipientLimit: 100 };
  const addresses = [
    'a@tcn.b.eu-admin.net',
    'b@TCN.B.EU-ADMIN.NET',
    'c@x.tcn.b.eu-admin.net',
    'd@tcn.b.eu-admin.net.evil.example',
    'e@tcn.в.eu-admin.net',
  ];
  assert.deepEqual(recipientProblems(to(...addresses), policy), [
    { code: 'domain-not-allowed', addresses: addresses.slice(2) },
  ]);
});

test('T18 one recipient without usable Digital ID stops the letter', () => {
  const usable = marks.get('rsa@x.eu') as RecipientMark;
  const missing = { ...usable, address: 'm@x.eu', usable: false, certificate: null, reason: 'expired' as const };
  assert.deepEqual(missingDigitalIds([usable]), []);
  assert.deepEqual(missingDigitalIds([usable, missing]), [
    { code: 'missing-digital-ids', recipients: [{ address: 'm@x.eu', name: '', reason: 'expired' }] },
  ]);
});

test('only an answer about the recipient ends his waiting; a lost connection or a refused login does not', () => {
  const answer = (code: number | null, accepted = false): RecipientAnswer => ({
    address: 'a@x.eu',
    accepted,
    code,
    answer: '',
  });
  assert.equal(recipientState(answer(250, true), 'accepted', false), 'accepted');
  assert.equal(recipientState(answer(550), 'partly', false), 'refused');
  assert.equal(recipientState(answer(451), 'partly', false), 'queued');
  assert.equal(recipientState(answer(null), 'refused-permanently', false), 'refused');
  assert.equal(recipientState(answer(535), 'refused-login', false), 'queued');
  assert.equal(recipientState(answer(null), 'unknown', false), 'queued');
  assert.equal(recipientState(answer(554), 'unreachable', false), 'queued');
  assert.equal(recipientState(answer(451), 'refused-temporarily', true), 'given-up');
});
