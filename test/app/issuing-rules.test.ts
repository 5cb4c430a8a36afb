import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Account, Country, Programme } from '../../src/generated/prisma/client.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import { listOwnAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry, createProgramme } from '../../src/services/accounts/programmes.ts';
import { createAuthorities } from '../../src/services/identities/authorities.ts';
import {
  type IssueOrder,
  type IssueOutcome,
  type Issuer,
  issueDigitalId,
  openIssuer,
} from '../../src/services/issuing/issue-digital-id.ts';
import { freshDatabase } from '../support/database.ts';

const DAY_MS = 86_400_000;
const PASSPHRASE = 'only for issuing certificates';
const PUBLIC_URL = new URL('https://mail.tcn.example/');

let database: Awaited<ReturnType<typeof freshDatabase>>;
let programme: Programme;
let country: Country;
let issuer: Issuer;
let people = 0;
/** Certificates hold whole seconds. */
const START = new Date(Math.floor(Date.now() / 1000) * 1000);
const day = (days: number) => new Date(START.getTime() + days * DAY_MS);

before(async () => {
  database = await freshDatabase();
  programme = await createProgramme(database, {
    code: 'tcn',
    name: 'TACHOnet',
    domainPattern: 'tcn.{cc}.eu-admin.net',
    accountLimit: 100,
    digitalIdDays: 31,
  });
  await createAuthorities(database, programme, { passphrase: PASSPHRASE, keyAlgorithm: 'P-256' }, START);
  country = await addCountry(database, programme, 'L', {
    ...{ name: 'mail', hosted: false, imapHost: '127.0.0.1', imapPort: 993, imapTls: 'implicit' },
    ...{ submissionHost: '127.0.0.1', submissionPort: 587, submissionTls: 'starttls', serverName: null, caPem: null },
  });
  const opened = await openIssuer(database, programme.id, PASSPHRASE, PUBLIC_URL, START);
  if (!opened.ok) throw new Error(opened.problem);
  issuer = opened.issuer;
});
after(async () => {
  issuer?.close();
  await database?.drop();
});

async function somebody(): Promise<Account> {
  people += 1;
  const surname = `Holm${String.fromCharCode(96 + people)}`;
  const made = await listOwnAccount(database, country, { firstName: 'Lars', surname });
  if (!made.ok) throw new Error(made.problem);
  return made.account;
}

const issue = (account: Account, at: Date, over: Partial<IssueOrder> = {}) =>
  issueDigitalId(
    database,
    issuer,
    { accountId: account.id, pfxPassword: 'by telephone', keyAlgorithm: 'P-256', keep: null, ...over },
    at,
  );

function issued(outcome: IssueOutcome): Extract<IssueOutcome, { ok: true }> {
  if (!outcome.ok) assert.fail(outcome.problem);
  return outcome;
}

test('T11 a second test Digital ID is refused, also after the first one has ended', async () => {
  const account = await somebody();
  const first = issued(await issue(account, START));
  assert.equal(first.endsAt.getTime(), first.files[0]?.certificate.notAfter.getTime());
  assert.ok(Math.abs(first.endsAt.getTime() - day(31).getTime()) < 10 * 60_000);
  assert.deepEqual(await issue(account, day(1)), { ok: false, problem: 'already-issued' });
  assert.deepEqual(await issue(account, day(30)), { ok: false, problem: 'already-issued' });
  assert.deepEqual(await issue(account, day(32)), { ok: false, problem: 'test-ended' });
  assert.equal(await database.prisma.issuedCertificate.count({ where: { accountId: account.id } }), 1);
});

test('T11 what replaces a lost or revoked test Digital ID ends when the first one would have', async () => {
  const account = await somebody();
  const first = issued(await issue(account, START));
  const second = issued(await issue(account, day(10), { replaces: 'keyCompromise' }));
  assert.deepEqual(second.revoked, [first.files[0]?.certificate.sha256]);
  assert.equal(second.endsAt.getTime(), first.endsAt.getTime());
  const revokedAt = { revokedAt: day(20), revocationReason: 'superseded' } as const;
  await database.prisma.issuedCertificate.updateMany({ where: { issuanceId: second.issuanceId }, data: revokedAt });
  const third = issued(await issue(account, day(20)));
  assert.equal(third.endsAt.getTime(), first.endsAt.getTime());
  assert.deepEqual(await issue(account, day(32), { replaces: 'superseded' }), { ok: false, problem: 'test-ended' });
});

test('T11 one on hold is in the way of another, and cannot come back once it was replaced', async () => {
  const account = await somebody();
  const first = issued(await issue(account, START));
  const { prisma } = database;
  await prisma.issuedCertificate.updateMany({
    where: { issuanceId: first.issuanceId },
    data: { revokedAt: day(1), revocationReason: 'certificateHold' },
  });
  assert.deepEqual(await issue(account, day(2)), { ok: false, problem: 'already-issued' });
  issued(await issue(account, day(2), { replaces: 'superseded' }));
  const old = await prisma.issuedCertificate.findFirstOrThrow({ where: { issuanceId: first.issuanceId } });
  assert.equal(old.revocationReason, 'superseded');
});

