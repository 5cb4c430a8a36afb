import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import type { Browser } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { openDoor } from '../support/administration-door.ts';
import { launchBrowser, openWindow, takePicture } from '../support/browser.ts';
import { openPart, signIn } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const assertSound = soundPages('trail');

describe('the audit trail and passkeys in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 148 });
    node = await startTestNode(world);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  for (const javaScriptEnabled of [true, false]) {
    test(`security.md Carla searches the trail, takes it along and has it verified, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const window = await openWindow(browser, node.url, { javaScriptEnabled });
      const { page } = window;
      await page.setViewportSize(WIDE);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await page.goto('/sign-in');
      await page.getByLabel('Address').fill('nobody@tcn.b.eu-admin.net');
      await page.getByLabel('Password').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('do not fit').first().waitFor();
      await signIn(page, world.people.carla);
      await openDoor(page, node, world.people.carla);
      await openPart(page, 'Watch', 'Audit trail');
      await page.getByRole('heading', { name: 'Audit trail', level: 1 }).waitFor();
      if (javaScriptEnabled) await assertSound(window, 'trail');
      await page.getByLabel('Result').selectOption({ label: 'Refused' });
      await page.getByLabel('Action').selectOption({ label: 'Signing in' });
      await page.getByRole('button', { name: 'Show', exact: true }).click();
      await page.getByText('nobody@tcn.b.eu-admin.net').first().waitFor();
      await page.locator('summary', { hasText: 'Details' }).first().click();
      await page.getByText('Hash of the entry before').first().waitFor();
      await takePicture(page, 'audit-details-1280');
      await page.reload();
      if (javaScriptEnabled) await assertSound(window, 'refused');
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: 'CSV' }).click();
      const file = await download;
      assert.match(file.suggestedFilename(), /^audit-\d{4}-\d{2}-\d{2}\.csv$/);
      const text = fs.readFileSync(await file.path(), 'utf8');
      assert.match(text, /"nobody@tcn\.b\.eu-admin\.net"/);
      assert.doesNotMatch(text, /"done"/);
      await page.getByLabel('Person').fill('no such person');
      await page.getByRole('button', { name: 'Show', exact: true }).click();
      await page.getByText('No entry fits').waitFor();
      if (javaScriptEnabled) await assertSound(window, 'nothing');
      await page.getByRole('button', { name: 'Verify now' }).click();
      await page.getByText('The trail is whole.').waitFor();
      if (javaScriptEnabled) await assertSound(window, 'whole');
      await page.goto('/settings');
      await page.getByRole('link', { name: 'Recent activity' }).click();
      await page.getByRole('heading', { name: 'Recent activity' }).waitFor();
      await page.getByText('Signing in').first().waitFor();
      if (javaScriptEnabled) await assertSound(window, 'activity');
      await window.context.close();
    });
  }

  test('security.md Carla adds a passkey, enters with it, and finds the codes where there is no JavaScript', async () => {
    const { carla } = world.people;
    const { prisma } = node.context.database;
    await prisma.totpFactor.deleteMany();
    await prisma.attemptWindow.deleteMany();
    const window = await openWindow(browser, node.url);
    const { page } = window;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    const devtools = await window.context.newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'usb', automaticPresenceSimulation: true },
    });
    await signIn(page, carla);
    await page.goto('/administration');
    await page.getByLabel('Mailbox password').fill(carla.password);
    await page.getByRole('button', { name: 'Show the secret' }).click();
    const secret = (await page.locator('dd.mono').innerText()).replaceAll(' ', '');
    await page.getByLabel('Code').fill(new TOTP({ secret: Secret.fromBase32(secret) }).generate());
    await page.getByLabel('Mailbox password').fill(carla.password);
    await page.getByRole('button', { name: 'Set up' }).click();
    await openPart(page, 'Rules', 'Second factors');
    const addKey = async (name: string) => {
      await page.getByLabel('Name', { exact: true }).fill(name);
      await page.getByLabel('Mailbox password').fill(carla.password);
      await page.getByRole('button', { name: 'Add the passkey' }).click();
    };
    await addKey('blue key');
    await page.getByText('The passkey was added').waitFor();
    await assertSound(window, 'factors');
    await addKey('the same again');
    await page.getByText('The browser got no answer').waitFor();
    await page.getByRole('button', { name: 'Leave the administration' }).click();
    await page.goto('/administration');
    await page.getByRole('heading', { name: 'With a passkey' }).waitFor();
    await assertSound(window, 'enter');
    await page.locator('#passkey-password').fill(carla.password);
    await page.getByRole('button', { name: 'Show the passkey' }).click();
    await page.getByRole('heading', { name: 'Administration', exact: true }).waitFor();
    await page.goto('/administration/factors');
    await page.getByRole('link', { name: /^Remove.*Codes/ }).click();
    await assertSound(window, 'remove');
    await page.getByLabel('Mailbox password').fill(carla.password);
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('The second factor was removed').waitFor();
    await page.getByText('The last one stays').waitFor();
    await assertSound(window, 'last factor');
    const state = await window.context.storageState();
    await window.context.close();

    const plain = await openWindow(browser, node.url, { javaScriptEnabled: false });
    await plain.context.addCookies(state.cookies);
    await plain.page.goto('/administration/factors');
    await plain.page.getByText('Passkeys need JavaScript').waitFor();
    assert.equal(await plain.page.getByRole('button', { name: 'Add the passkey' }).isVisible(), false);
    await plain.page.getByRole('link', { name: 'Set up codes' }).click();
    await plain.page.getByRole('heading', { name: 'Set up a second factor' }).waitFor();
    await plain.context.close();
  });
});
