import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import {
  assertAccessible,
  assertFits,
  launchBrowser,
  openWindow,
  takePicture,
  type Window,
} from '../support/browser.ts';
import { signIn } from '../support/journey.ts';
import { assertReachable } from '../support/keyboard.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const WIDE = { width: 1280, height: 900 };
const PORT = '18542';

describe('issued Digital IDs, lists and what partners see, in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 142, publicUrl: new URL(`http://localhost:${PORT}`) });
    node = await startTestNode(world, { PORT });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  async function assertSound({ page, consoleErrors }: Window, name: string): Promise<void> {
    assert.deepEqual(
      consoleErrors.filter((line) => !/status of 4\d\d/.test(line)),
      [],
      `console of ${name}`,
    );
    assert.equal(await page.locator('h1:visible').count(), 1, name);
    assert.doesNotMatch(
      await page.locator('body').innerText(),
      /\b(publishing|partners|pki|help)\.[a-z]\w+|undefined|\{\w+\}/,
    );
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await assertAccessible(page, `${name}, ${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await takePicture(page, `publishing-${name}-1280`);
    for (const width of [360, 320]) {
      await page.setViewportSize({ width, height: 800 });
      await assertFits(page, `${name} at ${width} px`);
      if (width === 360) await takePicture(page, `publishing-${name}-360`);
    }
    await page.setViewportSize(WIDE);
    await assertReachable(page, name);
  }

  /** What the door asks for is proved in administration.test.ts. */
  async function openDoor(page: Page): Promise<void> {
    const { prisma } = node.context.database;
    const { carla } = world.people;
    const account = await prisma.account.findUniqueOrThrow({ where: { addressKey: carla.address.toLowerCase() } });
    const now = new Date();
    const factor = { sealedSecret: new Uint8Array(1), serverKeyVersion: '1', begunAt: now, confirmedAt: now };
    const where = { accountId: account.id };
    await prisma.totpFactor.upsert({ where, create: { ...where, ...factor }, update: factor });
    await prisma.session.updateMany({ where, data: { administrationUntil: new Date(now.getTime() + 30 * 60_000) } });
    await page.goto('/administration');
  }

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? 'with' : 'without';
    test(`S08 Carla holds a Digital ID, lifts the hold, and renews the lists, ${how} JavaScript`, async () => {
      const window = await openWindow(browser, node.url, { javaScriptEnabled });
      const { page } = window;
      await page.setViewportSize(WIDE);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await signIn(page, world.people.carla);
      await openDoor(page);
      await page.goto('/administration/digital-ids');
      await page.getByRole('heading', { name: 'Issued Digital IDs' }).waitFor();
      if (javaScriptEnabled) await assertSound(window, 'list');
      await page.getByLabel('Look for').fill('otto');
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByRole('link', { name: /Otto Brandt/ }).click();
      await page.getByRole('heading', { name: 'Digital ID of Otto Brandt' }).waitFor();
      if (javaScriptEnabled) await assertSound(window, 'digital-id');
      await page.getByLabel('Reason').selectOption({ label: 'On hold for now' });
      await page.getByRole('button', { name: 'Revoke' }).click();
      await page.getByText('It counts here at once').waitFor();
      if (javaScriptEnabled) await assertSound(window, 'held');
      await page.getByLabel('Passphrase of the issuing CA').fill('a guess');
      await page.getByRole('button', { name: 'Lift the hold' }).click();
      await page.getByText('This is not the passphrase').waitFor();
      await page.getByLabel('Passphrase of the issuing CA').fill(world.authorityPassphrase);
      await page.getByRole('button', { name: 'Lift the hold' }).click();
      await page.getByText('The hold is lifted').waitFor();
      await page.getByRole('link', { name: 'Lists', exact: true }).click();
      await page.getByRole('heading', { name: 'Revocation lists' }).waitFor();
      if (javaScriptEnabled) await assertSound(window, 'lists');
      await page.locator('summary', { hasText: 'Sign anew' }).first().click();
      await page.getByLabel('Passphrase of the root CA').fill(world.authorityPassphrase);
      await page.getByRole('button', { name: 'Sign', exact: true }).first().click();
      await page.getByText('The new list of TACHOnet Test Root CA is published').waitFor();
      await window.context.close();
    });
  }

  test('S08 S13 a partner without an account finds our certificates, how fresh the lists are, and what to do', async () => {
    const window = await openWindow(browser, node.url, { javaScriptEnabled: true });
    const { page } = window;
    await page.setViewportSize(WIDE);
    await page.goto('/certificates');
    await assertSound(window, 'certificates');
    await page.getByRole('link', { name: 'More help for outside partners' }).click();
    await page.getByRole('heading', { name: 'Help for outside partners' }).waitFor();
    await assertSound(window, 'partners');
    for (const [language, title] of [
      ['Deutsch', 'Hilfe für Partner von außen'],
      ['Français', 'Aide pour les partenaires extérieurs'],
    ] as const) {
      await page.getByRole('link', { name: language }).click();
      await page.getByRole('heading', { name: title }).waitFor();
      await assertAccessible(page, language);
    }
    await takePicture(page, 'publishing-partners-fr-1280');
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.getByRole('navigation', { name: 'Langue de cette page' }).isVisible(), false);
    assert.equal(await page.locator('.thumb').first().isVisible(), true);
    await takePicture(page, 'publishing-partners-print');
    assert.deepEqual(await window.context.cookies(), []);
    await window.context.close();
  });
});