test('T11 the database itself refuses a second open one, and one of the test phase that ends later', async () => {
  const account = await somebody();
  const first = issued(await issue(account, START));
  const { prisma } = database;
  const row = { accountId: account.id, phase: 'test', issuedAt: day(1), keptUntil: day(1) } as const;
  await assert.rejects(prisma.issuance.create({ data: { ...row, endsAt: first.endsAt } }), /[Uu]nique/);
  await prisma.issuance.update({ where: { id: first.issuanceId }, data: { closedAt: day(1) } });
  const later = new Date(first.endsAt.getTime() + 1000);
  await assert.rejects(
    prisma.issuance.create({ data: { ...row, endsAt: later } }),
    /a replacement ends with the first test Digital ID/,
  );
  await prisma.issuance.create({ data: { ...row, endsAt: first.endsAt } });
});

test('T10 of many that issue to one person at the same moment one does, and serial numbers stay unique', async () => {
  const account = await somebody();
  const outcomes = await Promise.all(Array.from({ length: 12 }, () => issue(account, START)));
  assert.equal(outcomes.filter((each) => each.ok).length, 1);
  assert.ok(outcomes.every((each) => each.ok || each.problem === 'already-issued'));
  const replaced = await Promise.all(
    Array.from({ length: 6 }, () => issue(account, day(1), { replaces: 'superseded' })),
  );
  assert.ok(replaced.some((each) => each.ok));
  const certificates = await database.prisma.issuedCertificate.findMany({ where: { accountId: account.id } });
  assert.equal(certificates.filter((each) => each.revokedAt === null).length, 1, 'one is in force');
  assert.equal(await database.prisma.issuance.count({ where: { accountId: account.id, closedAt: null } }), 1);
  const serials = await database.prisma.issuedCertificate.findMany({ select: { serialNumber: true } });
  assert.equal(new Set(serials.map((each) => each.serialNumber)).size, serials.length);
});

test('T12 split keys come in two files with certificates for signing and for encrypting, replaced together', async () => {
  await database.prisma.programme.update({ where: { id: programme.id }, data: { keyPairs: 'two' } });
  try {
    const account = await somebody();
    const first = issued(await issue(account, START));
    assert.deepEqual(
      first.files.map(({ usage, certificate }) => [usage, [...(certificate.keyUsage ?? [])].join()]),
      [
        ['sign', 'digitalSignature'],
        ['encrypt', 'keyAgreement'],
      ],
    );
    for (const { pfx, certificate } of first.files) {
      const read = readPkcs12(pfx, 'by telephone');
      assert.ok(read.ok);
      assert.equal(read.identities[0]?.certificate.sha256, certificate.sha256);
      assert.equal(read.identities[0]?.chain.length, 2, 'issuing CA and Root CA come with it');
    }
    const signing = first.files[0]?.certificate.sha256 ?? '';
    const revoked = { revokedAt: day(2), revocationReason: 'keyCompromise' } as const;
    await database.prisma.issuedCertificate.update({ where: { sha256: signing }, data: revoked });
    const second = issued(await issue(account, day(2)));
    assert.deepEqual(second.revoked, [first.files[1]?.certificate.sha256], 'the other half goes too');
  } finally {
    await database.prisma.programme.update({ where: { id: programme.id }, data: { keyPairs: 'one' } });
  }
});

test('T21 in production the next one is issued near the end of the present one, which stays', async () => {
  const account = await somebody();
  issued(await issue(account, START));
  await database.prisma.programme.update({
    where: { id: programme.id },
    data: { phase: 'production', digitalIdDays: 365 },
  });
  try {
    const first = issued(await issue(account, day(5)));
    assert.deepEqual(first.revoked, [], 'the one of the test phase goes on to its end');
    assert.deepEqual(await issue(account, day(300)), { ok: false, problem: 'already-issued' });
    const next = issued(await issue(account, day(345)));
    assert.deepEqual(next.revoked, []);
    assert.ok(next.endsAt > first.endsAt);
  } finally {
    const data = { phase: 'test', digitalIdDays: 31 } as const;
    await database.prisma.programme.update({ where: { id: programme.id }, data });
  }
});

test('T02 nobody gets one who may not sign in', async () => {
  const account = await somebody();
  await database.prisma.account.update({ where: { id: account.id }, data: { state: 'suspended' } });
  assert.deepEqual(await issue(account, START), { ok: false, problem: 'not-active' });
});

test('S08 certificates say where the list, the issuer and the responder are', async () => {
  const { files } = issued(await issue(await somebody(), START));
  const text = files[0]?.certificate.der.toString('latin1') ?? '';
  const { sha256 } = issuer.authority.certificate;
  for (const place of [`/lists/${sha256}.crl`, `/certificates/${sha256}.cer`, '/ocsp'])
    assert.ok(text.includes(`mail.tcn.example${place}`), place);
});
