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
import { sendThroughPages } from '../support/compose.ts';
import { assertReachable } from '../support/keyboard.ts';
import { fileMessages, keyOfPerson } from '../support/letters.ts';
import { messageTo, pageOf } from '../support/office.ts';
import { readyClerk } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const WIDE = { width: 1280, height: 900 };
const SIZES = [{ width: 360, height: 800 }, { width: 320, height: 640 }, WIDE];
const LONG = 'SENSITIVE: Personnel department and line managers only';

describe('markings', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let clerk: Visitor;
  before(async () => {
    world = await startTestWorld({ network: 98 });
    node = await startTestNode(world);
    browser = await launchBrowser();
    clerk = await readyClerk(node.url, world, world.people.alain);
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  async function windowOf(options: { javaScriptEnabled?: boolean } = {}): Promise<Window> {
    const window = await openWindow(browser, node.url, options);
    await window.page.emulateMedia({ reducedMotion: 'reduce' });
    await window.context.addCookies([...clerk.cookies].map(([name, value]) => ({ name, value, url: node.url })));
    return window;
  }

  async function speak(locale: string | null): Promise<void> {
    await node.context.database.prisma.account.updateMany({ data: { locale } });
  }

  /** In three languages, wide and narrow, with pictures for people to look at. */
  async function assertFitsEverywhere(page: Page, name: string): Promise<void> {
    const address = page.url();
    for (const locale of ['de', 'fr', null]) {
      await speak(locale);
      await page.goto(address);
      for (const size of SIZES) {
        await page.setViewportSize(size);
        await assertFits(page, `${name} in ${locale} at ${size.width} px`);
        if (size.width !== 320) await takePicture(page, `marking-${name}-${locale ?? 'en'}-${size.width}`);
      }
    }
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      await assertAccessible(page, `${name}, ${colorScheme}`);
    }
    await assertReachable(page, name);
  }

  test('S06 is chosen on the compose page, which presses Sign and Encrypt with it; accessible, wide and narrow', async () => {
    const window = await windowOf();
    const { page } = window;
    await page.goto('/drafts/new');
    await page.locator('input[name="sign"]').uncheck();
    await page.locator('input[name="encrypt"]').uncheck();
    const handling = page.getByLabel('Handling instruction', { exact: true });
    assert.equal(await handling.isVisible(), false);
    await page.locator('input[value="instructed"]').check();
    await handling.fill('Personnel');
    await page.locator('input[value="none"]').check();
    assert.equal(await handling.isVisible(), true, 'what is written stays in sight');
    await handling.fill('Personnel only');
    assert.equal(await page.locator('input[value="instructed"]').isChecked(), true, 'what is written is meant');
    assert.equal(await page.locator('input[name="sign"]').isChecked(), true);
    assert.equal(await page.locator('input[name="encrypt"]').isChecked(), true);
    await page.getByRole('button', { name: 'Save draft' }).last().click();
    await page.getByText('The draft is saved.').waitFor();
    await page.getByText('Marked, bound by your signature').waitFor();
    await assertFitsEverywhere(page, 'compose');
    assert.deepEqual(window.consoleErrors, []);
    await window.context.close();
  });

  test('S06 is refused in words without JavaScript, and what was typed stays', async () => {
    const window = await windowOf({ javaScriptEnabled: false });
    const { page } = window;
    await page.goto('/drafts/new');
    await page.locator('#subject').fill('Restreint UE: Card');
    await page.locator('input[value="sensitive"]').check();
    await page.locator('input[name="encrypt"]').uncheck();
    await page.getByRole('button', { name: 'Check and send' }).click();
    const alert = await page.getByRole('alert').innerText();
    assert.match(alert, /Classified information must not leave through this system/);
    assert.match(alert, /Marked, but not encrypted/);
    assert.equal(await page.locator('#subject').inputValue(), 'Restreint UE: Card');
    assert.equal(await page.locator('input[value="sensitive"]').isChecked(), true);
    await page.setViewportSize(WIDE);
    await takePicture(page, 'marking-refused-1280');
    await page.setViewportSize({ width: 360, height: 800 });
    await takePicture(page, 'marking-refused-360');
    await window.context.close();
  });

  test('S06 stands beside the subject of a message, in lists, on the sent letter and in its answer', async () => {
    const { alain, marta } = world.people;
    const sign = { ...keyOfPerson(marta), marking: LONG };
    await fileMessages(node, alain, [
      messageTo(world, { subject: `${LONG} - Leave of the card office`, sign }),
      messageTo(world, { subject: 'SENSITIVE - Says who?' }),
    ]);
    const window = await windowOf();
    const { page } = window;
    const [marked, said] = [await pageOf(clerk, 'Leave of the card office'), await pageOf(clerk, 'Says who?')];
    const note = { to: alain.address, subject: 'Note', text: 'x', marking: 'instructed', handling: 'Staff' } as const;
    const letter = await sendThroughPages(clerk, note);
    const answer = `/drafts/new?reply=${marked.slice('/mail/'.length)}&mode=reply`;
    for (const [name, address] of Object.entries({
      marked,
      said,
      letter,
      letters: '/letters',
      inbox: '/mail',
      answer,
    })) {
      await page.goto(address);
      await assertFitsEverywhere(page, name);
    }
    assert.deepEqual(window.consoleErrors, []);
    await window.context.close();
  });
});
