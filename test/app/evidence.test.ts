import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { readDeliveryReport } from '../../src/mail/delivery-report.ts';
import { parseEntity } from '../../src/mime/parse.ts';
import { matchReport } from '../../src/services/evidence/match-report.ts';
import { recordReport } from '../../src/services/evidence/record-report.ts';
import { claimLook, endLook, expectReports } from '../../src/services/evidence/report-looks.ts';
import { verifyOwnEvidence } from '../../src/services/evidence/verify-evidence.ts';
import { createAuthorities } from '../../src/services/identities/authorities.ts';
import { letterHeadContext } from '../../src/services/letters/outbox-enqueue.ts';
import { draftPublicKey } from '../../src/services/sessions/vault.ts';
import { sealTo } from '../../src/vault/sealed-box.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';
import { PASSPHRASES } from '../support/people.ts';

const AUTHORITY_PASSPHRASE = 'a passphrase of the authority';
const MARTA = 'Marta.Klein@tcn.d.eu-admin.net';
const ENVELOPE = randomUUID();
const ROOT = path.resolve(import.meta.dirname, '../..');

let world: TestApp;
let alain: Clerk;
let letter: string;
let rootPem: string;

before(async () => {
  world = await startTestApp();
  alain = await Clerk.signIn(world, world.alain);
  await alain.choosePassphrase(PASSPHRASES.alain);
  letter = await sentLetter();
  const programme = await world.database.prisma.programme.findFirstOrThrow();
  const wanted = { passphrase: AUTHORITY_PASSPHRASE, keyAlgorithm: 'P-256' as const };
  const { root } = await createAuthorities(world.database, programme, wanted, new Date());
  rootPem = `-----BEGIN CERTIFICATE-----\n${root.der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
});
after(() => world?.stop());

/** A letter of Alain's to Marta that his server took. */
async function sentLetter(): Promise<string> {
  const { prisma } = world.database;
  const accountId = world.alain.id;
  const id = randomUUID();
  const head = {
    subject: 'Subject canary',
    text: 'Text canary',
    to: [{ name: 'Marta', address: MARTA }],
    cc: [],
    bcc: [],
  };
  const key = (await draftPublicKey(world.database, accountId)) ?? assert.fail('no vault');
  const sealed = sealTo(key, Buffer.from(JSON.stringify(head)), letterHeadContext(accountId, id));
  const at = new Date();
  await prisma.letter.create({
    data: {
      ...{
        id,
        accountId,
        nonce: randomUUID(),
        messageId: '<one@tcn.b.eu-admin.net>',
        sealedHead: new Uint8Array(sealed),
      },
      ...{ state: 'done', signed: true, encrypted: true, sentCopyId: randomUUID(), sentCopyBytes: 0, filedAt: at },
      envelopes: {
        create: {
          ...{ envelopeId: ENVELOPE, mailFrom: world.alain.address, contentId: randomUUID(), contentBytes: 1234 },
          ...{ contentSha256: 'ab'.repeat(32), state: 'submitted', givesUpAt: at, reportsAsked: true },
          recipients: {
            create: { address: MARTA, state: 'accepted', smtpCode: 250, answer: '250 Ok: queued as X', at },
          },
        },
      },
    },
  });
  return id;
}

function reportOf(envelopeId: string, action = 'failed', recipient = MARTA): Buffer {
  return Buffer.from(
    [
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b',
      `Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.eu-admin.net\r\nOriginal-Envelope-Id: ${envelopeId}\r\n`,
      `Final-Recipient: rfc822; ${recipient}\r\nAction: ${action}\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 report canary\r\n--b--\r\n`,
    ].join('\r\n'),
  );
}

async function record(bytes: Buffer, accountId = world.alain.id): Promise<boolean> {
  const report = readDeliveryReport(parseEntity(bytes)) ?? assert.fail('no report');
  const matched = await matchReport(world.database, accountId, report);
  if (matched === null) return false;
  const about = { accountId, actor: 'alain', matched, reportingMta: report.reportingMta, handedInBy: '192.0.2.17' };
  await recordReport(world.context, { ...about, bytes, cut: false, arrivedAt: new Date() });
  return true;
}

async function download(): Promise<Buffer> {
  const answer = await alain.get(`/letters/${letter}/evidence`);
  assert.equal(answer.status, 200, answer.body.slice(0, 300));
  return answer.bytes;
}

test('T24 without a certified key there is no evidence to download, and the page says whom to ask', async () => {
  const answer = await alain.get(`/letters/${letter}/evidence`);
  assert.equal(answer.location, `/letters/${letter}`);
  assert.match((await alain.get(`/letters/${letter}`)).body, /has no key for evidence yet/);
});

test('T24 a report is about the account whose envelope it names, and about a recipient of that envelope, or about nothing', async () => {
  assert.equal(await record(reportOf(randomUUID())), false);
  assert.equal(await record(reportOf(ENVELOPE), world.elise.id), false);
  assert.equal(await record(reportOf(ENVELOPE, 'failed', 'otto@tcn.d.eu-admin.net')), false);
  assert.equal(await world.database.prisma.letterReport.count(), 0);
});

test('T24 the same report counts once, however often and by how many nodes it is looked at', async () => {
  const bytes = reportOf(ENVELOPE, 'delayed');
  await Promise.all([record(bytes), record(bytes), record(bytes)]);
  await record(bytes);
  assert.equal(await world.database.prisma.letterReport.count(), 1);
  assert.equal(await world.database.prisma.recipientEvent.count(), 1);
  const kept = await world.database.prisma.letterReport.findFirstOrThrow();
  assert.ok(!Buffer.from(kept.sealed).includes('canary'), 'it is sealed');
});

test('T24 an inbox is looked into by one node at a time, and given back with the time of the next look', async () => {
  const at = new Date();
  const by = { accountId: null, leaseMs: 10_000, at };
  await expectReports(world.database, world.alain.id, at);
  const claims = await Promise.all([claimLook(world.database, by), claimLook(world.database, by)]);
  assert.equal(claims.filter((each) => each !== null).length, 1);
  await endLook(world.database, world.alain.id, { ok: true, until: { uidValidity: 7n, lastUid: 42 } }, at);
  const row = await world.database.prisma.reportLook.findUniqueOrThrow({ where: { accountId: world.alain.id } });
  assert.deepEqual([row.lastUid, row.claimedUntil], [42n, null]);
  assert.ok(row.dueAt && row.dueAt > at);
  await endLook(world.database, world.alain.id, { ok: false, reason: 'unreachable' }, at);
  const failed = await world.database.prisma.reportLook.findUniqueOrThrow({ where: { accountId: world.alain.id } });
  assert.deepEqual([failed.lastUid, failed.failure], [42n, 'unreachable']);
});

test('T24 the central administrator certifies a key with the authority’s passphrase, and a wrong one certifies nothing', async () => {
  const carla = await enteredAdministrator(world, world.elise, 'central');
  const page = '/administration/evidence';
  assert.match((await carla.get(page)).body, /Nobody yet/);
  const wrong = await carla.post(page, page, { passphrase: 'not this one' });
  assert.equal(wrong.status, 401);
  assert.equal(await world.database.prisma.evidenceSigner.count(), 0);
  const done = await carla.post(page, page, { passphrase: AUTHORITY_PASSPHRASE });
  assert.equal(done.location, page);
  assert.match((await carla.get(page)).body, /Evidence of TACHOnet, test phase/);
  const signer = await world.database.prisma.evidenceSigner.findFirstOrThrow();
  const issued = await world.database.prisma.issuedCertificate.findUniqueOrThrow({ where: { sha256: signer.sha256 } });
  assert.equal(issued.usage, 'evidence');
});

type Told = {
  letter: { messageId: string };
  envelopes: { contentSha256: string; recipients: { answer: string; delivery: string }[] }[];
  reports: { bytes: string | null; sha256: string }[];
};

test('T24 the evidence has hashes, times, answers and the reports as they came, neither subject nor text, and verifies', async () => {
  const bytes = await download();
  const verdict = await verifyOwnEvidence(world.database, bytes);
  assert.deepEqual([verdict.valid, verdict.reasons], [true, []]);
  const content = verdict.content as unknown as Told;
  assert.equal(content.letter.messageId, '<one@tcn.b.eu-admin.net>');
  const [envelope] = content.envelopes;
  assert.equal(envelope?.contentSha256, 'ab'.repeat(32));
  assert.equal(envelope?.recipients[0]?.answer, '250 Ok: queued as X');
  assert.equal(envelope?.recipients[0]?.delivery, 'delayed');
  const [report] = content.reports;
  assert.deepEqual(Buffer.from(report?.bytes ?? '', 'base64'), reportOf(ENVELOPE, 'delayed'));
  assert.ok(!bytes.includes('Subject canary') && !bytes.includes('Text canary'));
});

function verifyByCommand(...args: string[]) {
  const all = [path.join(ROOT, 'src/cli.ts'), 'evidence', 'verify', ...args];
  try {
    return { status: 0, said: execFileSync(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] }).toString() };
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: Buffer };
    return { status, said: stdout.toString() };
  }
}

test('T24 `sealpost evidence verify` takes the file with the root alone, and refuses it after a byte was changed', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-evidence-'));
  const file = path.join(folder, 'evidence.p7m');
  const root = path.join(folder, 'root.pem');
  fs.writeFileSync(root, rootPem);
  const bytes = await download();
  fs.writeFileSync(file, bytes);
  const genuine = verifyByCommand('--anchors', root, file);
  assert.equal(genuine.status, 0, genuine.said);
  const said = JSON.parse(genuine.said);
  assert.equal(said.valid, true);
  assert.equal(said.evidence.letter.sender, world.alain.address);
  const at = bytes.indexOf('queued as X');
  fs.writeFileSync(file, Buffer.concat([bytes.subarray(0, at), Buffer.from('queued as Y'), bytes.subarray(at + 11)]));
  const changed = verifyByCommand('--anchors', root, file);
  assert.deepEqual(
    [changed.status, JSON.parse(changed.said).valid, JSON.parse(changed.said).reasons],
    [0, false, ['altered']],
  );
  assert.equal(verifyByCommand().status, 2);
  assert.equal(verifyByCommand('--anchors', root, path.join(folder, 'nothing')).status, 1);
});

test('T24 what a key signed before it was taken back stays genuine, and nothing is signed with it afterwards', async () => {
  const bytes = await download();
  const { prisma } = world.database;
  const signer = await prisma.evidenceSigner.findFirstOrThrow();
  const where = { sha256: signer.sha256 };
  await prisma.issuedCertificate.update({ where, data: { revokedAt: new Date(Date.now() + 60_000) } });
  assert.equal((await verifyOwnEvidence(world.database, bytes)).valid, true);
  await prisma.issuedCertificate.update({ where, data: { revokedAt: new Date(Date.now() - 60_000) } });
  const verdict = await verifyOwnEvidence(world.database, bytes);
  assert.deepEqual([verdict.valid, verdict.reasons], [false, ['revoked']]);
  assert.equal((await alain.get(`/letters/${letter}/evidence`)).location, `/letters/${letter}`);
  await prisma.issuedCertificate.update({ where, data: { revokedAt: null } });
});

test('T24 security.md the central administrator revokes a key for evidence, and the command believes it no more', async () => {
  const { prisma } = world.database;
  const bytes = await download();
  const carla = await enteredAdministrator(world, world.elise, 'central');
  const page = '/administration/evidence';
  const { id, sha256 } = await prisma.evidenceSigner.findFirstOrThrow();
  const url = `${page}/${id}/revoke`;
  const unsure = await carla.post(page, url, { reason: 'superseded' });
  assert.equal(unsure.status, 400);
  assert.match(unsure.body, /confirm that the key shall be revoked/);
  assert.match(unsure.body, /<option value="superseded" selected>/);
  assert.equal((await verifyOwnEvidence(world.database, bytes)).valid, true);
  const sure = { reason: 'keyCompromise', sure: 'on' };
  assert.equal((await carla.post(page, `${page}/${randomUUID()}/revoke`, sure)).status, 404);
  assert.equal((await carla.post(page, url, sure)).location, page);
  await carla.post(page, url, { ...sure, reason: 'superseded' });
  const { valid, reasons } = await verifyOwnEvidence(world.database, bytes);
  assert.deepEqual([valid, reasons], [false, ['revoked']]);
  const shown = (await carla.get(page)).body;
  assert.match(shown, /Nobody yet/);
  assert.match(shown, /Revoked on/);
  const row = await prisma.evidenceSigner.findUniqueOrThrow({ where: { id } });
  assert.equal(row.sealedPrivateKey.length, 0, 'the key is forgotten');
  const entries = await prisma.auditEntry.findMany({ where: { reason: 'evidence-signer-revoked' } });
  assert.deepEqual(
    entries.map(({ action, object }) => `${action} ${object}`),
    [`revoke ${sha256}`],
  );
  assert.equal((await carla.post(page, page, { passphrase: AUTHORITY_PASSPHRASE })).location, page);
  await prisma.evidenceSigner.delete({ where: { id } });
  assert.equal((await verifyOwnEvidence(world.database, await download())).valid, true, 'by the next key');
});

test('T24 evidence is worth nothing once its authority was taken back, and nobody else below the root makes any', async () => {
  const bytes = await download();
  const { prisma } = world.database;
  const signer = await prisma.evidenceSigner.findFirstOrThrow();
  const where = { id: signer.authorityId };
  const verdict = async () => {
    const { valid, reasons } = await verifyOwnEvidence(world.database, bytes);
    return [valid, reasons];
  };
  const revoked = (offsetMs: number, revocationReason: 'superseded' | 'keyCompromise') =>
    prisma.authority.update({ where, data: { revokedAt: new Date(Date.now() + offsetMs), revocationReason } });
  await revoked(60_000, 'superseded');
  assert.deepEqual(await verdict(), [true, []]);
  await revoked(60_000, 'keyCompromise');
  assert.deepEqual(await verdict(), [false, ['revoked']], 'whoever has the key writes any time');
  await revoked(-60_000, 'superseded');
  assert.deepEqual(await verdict(), [false, ['revoked']]);
  await prisma.authority.update({ where, data: { revokedAt: null, revocationReason: null } });
  await prisma.evidenceSigner.update({ where: { id: signer.id }, data: { sha256: 'of another key' } });
  assert.deepEqual(await verdict(), [false, ['not-a-service']]);
  await prisma.evidenceSigner.update({ where: { id: signer.id }, data: { sha256: signer.sha256 } });
  assert.deepEqual(await verdict(), [true, []]);
});

test('T24 a report that was sealed to a vault which its holder gave up is still named, by its hash and by what it said', async () => {
  await world.database.prisma.letterReport.updateMany({ data: { sealed: new Uint8Array(200).fill(9) } });
  const verdict = await verifyOwnEvidence(world.database, await download());
  const { reports, envelopes } = verdict.content as unknown as Told;
  assert.equal(reports[0]?.bytes, null);
  assert.match(reports[0]?.sha256 ?? '', /^[0-9a-f]{64}$/);
  assert.equal(envelopes[0]?.recipients[0]?.delivery, 'delayed');
});
