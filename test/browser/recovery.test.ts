import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { launchBrowser, openWindow } from '../support/browser.ts';
import { firstSteps, selfTest, signIn } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const OLD = 'quatre vaches au bord du canal';
const NEW = 'kein Fenster ohne Vorhang heute';

const assertSound = soundPages('recovery');

describe('lost keys in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 146 });
    node = await startTestNode(world);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  for (const [who, javaScriptEnabled] of [
    ['alain', true],
    ['marta', false],
  ] as const) {
    test(`T26 ${who} starts over with new keys, brings the file in again and then finds the old passphrase, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const person = world.people[who];
      const window = await openWindow(browser, node.url, { javaScriptEnabled });
      const { page } = window;
      const look = async (name: string) => {
        if (javaScriptEnabled) await assertSound(window, name);
      };
      await page.setViewportSize(WIDE);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await signIn(page, person);
      await firstSteps(page, world, person, OLD);
      await selfTest(page);

      await page.goto('/keys/lost');
      await look('lost');
      await page.getByRole('link', { name: 'Start over with new keys' }).click();
      await page.getByRole('heading', { name: 'Start over with new keys' }).waitFor();
      await look('start over');
      await page.getByLabel('Your own address').fill('somebody@example.org');
      await page.getByLabel('Mailbox password').fill(person.password);
      await page.getByRole('button', { name: 'Give up the old keys' }).click();
      await page.getByText('This is not your address. Nothing was changed.').waitFor();
      await look('not confirmed');
      await page.getByLabel('Your own address').fill(person.address);
      await page.getByLabel('Mailbox password').fill(person.password);
      await page.getByRole('button', { name: 'Give up the old keys' }).click();
      await page.getByText('The old keys were set aside.').waitFor();
      await look('new passphrase');
      await page.getByRole('textbox', { name: 'Key passphrase' }).fill(NEW);
      await page.getByLabel('The same again').fill(NEW);
      await page.getByRole('button', { name: 'Set the passphrase' }).click();
      await page.getByRole('link', { name: 'I have written it down' }).click();

      await page.goto('/digital-ids');
      await page.getByText('Key lost, opens nothing').waitFor();
      await look('digital ids');
      await page.goto('/keys/restore');
      await page.getByLabel('Old passphrase or code').fill('not the one');
      await page.getByRole('button', { name: 'Bring them back' }).click();
      await page.getByText('This opens none of the keys').waitFor();
      await look('restore');
      await page.getByLabel('Old passphrase or code').fill(OLD);
      await page.getByRole('button', { name: 'Bring them back' }).click();
      await page.getByText('1 Digital ID opens old mail again.').waitFor();
      await look('restored');
      await window.context.close();
    });
  }
});
