import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Certificate } from '../../src/pki/certificate.ts';
import { createAuthorities } from '../../src/services/identities/authorities.ts';
import { noteSelfTest, readFirstSteps } from '../../src/services/identities/first-steps.ts';
import { issueIdentity } from '../../src/services/identities/issue-identity.ts';
import { findSession, type SignedIn } from '../../src/services/sessions/session.ts';
import type { OpenedMessage } from '../../src/smime/verdict.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';

const PASSPHRASE = 'quatre vaches au bord du canal';
const AUTHORITY_PASSPHRASE = 'only for issuing certificates';

let world: TestApp;
let authorities: { root: Certificate; issuing: Certificate };
before(async () => {
  world = await startTestApp();
  const programme = await world.database.prisma.programme.findFirstOrThrow();
  authorities = await createAuthorities(
    world.database,
    programme,
    { passphrase: AUTHORITY_PASSPHRASE, keyAlgorithm: 'P-256' },
    new Date(),
  );
});
after(() => world.stop());

async function sessionOfAlain(): Promise<SignedIn> {
  const cookie = (await world.cookieFor(world.alain)).replace('sid=', '');
  return (
    (await findSession(world.database, world.config, cookie, '127.0.0.1', new Date())) ?? assert.fail('no session')
  );
}

async function states(): Promise<string> {
  const { steps } = await readFirstSteps(world.context, await sessionOfAlain());
  return steps.map((step) => step.state).join(' ');
}

const asOpened = (signature: string, encryption: string, to: string) =>
  ({
    from: [{ name: '', address: 'alain.dupont@tcn.b.eu-admin.net' }],
    to: [{ name: '', address: to }],
    signature: { status: signature },
    encryption: { status: encryption },
  }) as unknown as OpenedMessage;

test('the first steps lead from the passphrase over the Digital ID and its root to the test message', async () => {
  const clerk = await Clerk.signIn(world, world.alain);
  assert.equal((await clerk.get('/')).location, '/first-steps');
  assert.equal(await states(), 'now later later later later later');
  assert.match((await clerk.get('/first-steps')).body, /0 of 6 done/);

  await clerk.choosePassphrase(PASSPHRASE);
  assert.equal(await states(), 'done now later later later later');

  const request = {
    account: world.alain,
    passphrase: AUTHORITY_PASSPHRASE,
    pfxPassword: 'by telephone',
    keyAlgorithm: 'P-256' as const,
  };
  const issued = await issueIdentity(world.database, request, new Date());
  assert.ok(issued.ok);
  const file = { field: 'file', name: 'a.pfx', bytes: issued.pfx };
  const imported = await clerk.upload('/digital-ids/import', '/digital-ids/import', { password: 'by telephone' }, file);
  assert.equal(imported.status, 200);
  assert.equal(await states(), 'done done done now later later');
  const page = (await clerk.get('/first-steps')).body;
  assert.match(page, /TACHOnet, test phase Root CA/);
  const anchor = await world.database.prisma.trustAnchor.findFirstOrThrow({ where: { accountId: world.alain.id } });
  assert.ok(page.includes(`/trust/anchors/${anchor.id}/confirm?next=%2Ffirst-steps`));
  const confirm = await clerk.get(`/trust/anchors/${anchor.id}/confirm?next=%2Ffirst-steps`);
  assert.equal(confirm.status, 200);

  await world.database.prisma.trustAnchor.update({
    where: { id: anchor.id },
    data: { state: 'trusted', decidedAt: new Date() },
  });
  assert.equal(await states(), 'done done done done now later');
  assert.match((await clerk.get('/first-steps')).body, /Send the test message/);

  const page5 = await clerk.get('/first-steps');
  const nonce = /name="nonce" value="(self-test-[^"]+)"/.exec(page5.body)?.[1] ?? assert.fail('no nonce');
  for (const click of ['first', 'second']) {
    const sent = await clerk.post('/first-steps', '/first-steps/self-test', { nonce });
    assert.equal(sent.location, '/first-steps', `${click} click: ${sent.body.slice(0, 3000)}`);
  }
  const letters = await world.database.prisma.letter.findMany({ where: { accountId: world.alain.id } });
  assert.deepEqual(
    letters.map((letter) => [letter.signed, letter.encrypted]),
    [[true, true]],
  );
  assert.match((await clerk.get('/first-steps')).body, /Send it once more/);

  const session = await sessionOfAlain();
  await noteSelfTest(world.context, session, asOpened('untrusted', 'encrypted', world.alain.address));
  await noteSelfTest(world.context, session, asOpened('trusted', 'none', world.alain.address));
  await noteSelfTest(world.context, session, asOpened('trusted', 'encrypted', world.elise.address));
  assert.equal(await states(), 'done done done done now later');
  await noteSelfTest(world.context, session, asOpened('trusted', 'encrypted', world.alain.address));
  assert.equal(await states(), 'done done done done done done');
  assert.equal((await clerk.get('/')).location, '/mail');
  assert.match((await clerk.get('/first-steps')).body, /6 of 6 done/);
});

