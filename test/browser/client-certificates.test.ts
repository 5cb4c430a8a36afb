import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import { makeCertificates } from '../../testbed/certificates.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { launchBrowser, openWindow, type Window } from '../support/browser.ts';
import { signIn } from '../support/journey.ts';
import { soundPages } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const HOST = '127.150.0.10';

const assertSound = soundPages('certificates');

describe('certificates at sign-in, in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 150 });
    const tls = await makeCertificates(path.join(world.folder, 'web-tls'), [
      { hostName: 'node.eu-admin.net', address: HOST },
    ]);
    const files = tls.servers.get('node.eu-admin.net');
    assert.ok(files);
    node = await startTestNode(world, {
      HOST,
      PUBLIC_URL: `https://${HOST}`,
      TLS_CERTIFICATE_FILE: files.certificateFile,
      TLS_PRIVATE_KEY_FILE: files.privateKeyFile,
      CLIENT_CERTIFICATES: 'node',
    });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  function windowOf(person: WorldPerson | null): Promise<Window> {
    const own = person && {
      origin: node.url,
      pfx: fs.readFileSync(person.pfxFile),
      passphrase: person.pfxPassword,
    };
    return openWindow(browser, node.url, { ignoreHTTPSErrors: true, ...(own ? { clientCertificates: [own] } : {}) });
  }

  test('T22 Carla signs in with her certificate and requires it; without one she is told why not', async () => {
    const { carla, alain } = world.people;
    const { prisma } = node.context.database;
    const own = await windowOf(carla);
    await signIn(own.page, carla);
    const account = await prisma.account.findUniqueOrThrow({ where: { addressKey: carla.address.toLowerCase() } });
    const now = new Date();
    // What the door asks for is proved in administration.test.ts.
    const factor = { sealedSecret: new Uint8Array(1), serverKeyVersion: '1', begunAt: now, confirmedAt: now };
    await prisma.totpFactor.create({ data: { accountId: account.id, ...factor } });
    await prisma.session.updateMany({
      where: { accountId: account.id },
      data: { administrationUntil: new Date(now.getTime() + 30 * 60_000) },
    });
    await own.page.goto('/administration/client-certificates');
    await own.page.getByText('You signed in with your certificate').waitFor();
    await own.page.getByLabel('Sign-in', { exact: true }).selectOption({ label: 'Certificate required' });
    await own.page.getByRole('button', { name: 'Save the rule' }).click();
    await own.page.getByText('Say from which day on').waitFor();
    await assertSound(own, 'no day');
    await own.page.getByLabel('Required from').fill('2026-01-01');
    await own.page.getByRole('button', { name: 'Save the rule' }).click();
    await own.page.getByText('The rule was saved').waitFor();
    await own.page.getByRole('button', { name: /^Let in for three days.*Dupont/ }).click();
    await own.page.getByText('is let in without a certificate until').waitFor();
    await assertSound(own, 'accounts');
    await own.page.goto('/settings');
    await own.page.getByLabel('Sign in with my certificate only').check();
    await own.page
      .locator('section', { hasText: 'Certificate at sign-in' })
      .getByRole('button', { name: 'Save' })
      .click();
    await own.page.getByText('Your settings are saved').waitFor();
    await assertSound(own, 'settings');

    const none = await windowOf(null);
    await none.page.goto('/sign-in');
    await none.page.getByLabel('Address').fill(carla.address);
    await none.page.getByLabel('Mailbox password').fill(carla.password);
    await none.page.getByRole('button', { name: 'Sign in' }).click();
    await none.page.getByText('your browser showed none').waitFor();
    await assertSound(none, 'refused');
    await signIn(none.page, alain);
    await none.page.goto('/settings');
    await none.page.getByText('signed in without your certificate').waitFor();
    await assertSound(none, 'settings without');
  });
});
