import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { signInToAdministration } from '../support/administration-door.ts';
import { launchBrowser, openWindow } from '../support/browser.ts';
import { openPart } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const assertSound = soundPages('setup-check');

describe('the set-up check in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 153, relays: 'all' });
    node = await startTestNode(world);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  for (const javaScriptEnabled of [true, false]) {
    test(`T08 Carla checks the set-up, with a relay down and then with all of them up, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const { page, context } = await openWindow(browser, node.url, { javaScriptEnabled });
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await page.setViewportSize(WIDE);
      await signInToAdministration(page, node, world.people.carla);
      await openPart(page, 'Watch', 'Set-up check');
      if (javaScriptEnabled) await assertSound({ page }, 'first');
      await world.testbed.stopServer('relay4');
      try {
        await page.getByRole('button', { name: 'Check now' }).click();
        // the page asks for itself again until the check has ended
        await page.getByText('One line did not work: see what to do there.').waitFor();
      } finally {
        await world.testbed.startServer('relay4');
      }
      await page.getByRole('link', { name: 'Relays, port 25: relay4.eu-admin.net' }).click();
      const relay = page.locator('li.failed:target');
      await relay.getByText('What to do:').waitFor();
      if (javaScriptEnabled) await assertSound({ page }, 'failed');
      await page.getByText('Try to sign in as somebody').click();
      await page.getByLabel('Address').fill('marta.klein@tcn.xx.eu-admin.net');
      await page.getByLabel('Password of the mailbox').fill(world.people.marta.password);
      await page.getByRole('button', { name: 'Check now' }).click();
      await page.getByText('No country that you administer has this domain.').waitFor();
      if (javaScriptEnabled) await assertSound({ page }, 'fault');
      await page.getByLabel('Address').fill(world.people.marta.address);
      await page.getByLabel('Password of the mailbox').fill(world.people.marta.password);
      await page.getByRole('button', { name: 'Check now' }).click();
      await page.getByText('It works, but one line should be seen to.').first().waitFor();
      await page.getByText('was signed in and out again').first().waitFor();
      await page.getByRole('link', { name: /^Show/ }).first().click();
      await page.getByRole('link', { name: 'Show the newest check' }).waitFor();
      if (javaScriptEnabled) await assertSound({ page }, 'earlier');
      await context.close();
    });
  }
});
