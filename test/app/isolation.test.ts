import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Certificate } from '../../src/pki/certificate.ts';
import { writeCertificateRequest } from '../../src/pki/certificate-request.ts';
import { createRootAuthority, issuePersonalCertificate } from '../../src/pki/issue.ts';
import { generateKeyPair } from '../../src/pki/key-pair.ts';
import { writePkcs12 } from '../../src/pki/pkcs12-write.ts';
import { createDraft, NEW_ORIGIN } from '../../src/services/drafts/drafts.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import { sessionIdOf } from '../../src/services/sessions/session.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { type Answer, Clerk } from '../support/clerk.ts';
import { PASSPHRASES } from '../support/people.ts';
import { PUBLIC, TOKEN } from '../support/permissions.ts';
import { nameOf, noteRoutes, type Route } from '../support/routes.ts';

const DAY_MS = 86_400_000;
const PARTNER = 'Marja.Virtanen@tcn.fin.eu-admin.net';

let world: TestApp;
let routes: Route[];
let alain: Clerk;
let elise: Clerk;
/** Ids of what belongs to Elise, and of one contact and one draft of Alain's own */
let hers: Awaited<ReturnType<typeof settleElise>>;
let own: { contact: string; draft: string };
let root: Certificate;

before(async () => {
  ({ built: world, routes } = await noteRoutes(startTestApp));
  alain = await Clerk.signIn(world, world.alain);
  await alain.choosePassphrase(PASSPHRASES.alain);
  elise = await Clerk.signIn(world, world.elise);
  await elise.choosePassphrase(PASSPHRASES.marta);
  await world.database.prisma.programme.updateMany({ data: { allowedRecipientDomains: ['tcn.fin.eu-admin.net'] } });
  hers = await settleElise();
  const data = { accountId: world.alain.id, name: 'Marja', address: PARTNER, addressKey: PARTNER.toLowerCase() };
  const contact = await world.database.prisma.contact.create({ data });
  const draft = await createDraft(world.database, world.alain.id, EMPTY, NEW_ORIGIN, new Date());
  own = { contact: contact.id, draft: draft.id };
});
after(() => world?.stop());

const EMPTY = { to: '', cc: '', bcc: '', subject: '', text: '', sign: false, encrypt: false };

/** One of everything that an address can name, made for Elise. */
async function settleElise() {
  const { prisma } = world.database;
  const accountId = world.elise.id;
  const life = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) };
  const issuer = await createRootAuthority({ name: 'Root of the north', keyAlgorithm: 'P-256', ...life });
  root = issuer.certificate;
  const issue = async (address: string) => {
    const pair = await generateKeyPair('RSA-2048');
    const wanted = {
      issuer,
      address,
      name: address,
      usage: 'both' as const,
      policyOid: '1.3.6.1.4.1.99999.1',
      ...life,
    };
    return { pair, certificate: await issuePersonalCertificate({ ...wanted, publicKey: pair.publicKey }) };
  };
  const { pair, certificate } = await issue(world.elise.address);
  const privateKey = Buffer.from(pair.privateKey);
  const pfx = { privateKey, certificate, chain: [root], password: 'opens', friendlyName: 'Elise' };
  const bytes = await writePkcs12({ ...pfx, form: 'modern' });
  const file = { field: 'file', name: 'me.pfx', bytes };
  await elise.upload('/digital-ids/import', '/digital-ids/import', { password: 'opens' }, file);
  const identity = await prisma.digitalId.findFirstOrThrow({ where: { accountId } });
  const offered = await prisma.trustAnchor.findFirstOrThrow({ where: { accountId } });
  const partners = [(await issue(PARTNER)).certificate, (await issue(PARTNER)).certificate];
  const contact = await prisma.contact.create({
    data: {
      ...{ accountId, name: 'Marja', address: PARTNER, addressKey: PARTNER.toLowerCase() },
      certificates: {
        create: partners.map((each, index) => ({
          certificate: new Uint8Array(each.der),
          ...{ sha256: each.sha256, isDefault: index === 0, source: 'test' },
        })),
      },
    },
    include: { certificates: { orderBy: { isDefault: 'desc' } } },
  });
  const of = (each: Certificate) => ({
    certificate: new Uint8Array(each.der),
    subject: each.subject,
    sha256: each.sha256,
  });
  const trust = await prisma.explicitTrust.create({ data: { accountId, ...of(partners[0] ?? certificate) } });
  const draft = await createDraft(world.database, accountId, { ...EMPTY, text: 'canary' }, NEW_ORIGIN, new Date());
  const attached = { version: '1', nonce: 'n', to: '', cc: '', bcc: '', subject: '', text: 'canary', do: 'attach' };
  const attachment = { field: 'file', name: 'plan.pdf', bytes: Buffer.from('canary') };
  await elise.upload('/drafts', `/drafts/${draft.id}`, attached, attachment);
  const piece = await prisma.draftAttachment.findFirstOrThrow({ where: { draftId: draft.id } });
  const { nonce } = await prisma.draft.findUniqueOrThrow({ where: { id: draft.id } });
  const letter = await prisma.letter.create({
    data: {
      ...{ accountId, nonce: 'letter-of-elise', messageId: `<${randomUUID()}@test.invalid>`, dueAt: null },
      ...{ sealedHead: new Uint8Array(randomBytes(64)), signed: false, encrypted: false },
      ...{ sentCopyId: randomUUID(), sentCopyBytes: 1 },
    },
  });
  const list = await prisma.revocationList.create({
    data: {
      accountId,
      sha256: 'a list of hers',
      issuer: 'Root',
      bytes: new Uint8Array(1),
      thisUpdate: new Date(),
    },
  });
  const asked = await prisma.certificateRequest.create({
    data: {
      accountId,
      keys: {
        create: {
          ...{ use: 'both', keyLabel: 'RSA-2048', subject: 'CN=Elise Maes', spkiSha256: 'hers' },
          pkcs10: new Uint8Array(writeCertificateRequest({ privateKey, subject: { name: 'Elise Maes' } })),
          sealedPrivateKey: new Uint8Array(randomBytes(64)),
        },
      },
    },
  });
  return {
    request: asked.id,
    contact: contact.id,
    digitalId: contact.certificates[1]?.id ?? '',
    identity: identity.id,
    anchor: offered.id,
    list: list.id,
    trust: trust.id,
    draft: draft.id,
    draftNonce: nonce,
    attachment: piece.id,
    letter: letter.id,
    session: sessionIdOf((await world.cookieFor(world.elise)).replace('sid=', '')),
  };
}

