import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';

let world: TestApp;
before(async () => {
  world = await startTestApp();
});
after(() => world.stop());

const GOOD = {
  signByDefault: 'on',
  signatureText: 'Alain Dupont\r\nCard office\r\n\r\n',
  locale: 'de',
  timeZone: 'Europe/Berlin',
  theme: 'dark',
  lockMinutes: '30',
};
const alain = () => world.database.prisma.account.findUniqueOrThrow({ where: { id: world.alain.id } });

test('T17 signing and encrypting all outgoing mail are settings, on at first', async () => {
  const before = await alain();
  assert.deepEqual([before.signByDefault, before.encryptByDefault], [true, true]);
  const clerk = await Clerk.signIn(world, world.alain);
  const saved = await clerk.post('/settings', '/settings', GOOD);
  assert.equal(saved.location, '/settings');
  const { signByDefault, encryptByDefault, signatureText, locale, timeZone, theme, lockMinutes, remoteImages } =
    await alain();
  assert.deepEqual(
    { signByDefault, encryptByDefault, signatureText, locale, timeZone, theme, lockMinutes, remoteImages },
    {
      signByDefault: true,
      encryptByDefault: false,
      signatureText: 'Alain Dupont\nCard office',
      locale: 'de',
      timeZone: 'Europe/Berlin',
      theme: 'dark',
      lockMinutes: 30,
      remoteImages: false,
    },
  );
  const page = (await clerk.get('/settings')).body;
  assert.match(page, /<html lang="de" data-theme="dark"/);
  assert.match(page, /Ihre Einstellungen sind gespeichert/);
});

test('a value that is not usable keeps everything that was typed and saves nothing', async () => {
  const before = await alain();
  const clerk = await Clerk.signIn(world, world.alain);
  for (const wrong of [
    { lockMinutes: '4' },
    { lockMinutes: '61' },
    { lockMinutes: '' },
    { timeZone: 'Moon/Crater' },
    { locale: 'tlh' },
    { theme: 'pink' },
    { signatureText: 'x'.repeat(2001) },
  ]) {
    const answer = await clerk.post('/settings', '/settings', {
      ...GOOD,
      signatureText: 'typed <b>text</b>',
      remoteImages: 'on',
      ...wrong,
    });
    assert.equal(answer.status, 400, JSON.stringify(wrong).slice(0, 60));
    assert.match(answer.body, /aria-invalid="true"/);
    if (!('signatureText' in wrong)) assert.ok(answer.body.includes('typed &lt;b&gt;text&lt;/b&gt;'));
    assert.match(answer.body, /name="remoteImages" checked/);
  }
  assert.deepEqual(await alain(), before);
});

test('one’s other sessions can be ended, one or all, and nobody else’s', async () => {
  const [here, there, further] = [
    await Clerk.signIn(world, world.elise),
    await Clerk.signIn(world, world.elise),
    await Clerk.signIn(world, world.elise),
  ];
  const stranger = await Clerk.signIn(world, world.alain);
  const { prisma } = world.database;
  const ids = async () =>
    (await prisma.session.findMany({ where: { accountId: world.elise.id }, orderBy: { createdAt: 'asc' } })).map(
      (row) => row.id,
    );
  const [own = '', second = ''] = await ids();
  assert.equal((await here.post('/settings', `/settings/sessions/${own}/end`, {})).status, 404, 'not this one');
  assert.equal((await stranger.post('/settings', `/settings/sessions/${second}/end`, {})).status, 404);
  assert.equal((await here.post('/settings', `/settings/sessions/${second}/end`, {})).status, 302);
  assert.match((await there.get('/settings')).location ?? '', /^\/sign-in/);
  assert.equal((await further.get('/settings')).status, 200);
  await here.post('/settings', '/settings/sessions/end-others', {});
  assert.match((await further.get('/settings')).location ?? '', /^\/sign-in/);
  assert.deepEqual(await ids(), [own]);
  assert.equal((await stranger.get('/settings')).status, 200);
});
