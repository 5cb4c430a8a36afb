import { after, before, describe, test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import type { Browser } from 'playwright-core';
import { createRootAuthority } from '../../src/pki/issue.ts';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { launchBrowser, openWindow } from '../support/browser.ts';
import { grouped, openPart, signIn } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const DAY_MS = 86_400_000;

const assertSound = soundPages('administration');

describe('the administration in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 97 });
    node = await startTestNode(world);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  for (const javaScriptEnabled of [true, false]) {
    test(`S03 T04 Carla sets her second factor up and administrates, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const { prisma } = node.context.database;
      await prisma.totpFactor.deleteMany();
      const window = await openWindow(browser, node.url, { javaScriptEnabled });
      const { page } = window;
      await page.setViewportSize(WIDE);
      // Colours that fade in would be judged half-way.
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await signIn(page, world.people.carla);
      await page.goto('/administration');
      await page.getByRole('heading', { name: 'Set up a second factor' }).waitFor();
      if (javaScriptEnabled) await assertSound(window, 'password');
      await page.getByLabel('Mailbox password').fill(world.people.carla.password);
      await page.getByRole('button', { name: 'Show the secret' }).click();
      await page.getByLabel('Code').waitFor();
      if (javaScriptEnabled) await assertSound(window, 'second factor');
      const secret = (await page.locator('dd.mono').innerText()).replaceAll(' ', '');
      await page.getByLabel('Code').fill(new TOTP({ secret: Secret.fromBase32(secret) }).generate());
      await page.getByLabel('Mailbox password').fill(world.people.carla.password);
      await page.getByRole('button', { name: 'Set up' }).click();
      await page.getByRole('heading', { name: 'Administration', exact: true }).waitFor();
      if (javaScriptEnabled) await assertSound(window, 'overview');
      await openPart(page, 'Rules', 'Programme');
      await page.getByLabel('Domains outside of the programme').fill('partner.example');
      await page.getByRole('button', { name: 'Save the rules' }).click();
      await page.getByText('The rules were saved').waitFor();
      if (javaScriptEnabled) await assertSound(window, 'programme');
      await openPart(page, 'Trust', 'Roots');
      const life = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 90 * DAY_MS) };
      const name = `Kraftfahrt Wurzel ${javaScriptEnabled ? 1 : 2}`;
      const root = (await createRootAuthority({ name, keyAlgorithm: 'P-256', ...life })).certificate;
      await page
        .getByLabel('Add a root from a file')
        .setInputFiles({ name: 'root.cer', mimeType: 'application/pkix-cert', buffer: root.der });
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.getByRole('heading', { name: 'Compare the root with its authority' }).waitFor();
      if (javaScriptEnabled) await assertSound(window, 'ceremony');
      await page.locator('[name=thumbprint]').fill(grouped(root.sha256));
      await page.getByRole('button', { name: 'Compare, and trust if equal' }).click();
      await page.getByText('The thumbprints are equal').waitFor();
      if (javaScriptEnabled) await assertSound(window, 'roots');
      await openPart(page, 'Trust', 'Revocation');
      await page.getByLabel('Address', { exact: true }).fill('http://crl.partner.example/authority/ca.crl');
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
      await page.getByText('From now on this address may be asked').waitFor();
      if (javaScriptEnabled) await assertSound(window, 'revocation');
      await page.getByRole('button', { name: 'Leave the administration' }).click();
      await page.getByText('You left the administration').waitFor();
      await page.goto('/administration');
      await page.getByRole('heading', { name: 'Enter the administration' }).waitFor();
      if (javaScriptEnabled) await assertSound(window, 'enter');
      await window.context.close();
    });
  }
});
