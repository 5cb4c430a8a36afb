import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { signInToAdministration } from '../support/administration-door.ts';
import { launchBrowser, openWindow, takePicture } from '../support/browser.ts';
import { openPart } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const assertSound = soundPages('monitor');
const RELAY = 'relay4.eu-admin.net';

describe('the monitor in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 172, relays: 'all' });
    node = await startTestNode(world, { MONITOR_SECONDS: '1' });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  /** A month behind what was really looked at, with a bad quarter of an hour each few days: charts have something to show. */
  async function dreamUpHistory(): Promise<void> {
    const { pool } = node.context.database;
    await pool.query(
      `insert into monitor_sample (target_id, at, failed, milliseconds)
       select t.id, date_trunc('hour', now()) - n * interval '1 minute', n between 300 and 345,
              12 + (30 * abs(sin(n / 90.0)))::int + case when n % 97 = 0 then 180 else 0 end
       from monitor_target t, generate_series(1, 2800) n where not (n between 700 and 760) on conflict do nothing`,
    );
    await pool.query(
      `insert into monitor_hour (target_id, hour, looks, failed, milliseconds_sum, milliseconds_most)
       select t.id, date_trunc('hour', now(), 'UTC') - n * interval '1 hour', 60,
              case when t.kind = 'relay' and (n = 5 or n % 131 = 7) then 46 else 0 end,
              60 * (12 + (30 * abs(sin(n / 20.0)))::int), 60 + (n * 37) % 120
       from monitor_target t, generate_series(1, 700) n on conflict do nothing`,
    );
  }

  async function eventuallyShown(page: Page, text: string | RegExp): Promise<void> {
    for (let count = 0; count < 100; count += 1) {
      await page.reload();
      if ((await page.getByText(text).count()) > 0) return;
      await page.waitForTimeout(200);
    }
    throw new Error(`${text} does not appear`);
  }

  for (const javaScriptEnabled of [true, false]) {
    test(`T24 Carla sees a relay fail and come back, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const { page, context, consoleErrors } = await openWindow(browser, node.url, { javaScriptEnabled });
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await page.setViewportSize(WIDE);
      await signInToAdministration(page, node, world.people.carla);
      await openPart(page, 'Watch', 'Monitor');
      await eventuallyShown(page, /^Everything works/);
      if (javaScriptEnabled) {
        await dreamUpHistory();
        await page.reload();
        await assertSound({ page, consoleErrors }, 'all-well');
      }
      await world.testbed.stopServer('relay4');
      try {
        await eventuallyShown(page, 'One thing does not work.');
        if (javaScriptEnabled) await assertSound({ page, consoleErrors }, 'failing');
        await page.getByRole('link', { name: `Relay: ${RELAY}` }).click();
        await page.getByText('The connection was refused').first().waitFor();
        await page.getByText('Ask the operator of this server whether it runs').first().waitFor();
        if (javaScriptEnabled) await assertSound({ page, consoleErrors }, 'relay-day');
        for (const period of ['7 days', '30 days']) {
          await page.getByRole('navigation', { name: 'Period' }).getByRole('link', { name: period }).click();
          await page.getByRole('img', { name: `Time until the answer of Relay: ${RELAY}` }).waitFor();
        }
        if (javaScriptEnabled) {
          await assertSound({ page, consoleErrors }, 'relay-month');
          await page.emulateMedia({ colorScheme: 'dark' });
          await takePicture(page, 'monitor-relay-month-dark-1280');
          await page.emulateMedia({ colorScheme: 'light' });
        }
        await page.getByText('The same as a table').click();
        await page.getByRole('columnheader', { name: 'Longest' }).waitFor();
      } finally {
        await world.testbed.startServer('relay4');
      }
      await page.getByRole('link', { name: 'All that is watched' }).click();
      await eventuallyShown(page, /^Everything works/);
      await context.close();
    });
  }
});
