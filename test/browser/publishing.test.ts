import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { openDoor } from '../support/administration-door.ts';
import { assertAccessible, launchBrowser, openWindow, takePicture } from '../support/browser.ts';
import { signIn } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const PORT = '18542';

const assertSound = soundPages('publishing');

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

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? 'with' : 'without';
    test(`S08 Carla holds a Digital ID, lifts the hold, and renews the lists, ${how} JavaScript`, async () => {
      const window = await openWindow(browser, node.url, { javaScriptEnabled });
      const { page } = window;
      await page.setViewportSize(WIDE);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await signIn(page, world.people.carla);
      await openDoor(page, node, world.people.carla);
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
      await page.getByLabel('Passphrase of the root CA').first().fill(world.authorityPassphrase);
      await page.getByRole('button', { name: 'Sign', exact: true }).first().click();
      await page.getByText('The new list of TACHOnet Test Root CA is published').waitFor();
      await window.context.close();
    });
  }

  test('S08 T24 Carla revokes the signer of the daily list and the key for evidence, each after a confirmation', async () => {
    const window = await openWindow(browser, node.url, { javaScriptEnabled: true });
    const { page } = window;
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await signIn(page, world.people.carla);
    await openDoor(page, node, world.people.carla);
    await page.goto('/administration/lists');
    const signer = page.locator('details', { hasText: 'Revoke the signer' }).first();
    await signer.locator('summary').click();
    await signer.getByLabel('Passphrase of the issuing CA').fill('a guess');
    await signer.getByRole('button', { name: 'Revoke the signer' }).click();
    await page.getByText('This is not the passphrase').waitFor();
    await assertSound(window, 'signer');
    await signer.getByLabel('Passphrase of the issuing CA').fill(world.authorityPassphrase);
    await signer.getByRole('button', { name: 'Revoke the signer' }).click();
    await page.getByText('The signer is revoked. The lists are signed anew').waitFor();
    await page.goto('/administration/evidence');
    await page.getByLabel(/Passphrase/).fill(world.authorityPassphrase);
    await page.getByRole('button', { name: 'Certify a new key' }).click();
    await page.getByText('A new key signs the evidence').waitFor();
    const key = page.locator('details', { hasText: 'Revoke this key' }).first();
    // Opened without a click, so that the keyboard begins where a reader does.
    await key.evaluate((element) => element.setAttribute('open', ''));
    await assertSound(window, 'evidence keys');
    await key.getByLabel('Yes, revoke this key for good').check();
    await key.getByRole('button', { name: 'Revoke the key' }).click();
    await page.getByText('The key is revoked, and the new list is published').waitFor();
    await assertSound(window, 'evidence key revoked');
    await window.context.close();
  });

  test('S08 S13 a partner without an account finds our certificates, how fresh the lists are, and what to do', async () => {
    const window = await openWindow(browser, node.url, { javaScriptEnabled: true });
    const { page } = window;
    await page.setViewportSize(WIDE);
    // Colours that fade in would be judged half-way.
    await page.emulateMedia({ reducedMotion: 'reduce' });
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