/** Everything in the database but what each request may write: sessions, counters and the audit trail. */
async function everything(): Promise<Record<string, string>> {
  const { pool } = world.database;
  const { rows: tables } = await pool.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'
     and table_name not in ('session', 'attempt_window', 'audit_entry') order by 1`,
  );
  const found: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await pool.query<{ digest: string }>(
      `select coalesce(md5(string_agg(t::text, chr(10) order by t::text)), '') as digest from "${name}" t`,
    );
    found[name] = rows[0]?.digest ?? '';
  }
  const { rows } = await pool.query<{ id: string }>('select id from session order by id');
  return { ...found, sessions: rows.map((row) => row.id).join() };
}

type Owned = { fields?: Record<string, string>; file?: Buffer; notFor?: string };

/** What each route with a parameter is asked for. A new one that is not here fails the first test. */
const OWNED: Record<string, Owned> = {
  'GET /contacts/:contact': {},
  'POST /contacts/:contact': { fields: { name: 'Changed', note: '' } },
  'GET /contacts/:contact/remove': {},
  'POST /contacts/:contact/remove': {},
  'POST /contacts/:contact/import': { file: Buffer.from('a file') },
  'POST /contacts/:contact/link': { fields: { nonce: randomUUID() } },
  'POST /contacts/:contact/test': { fields: { nonce: randomUUID() } },
  'GET /contacts/:contact/ids/:digitalId/replace': {},
  'POST /contacts/:contact/ids/:digitalId/default': {},
  'GET /contacts/:contact/ids/:digitalId/remove': {},
  'POST /contacts/:contact/ids/:digitalId/remove': {},
  'GET /contacts/:contact/ids/:digitalId/certificate.cer': {},
  'GET /digital-ids/:id': {},
  'POST /digital-ids/:id/use': { fields: { purpose: 'sign' } },
  'POST /digital-ids/:id/retire': {},
  'POST /digital-ids/:id/reactivate': {},
  'GET /digital-ids/:id/export/:form': {},
  'GET /digital-ids/:id/backup': {},
  'POST /digital-ids/:id/backup': {
    fields: { passphrase: PASSPHRASES.alain, password: 'long enough 1', repeated: 'long enough 1' },
  },
  'GET /digital-ids/requests/:request': {},
  'GET /digital-ids/requests/:request/:use/:form': {},
  'POST /digital-ids/requests/:request/certificate': { file: Buffer.from('a file') },
  'GET /digital-ids/requests/:request/withdraw': {},
  'POST /digital-ids/requests/:request/withdraw': {},
  'GET /trust/anchors/:anchor/confirm': {},
  'POST /trust/anchors/:anchor/confirm': { fields: { source: 'letter' } },
  'POST /trust/anchors/:anchor/ask': { fields: { note: 'a partner' } },
  'POST /trust/anchors/:anchor/dismiss': {},
  'GET /trust/anchors/:anchor/withdraw': {},
  'POST /trust/anchors/:anchor/withdraw': {},
  'POST /trust/revocation-lists/:list/remove': {},
  'GET /trust/programme/:anchor/accept': { notFor: 'her own offered root is none of the programme' },
  'POST /trust/programme/:anchor/accept': {},
  'GET /trust/certificates/:trust/withdraw': {},
  'POST /trust/certificates/:trust/withdraw': {},
  'GET /drafts/:draft': {},
  'GET /letters/:letter': { notFor: 'its head is not sealed to her' },
  'GET /letters/:letter/evidence': { notFor: 'its head is not sealed to her' },
  'POST /letters/:letter/cancel': {},
  'POST /settings/sessions/:id/end': {},
};

/** Asked for in tests of their own below. */
const APART = new Set(['POST /drafts/:draft', 'GET /certificates/:file', 'GET /lists/:file']);
/** Asked as every role in a test of its own, without a token too. */
const isAdministration = (route: Route) => route.url.startsWith('/administration');
const isMail = (route: Route) => route.url.startsWith('/mail/');

function addressOf(url: string): string {
  const id = url.startsWith('/settings') ? hers.session : hers.identity;
  const values: Record<string, string> = {
    ...hers,
    id,
    form: url.startsWith('/digital-ids/requests/') ? 'pem' : 'cer',
    use: 'both',
    folder: folderId('INBOX'),
    message: '1-1',
    index: '0',
    root: randomUUID(),
    place: randomUUID(),
  };
  return url.replace(/:(\w+)/g, (_, name: string) => values[name] ?? assert.fail(`no value for :${name}`));
}

/** Sends the form with the token of one's own pages. */
function send(clerk: Clerk, url: string, { fields = {}, file }: Owned): Promise<Answer> {
  if (file) return clerk.upload('/settings', url, fields, { field: 'file', name: 'file.cer', bytes: file });
  return clerk.post('/settings', url, { ...fields, ...(url.endsWith('/confirm') ? { thumbprint: root.sha256 } : {}) });
}

test('each route with a parameter is asked below for what belongs to somebody else', () => {
  const withParameter = routes
    .filter((route) => route.url.includes(':') && !isMail(route) && !isAdministration(route))
    .map(nameOf);
  assert.deepEqual(withParameter.filter((name) => !APART.has(name)).sort(), Object.keys(OWNED).sort());
  assert.ok(routes.length > 70, `${routes.length} routes`);
});

test('what belongs to somebody else is not found, whatever is asked of it, and nothing changes', async () => {
  const was = await everything();
  for (const [name, owned] of Object.entries(OWNED)) {
    const [method = '', url = ''] = name.split(' ');
    const address = addressOf(url);
    const answer = method === 'GET' ? await alain.get(address) : await send(alain, address, owned);
    assert.equal(answer.status, 404, `${name}: ${answer.location ?? ''}`);
    assert.ok(answer.body.includes('<h1>Nothing is here</h1>'), name);
    assert.ok(!/Marja|canary|Root of the north/.test(answer.body), name);
  }
  assert.deepEqual(await everything(), was);
});

test('the same answer is given for what nobody has', async () => {
  for (const [name, owned] of Object.entries(OWNED)) {
    const [method = '', url = ''] = name.split(' ');
    const known = addressOf(url);
    const address = Object.values(hers).reduce((found, id) => found.replace(id, unknownLike(id)), known);
    assert.notEqual(address, known);
    const answers = [address, known].map((each) => (method === 'GET' ? alain.get(each) : send(alain, each, owned)));
    const [unknown, foreign] = await Promise.all(answers);
    assert.equal(unknown?.status, foreign?.status, name);
    const words = (answer?: Answer) =>
      answer?.body
        .replace(/name="_csrf" value="[^"]*"/g, '')
        .replaceAll(address, '')
        .replaceAll(known, '');
    assert.equal(words(unknown), words(foreign), name);
  }
});

function unknownLike(id: string): string {
  return /^[0-9a-f-]{36}$/.test(id) ? randomUUID() : randomBytes(16).toString('base64url');
}

test('the owner finds every one of them', async () => {
  for (const [name, { notFor }] of Object.entries(OWNED)) {
    const [method = '', url = ''] = name.split(' ');
    if (method !== 'GET' || notFor !== undefined) continue;
    const answer = await elise.get(addressOf(url));
    assert.ok(answer.status < 400, `${name}: ${answer.status}`);
  }
});

test('a Digital ID of somebody else’s contact is not found under one’s own contact, nor on the pages of trust', async () => {
  const was = await everything();
  const mixed = `/contacts/${own.contact}/ids/${hers.digitalId}`;
  for (const url of [`${mixed}/replace`, `${mixed}/remove`, `${mixed}/certificate.cer`]) {
    assert.equal((await alain.get(url)).status, 404, url);
  }
  for (const url of [`${mixed}/default`, `${mixed}/remove`])
    assert.equal((await send(alain, url, {})).status, 404, url);
  const fields = { certificate: hers.digitalId, source: 'letter' };
  for (const url of ['/trust/confirm', '/trust/certificates/confirm']) {
    assert.equal((await alain.get(`${url}?certificate=${hers.digitalId}`)).status, 404, url);
  }
  assert.equal((await send(alain, '/trust/certificates/confirm', { fields })).status, 404);
  assert.deepEqual(await everything(), was);
});

test('a form sent to somebody else’s draft becomes a draft of one’s own, and tells nothing of the other', async () => {
  const was = await everything();
  const typed = { version: '2', nonce: hers.draftNonce, to: '', cc: '', bcc: '', subject: 'Mine', text: 'mine' };
  for (const action of ['save', 'discard', 'send', 'quote', `remove-attachment:${hers.attachment}`]) {
    const url = `/drafts/${hers.draft}`;
    const answer = await alain.upload('/settings', url, { ...typed, do: action }, null);
    assert.notEqual(answer.location, url, action);
    assert.doesNotMatch(answer.body, /canary|plan\.pdf/);
    await world.database.prisma.draft.deleteMany({ where: { accountId: world.alain.id, NOT: { id: own.draft } } });
    assert.deepEqual(await everything(), was, action);
  }
  const mine = { ...typed, nonce: 'letter-of-elise', version: '1', do: `remove-attachment:${hers.attachment}` };
  await alain.upload('/settings', `/drafts/${own.draft}`, mine, null);
  const piece = await world.database.prisma.draftAttachment.findUnique({ where: { id: hers.attachment } });
  assert.equal(piece?.draftId, hers.draft, 'an attachment is removed through its own draft only');
});

test('addresses of messages name one’s own mailbox only: nothing of another account can be asked for', async () => {
  const was = await everything();
  for (const route of routes.filter(isMail)) {
    const url = addressOf(route.url);
    const fields = { do: route.url.endsWith('/receipt') ? 'send' : 'delete', message: '1-1' };
    const answer = route.method === 'GET' ? await alain.get(url) : await send(alain, url, { fields });
    assert.equal(answer.status, 502, `${nameOf(route)}: the mail server of the session is asked`);
  }
  assert.deepEqual(await everything(), was);
});

test('a visitor is led from every page but the public ones to the sign-in', async () => {
  const was = await everything();
  const open: string[] = [];
  for (const route of routes) {
    const url = route.url.replace(':file', 'root.cer').replace(/:\w+/g, randomUUID());
    const headers = { origin: world.config.publicUrl.origin };
    const answer = await world.app.inject({ method: route.method, url, headers });
    const { statusCode, headers: got } = answer;
    if (route.background && statusCode === 401) continue;
    if (statusCode === 302 && String(got.location).startsWith('/sign-in')) continue;
    open.push(nameOf(route));
    assert.doesNotMatch(answer.body, /Elise|Maes/);
  }
  assert.deepEqual(open.sort(), [...PUBLIC, ...TOKEN].sort());
  assert.deepEqual(await everything(), was);
});

test('every form without its token is refused, for visitors and for those who are signed in, and changes nothing', async () => {
  const was = await everything();
  // A question of a program is no form: it changes nothing, and knows no session.
  const posts = routes.filter((route) => route.method === 'POST' && !isAdministration(route) && route.url !== '/ocsp');
  assert.ok(posts.length > 30, `${posts.length} forms`);
  for (const route of posts) {
    for (const token of [undefined, '', 'x'.repeat(43)]) {
      const fields: Record<string, string> = token === undefined ? {} : { _csrf: token };
      const { headers, payload } = formOf(route, { ...fields, ...OWNED[nameOf(route)]?.fields });
      const form = { method: 'POST' as const, url: addressOf(route.url), headers, payload };
      const status = route.public ? (await world.app.inject(form)).statusCode : (await elise.send(form)).status;
      assert.equal(status, 403, `${nameOf(route)} with ${token}`);
    }
  }
  assert.deepEqual(await everything(), was);
});

/** The form as a page of another site would send it. */
function formOf(route: Route, fields: Record<string, string>): { headers: Record<string, string>; payload: string } {
  const headers = { origin: world.config.publicUrl.origin };
  if (!route.multipart) {
    return {
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams(fields).toString(),
    };
  }
  const parts = Object.entries(fields).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return {
    headers: { ...headers, 'content-type': 'multipart/form-data; boundary=b' },
    payload: `${parts.join('')}--b--\r\n`,
  };
}
