/** What our authorities publish: lists, answers and certificates, as anybody in the world gets them. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Certificate } from '../../src/pki/certificate.ts';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { findEntry, parseRevocationList } from '../../src/pki/crl.ts';
import { issuerKeyIdentifier } from '../../src/pki/issue.ts';
import { parseOcspResponse, writeOcspRequest } from '../../src/pki/ocsp.ts';
import { validatePath } from '../../src/pki/path.ts';
import { writeRevocationList } from '../../src/pki/write-crl.ts';
import { certificateUrl, indirectListUrl } from '../../src/services/identities/issuer-locations.ts';
import { signDueLists } from '../../src/services/publishing/refresh-published.ts';
import { openStatusSigner } from '../../src/services/publishing/status-signer.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';
import { CA_PASSPHRASE, type IssuedHere, issueHere, makeAuthorities, signLists } from '../support/publishing.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: TestApp;
let root: Certificate;
let issuing: Certificate;
let elise: IssuedHere;
let now: Date;

before(async () => {
  world = await startTestApp();
  now = new Date();
  world.setNow(now);
  ({ root, issuing } = await makeAuthorities(world));
  elise = await issueHere(world, issuing, world.elise);
});
after(() => world?.stop());
beforeEach(() => pass(2000));

function pass(ms: number): void {
  now = new Date(now.getTime() + ms);
  world.setNow(now);
}

const fetched = (url: string, headers: Record<string, string> = {}) => world.app.inject({ url, headers });
const listOf = async (name: string) => parseRevocationList((await fetched(`/lists/${name}.crl`)).rawPayload);
const revoke = (clerk: Clerk, { id }: IssuedHere, fields: Record<string, string> = {}) =>
  clerk.post(`/administration/digital-ids/${id}`, `/administration/digital-ids/${id}/revoke`, {
    reason: 'keyCompromise',
    ...fields,
  });

async function asked(certificate: Certificate, method: 'GET' | 'POST' = 'POST', about = issuing) {
  const request = writeOcspRequest(certificate, about);
  const answer = await world.app.inject(
    method === 'POST'
      ? { method, url: '/ocsp', headers: { 'content-type': 'application/ocsp-request' }, payload: request }
      : { method, url: `/ocsp/${encodeURIComponent(request.toString('base64'))}` },
  );
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.headers['content-type'], 'application/ocsp-response');
  assert.equal(answer.headers['set-cookie'], undefined);
  return answer;
}

async function statusOf(certificate: Certificate): Promise<string> {
  const response = parseOcspResponse((await asked(certificate)).rawPayload);
  return response.responses[0]?.status ?? 'nothing';
}

test('S08 before a ceremony there is no list and no answer, and the overview says so', async () => {
  for (const name of [root.sha256, issuing.sha256, `${issuing.sha256}-daily`])
    assert.equal((await fetched(`/lists/${name}.crl`)).statusCode, 404);
  const answer = await asked(elise.certificate);
  assert.deepEqual(answer.rawPayload, Buffer.from('30030a0103', 'hex'), 'try later');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const overview = (await clerk.get('/administration')).body;
  assert.match(overview, /Root CA has no revocation list yet/);
  assert.match(overview, /Issuing CA has no revocation list yet/);
  assert.match(overview, /Nobody can sign revocations for/);
});

test('S08 the ceremony takes the passphrase, counts wrong ones, and publishes the lists of both authorities', async () => {
  await wholeQuarter();
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const sign = async (certificate: Certificate, passphrase: string) => {
    const { id } = await world.database.prisma.authority.findUniqueOrThrow({ where: { sha256: certificate.sha256 } });
    return clerk.post('/administration/lists', `/administration/lists/${id}/sign`, { passphrase });
  };
  const wrong = await sign(issuing, 'not the passphrase');
  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /This is not the passphrase/);
  assert.equal((await fetched(`/lists/${issuing.sha256}.crl`)).statusCode, 404);
  for (const authority of [root, issuing])
    assert.equal((await sign(authority, CA_PASSPHRASE)).location, '/administration/lists');
  const lists = [await listOf(root.sha256), await listOf(issuing.sha256), await listOf(`${issuing.sha256}-daily`)];
  assert.deepEqual(
    lists.map(({ number }) => number),
    [1n, 1n, 1n],
  );
  const days = lists.map(({ nextUpdate }) => Math.round(((nextUpdate?.getTime() ?? 0) - now.getTime()) / DAY_MS));
  assert.deepEqual(days, [182, 10, 4]);
  assert.doesNotMatch((await clerk.get('/administration')).body, /revocation list|Nobody can sign/);
  const page = (await clerk.get('/administration/lists')).body;
  assert.match(page, /Number 1 of/);
  assert.ok(page.includes(`/lists/${issuing.sha256}-daily.crl`));
  for (let attempt = 0; attempt < 10; attempt += 1) await sign(issuing, 'guess');
  const refused = await sign(issuing, CA_PASSPHRASE);
  assert.equal(refused.status, 429);
  assert.match(refused.body, /Too many passphrases were tried/);
  await world.database.prisma.attemptWindow.deleteMany();
});

test('S08 lists, answers and certificates are served to strangers without a cookie and may be kept for a while', async () => {
  const list = await fetched(`/lists/${issuing.sha256}.crl`);
  assert.equal(list.headers['content-type'], 'application/pkix-crl');
  assert.equal(list.headers['cache-control'], 'public, max-age=900');
  assert.equal(list.headers['set-cookie'], undefined);
  const again = await fetched(`/lists/${issuing.sha256}.crl`, { 'if-none-match': String(list.headers.etag) });
  assert.deepEqual([again.statusCode, again.body], [304, '']);
  for (const method of ['GET', 'POST'] as const) {
    const answer = await asked(elise.certificate, method);
    assert.equal(parseOcspResponse(answer.rawPayload).responses[0]?.status, 'good');
    assert.match(String(answer.headers['cache-control']), method === 'GET' ? /^public, .*max-age=900$/ : /^no-store$/);
  }
  const daily = await listOf(`${issuing.sha256}-daily`);
  const signer = await world.database.prisma.statusSigner.findFirstOrThrow();
  const named = /\/certificates\/([0-9a-f]{64})\.cer/.exec(daily.der.toString('latin1'))?.[1];
  assert.equal(named, signer.sha256, 'the list says where its signer’s certificate is');
  const certificate = await fetched(`/certificates/${named}.cer`);
  assert.equal(certificate.headers['content-type'], 'application/pkix-cert');
  assert.equal(parseCertificate(certificate.rawPayload).commonName, `${issuing.commonName} Status`);
  for (const odd of ['/lists/x.crl', `/lists/${'0'.repeat(64)}.crl`, `/lists/${elise.certificate.sha256}-weekly.crl`]) {
    const answer = await fetched(odd);
    assert.deepEqual([answer.statusCode, answer.body], [404, 'Not found.']);
  }
});

test('S08 the public page says where the lists are and how fresh, in the words of partners', async () => {
  const page = await fetched('/certificates');
  assert.equal(page.headers['set-cookie'], undefined);
  for (const place of [
    `/lists/${root.sha256}.crl`,
    `/lists/${issuing.sha256}.crl`,
    `/lists/${issuing.sha256}-daily.crl`,
  ])
    assert.ok(page.body.includes(`href="${place}"`), place);
  assert.equal(page.body.match(/Number \d+, published/g)?.length, 3);
  assert.match(page.body, /OCSP\)[\s\S]*\/ocsp/);
});

test('S08 the responder refuses what is no request, too large, of another type or about others', async () => {
  const send = (payload: Buffer, type = 'application/ocsp-request') =>
    world.app.inject({ method: 'POST', url: '/ocsp', headers: { 'content-type': type }, payload });
  assert.deepEqual((await send(Buffer.from('nothing'))).rawPayload, Buffer.from('30030a0101', 'hex'));
  assert.equal((await send(Buffer.alloc(9000))).statusCode, 413);
  assert.equal((await send(Buffer.from('{}'), 'application/json')).statusCode, 415);
  assert.deepEqual((await fetched('/ocsp/%2B%2F')).rawPayload, Buffer.from('30030a0101', 'hex'));
  assert.equal((await fetched(`/ocsp/${'A'.repeat(3000)}`)).statusCode, 414);
  const others = await asked(elise.certificate, 'POST', root);
  assert.deepEqual(others.rawPayload, Buffer.from('30030a0106', 'hex'), 'not of this issuer');
  const stranger = { ...elise.certificate, serialRaw: Buffer.from('020107', 'hex') } as Certificate;
  assert.equal(await statusOf(stranger), 'unknown');
});

test('S08 answers come from stock, so that a flood of questions costs no signatures', async () => {
  const first = (await asked(elise.certificate)).rawPayload;
  for (let turn = 0; turn < 5; turn += 1) assert.ok((await asked(elise.certificate)).rawPayload.equals(first));
  pass(9 * HOUR_MS);
  assert.equal((await asked(elise.certificate)).rawPayload.equals(first), false, 'renewed before it is over');
});

test('S08 a node renews the daily list each day and takes up what another one left', async () => {
  const before = await listOf(`${issuing.sha256}-daily`);
  assert.equal(await signDueLists(world.context), 0, 'not due yet');
  pass(DAY_MS);
  assert.deepEqual((await Promise.all([signDueLists(world.context), signDueLists(world.context)])).sort(), [0, 1]);
  const after = await listOf(`${issuing.sha256}-daily`);
  assert.ok((await world.database.prisma.publishedList.count()) >= 4, 'what is in force is not removed');
  assert.equal(after.number, (before.number ?? 0n) + 1n);
  assert.ok(after.thisUpdate > before.thisUpdate);
});

test('S08 lists signed at the same moment have numbers of their own, and the newer one knows no less', async () => {
  await Promise.all(Array.from({ length: 4 }, () => signLists(world, issuing)));
  const lists = await world.database.prisma.publishedList.findMany({
    where: { authority: { sha256: issuing.sha256 } },
  });
  for (const kind of ['direct', 'indirect'] as const) {
    const numbers = lists.filter((list) => list.kind === kind).map(({ number }) => number);
    assert.equal(new Set(numbers).size, numbers.length);
  }
  assert.equal(await world.database.prisma.statusSigner.count(), 1, 'the signer is good for long enough');
});

test('S08 a revoked Digital ID is on the list and in the answers at once, with its reason and date', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const taken = await issueHere(world, issuing, world.elise);
  assert.equal(await statusOf(taken.certificate), 'good');
  const done = await revoke(clerk, taken, {
    since: new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Brussels' }).format(now),
  });
  assert.equal(done.location, `/administration/digital-ids/${taken.id}`, done.body);
  const { entry } = findEntry(await listOf(`${issuing.sha256}-daily`), taken.certificate);
  assert.equal(entry?.reason, 1);
  assert.ok(entry.invalidSince !== null && entry.invalidSince < entry.revokedAt, 'since the morning');
  assert.equal(
    findEntry(await listOf(issuing.sha256), taken.certificate).entry,
    null,
    'its own list waits for the ceremony',
  );
  assert.equal(await statusOf(taken.certificate), 'revoked');
  assert.equal(await statusOf(elise.certificate), 'good');
  await signLists(world, issuing);
  assert.notEqual(findEntry(await listOf(issuing.sha256), taken.certificate).entry, null);
});

test('S08 one that ended stays on the lists until one made after its end has named it', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const short = await issueHere(world, issuing, world.elise, { days: 2 });
  await revoke(clerk, short);
  const named = async () => findEntry(await listOf(`${issuing.sha256}-daily`), short.certificate).entry !== null;
  for (const expected of [true, true, true, false]) {
    pass(DAY_MS - HOUR_MS);
    await signLists(world, issuing);
    assert.equal(await named(), expected);
  }
});

test('S08 the key of a signer that ended is forgotten, and the overview asks for a ceremony before', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const signer = await world.database.prisma.statusSigner.findFirstOrThrow({ orderBy: { createdAt: 'desc' } });
  const lists = [await listOf(`${issuing.sha256}-daily`)];
  now = new Date(signer.notAfter.getTime() - 20 * DAY_MS);
  world.setNow(now);
  await signDueLists(world.context);
  const soon = await enteredAdministrator(world, world.alain, 'central');
  assert.match((await soon.get('/administration')).body, /The signer of revocations for .* ends on/);
  now = new Date(signer.notAfter.getTime() + HOUR_MS);
  world.setNow(now);
  await signDueLists(world.context);
  assert.equal(await openStatusSigner(world.context, signer.authorityId), null);
  const ended = await world.database.prisma.statusSigner.findUniqueOrThrow({ where: { id: signer.id } });
  assert.equal(ended.sealedPrivateKey.length, 0);
  assert.notEqual(lists[0], undefined);
  assert.ok(clerk.sid);
  const later = await enteredAdministrator(world, world.alain, 'central');
  assert.match((await later.get('/administration')).body, /Nobody can sign revocations for/);
  await signLists(world, issuing);
  assert.notEqual(await openStatusSigner(world.context, signer.authorityId), null);
});

test('S08 the signer’s key stands in the database only sealed', async () => {
  const row = await world.database.prisma.statusSigner.findFirstOrThrow({ orderBy: { createdAt: 'desc' } });
  assert.equal(Buffer.from(row.sealedPrivateKey).includes(Buffer.from('06072a8648ce3d0201', 'hex')), false);
});

test('S08 security.md a signer is revoked by the CA’s passphrase: its lists count no more, and a new one signs', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  await signLists(world, root, issuing);
  const holder = await issueHere(world, issuing, world.elise);
  const row = await world.database.prisma.authority.findUniqueOrThrow({ where: { sha256: issuing.sha256 } });
  const stolen = (await openStatusSigner(world.context, row.id)) ?? assert.fail('no signer');
  /** What a thief signs now, and whether programs that have the authority’s own list believe it. */
  const believed = async () => {
    const { publicUrl } = world.config;
    const forged = writeRevocationList({
      ...{ signer: stolen.certificate, privateKey: stolen.privateKey, number: 999n },
      entries: [
        { serialNumber: holder.certificate.serialNumber, revokedAt: now, reason: 'unspecified', invalidSince: null },
      ],
      ...{ thisUpdate: now, nextUpdate: new Date(now.getTime() + DAY_MS) },
      indirect: {
        url: indirectListUrl(publicUrl, issuing.sha256),
        signerUrl: certificateUrl(publicUrl, stolen.certificate.sha256),
        issuer: issuing,
      },
    });
    const lists = [forged, await listOf(root.sha256), await listOf(issuing.sha256)];
    const { revocation } = validatePath({
      ...{ leaf: holder.certificate, candidates: [issuing, stolen.certificate], anchors: [root], at: now },
      ...{ purpose: 'email', revocation: { lists, responses: [], now, required: false } },
    });
    return revocation.status === 'revoked' && revocation.evidence.includes(forged.sha256);
  };
  assert.equal(await believed(), true);
  const page = '/administration/lists';
  assert.match((await clerk.get(page)).body, /Revoke the signer/);
  const take = (passphrase: string, signer = stolen.certificate.sha256) =>
    clerk.post(page, `${page}/${row.id}/signer/revoke`, { reason: 'keyCompromise', signer, passphrase });
  const wrong = await take('not the passphrase');
  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /<details class="fold" open>/);
  assert.equal((await take(CA_PASSPHRASE, 'ab'.repeat(32))).status, 404);
  assert.equal(await believed(), true);
  pass(2000);
  assert.equal((await take(CA_PASSPHRASE)).location, page);
  pass(2000);
  assert.equal(await believed(), false);
  assert.notEqual(findEntry(await listOf(issuing.sha256), stolen.certificate).entry, null);
  const next = (await openStatusSigner(world.context, row.id)) ?? assert.fail('no signer');
  assert.notEqual(next.certificate.sha256, stolen.certificate.sha256);
  assert.ok(
    (await listOf(`${issuing.sha256}-daily`)).authorityKeyIdentifier?.equals(issuerKeyIdentifier(next.certificate)),
  );
  const old = await world.database.prisma.statusSigner.findMany({ where: { sha256: stolen.certificate.sha256 } });
  assert.deepEqual(
    old.map((each) => each.sealedPrivateKey.length),
    [0],
  );
  await take(CA_PASSPHRASE);
  const still = await openStatusSigner(world.context, row.id);
  assert.equal(still?.certificate.sha256, next.certificate.sha256, 'sent twice it takes back one');
  const entries = await world.database.prisma.auditEntry.findMany({ where: { reason: 'status-signer-revoked' } });
  assert.deepEqual(
    entries.map(({ action, object }) => `${action} ${object}`),
    [`revoke ${stolen.certificate.sha256}`],
  );
});