test('S12 my certificates go to a partner in a signed letter', async () => {
  const clerk = await Clerk.signIn(world, world.alain);
  await clerk.post('/keys/unlock', '/keys/unlock', { passphrase: PASSPHRASE });
  const page = (await clerk.get('/digital-ids/send')).body;
  const nonce = /name="nonce" value="(own-certificates-[^"]+)"/.exec(page)?.[1] ?? assert.fail('no nonce');
  const send = (to: string) => clerk.post('/digital-ids/send', '/digital-ids/send', { to, text: 'typed by me', nonce });
  for (const to of ['', 'no address', 'x@elsewhere.example']) {
    const refused = await send(to);
    assert.equal(refused.status, 400, to);
    assert.ok(refused.body.includes('typed by me'));
    assert.match(refused.body, /aria-invalid="true"/);
  }
  assert.equal((await send(world.elise.address)).location, '/digital-ids');
  const letter = await world.database.prisma.letter.findFirstOrThrow({ where: { nonce } });
  assert.deepEqual([letter.signed, letter.encrypted], [true, false]);
});

test('a person who does not want to be led to the first steps is not', async () => {
  const clerk = await Clerk.signIn(world, world.elise);
  assert.equal((await clerk.get('/')).location, '/first-steps');
  const hidden = await clerk.post('/first-steps', '/first-steps/hidden', { hidden: 'yes' });
  assert.equal(hidden.location, '/mail');
  assert.equal((await clerk.get('/')).location, '/mail');
  await clerk.post('/first-steps', '/first-steps/hidden', { hidden: 'no' });
  assert.equal((await clerk.get('/')).location, '/first-steps');
});

test('S08 partners get root and issuing CA without signing in, with thumbprints, as .cer, .crt and .p7b', async () => {
  const page = await world.app.inject({ url: '/certificates' });
  assert.equal(page.statusCode, 200);
  for (const certificate of [authorities.root, authorities.issuing]) {
    const shown = certificate.sha256.toUpperCase().match(/.{4}/g)?.join(' ') ?? '';
    assert.ok(page.body.includes(shown));
    const fetch = (form: string) => world.app.inject({ url: `/certificates/${certificate.sha256}.${form}` });
    const cer = await fetch('cer');
    assert.equal(cer.headers['content-type'], 'application/pkix-cert');
    assert.match(String(cer.headers['content-disposition']), /^attachment; filename="[\w.-]+\.cer"$/);
    assert.ok(cer.rawPayload.equals(certificate.der));
    assert.match((await fetch('crt')).body, /^-----BEGIN CERTIFICATE-----/);
    const p7b = await fetch('p7b');
    assert.equal(p7b.headers['content-type'], 'application/x-pkcs7-certificates');
    assert.ok(p7b.rawPayload.includes(authorities.root.der));
  }
  for (const file of ['0.cer', `${'0'.repeat(64)}.cer`, `${authorities.root.sha256}.pfx`]) {
    assert.equal((await world.app.inject({ url: `/certificates/${file}` })).statusCode, 404, file);
  }
});

test('S13 help for partners is there in three languages without signing in, from the choice of a CA to a signed mail', async () => {
  for (const [language, title, steps] of [
    ['en', 'Help for outside partners', ['1. Choose', '2. Get', '3. Check', '4. Install', '5. Trust', '6. Send']],
    [
      'fr',
      'Aide pour les partenaires extérieurs',
      ['1. Choisir', '2. Obtenir', '3. Vérifier', '4. L’installer', '5. Faire', '6. Nous'],
    ],
    [
      'de',
      'Hilfe für Partner von außen',
      ['1. Wählen, wer', '2. Ein Zertifikat', '3. Prüfen', '4. In Ihrem', '5. Unserer', '6. Uns'],
    ],
  ] as const) {
    const help = await world.app.inject({ url: '/help', headers: { 'accept-language': language } });
    assert.equal(help.statusCode, 200);
    assert.ok(help.body.includes('href="/help/partners"'), language);
    const asked = { url: '/help/partners', headers: { 'accept-language': language } };
    const sent = { url: `/help/partners?language=${language}`, headers: { 'accept-language': 'it' } };
    for (const request of [asked, sent]) {
      const page = await world.app.inject(request);
      assert.equal(page.statusCode, 200);
      assert.equal(page.headers['set-cookie'], undefined);
      assert.ok(page.body.includes(`<html lang="${language}"`) && page.body.includes(title), language);
      for (const step of steps) assert.ok(page.body.includes(`>${step}`), step);
      for (const program of ['Outlook', 'Thunderbird', 'Mac', 'iPhone', 'Evolution'])
        assert.ok(page.body.includes(program));
      assert.doesNotMatch(page.body, />(help|partners)\./);
      const shown = authorities.root.sha256.toUpperCase().match(/.{4}/g)?.join(' ') ?? '';
      assert.ok(page.body.includes(shown), 'to be compared by telephone, on paper too');
    }
  }
  assert.equal((await world.app.inject({ url: '/help/partners?language=xx' })).statusCode, 200);
});
