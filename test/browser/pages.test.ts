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
import { firstSteps, signIn } from '../support/journey.ts';
import { assertReachable } from '../support/keyboard.ts';
import { furnishOffice, makeStranger, type Office } from '../support/office.ts';
import { PASSPHRASES } from '../support/people.ts';
import { signInAs, type Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const SIZES = [
  { width: 360, height: 800 },
  { width: 320, height: 640 },
];
const WIDE = { width: 1280, height: 900 };

/** Chromium's own line for a page that answers 404: the status is what the page is there for. */
const STATUS_LINE = /^Failed to load resource: the server responded with a status of 4\d\d/;

describe('every page', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let office: Office;
  before(async () => {
    world = await startTestWorld({ network: 93 });
    node = await startTestNode(world);
    browser = await launchBrowser();
    office = await furnishOffice(node, world, await makeStranger());
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  async function windowOf(clerk: Visitor): Promise<Window> {
    const window = await openWindow(browser, node.url);
    await window.page.emulateMedia({ reducedMotion: 'reduce' });
    await window.context.addCookies([...clerk.cookies].map(([name, value]) => ({ name, value, url: node.url })));
    return window;
  }

  test('NFR: of a clerk who is ready is accessible in both themes, fits on a phone, and is reached by keyboard', async () => {
    const window = await windowOf(office.alain);
    for (const [name, address] of Object.entries(office.pages)) {
      window.consoleErrors.length = 0;
      await window.page.goto(address);
      await assertSound(window, name);
      await assertReachable(window.page, name);
    }
    await window.context.close();
  });

  test('NFR: is sound in German and French too, where words are longer', async () => {
    const { prisma } = node.context.database;
    const window = await windowOf(office.alain);
    const speak = (locale: string | null) =>
      prisma.account.updateMany({ where: { address: world.people.alain.address }, data: { locale } });
    try {
      for (const locale of ['de', 'fr']) {
        await speak(locale);
        for (const [name, address] of Object.entries(office.pages)) {
          await window.page.goto(address);
          assert.equal(await window.page.locator('html').getAttribute('lang'), locale);
          assertWords(await window.page.locator('body').innerText(), `${name} in ${locale}`);
          for (const size of SIZES) await fitsAt(window.page, size, `${name} in ${locale}`);
          await window.page.setViewportSize(WIDE);
          await assertFits(window.page, `${name} in ${locale}`);
        }
      }
    } finally {
      await speak(null);
    }
    await window.context.close();
  });

  test('NFR: before the sign-in, on the way through the first steps, and with locked keys', async () => {
    const { otto } = world.people;
    const window = await openWindow(browser, node.url);
    const { page } = window;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    for (const address of ['/sign-in', '/help', '/certificates', '/sign-in?next=/settings']) {
      await page.goto(address);
      await assertSound(window, `${address} of nobody`);
      await assertReachable(page, `${address} of nobody`);
    }
    await page.getByLabel('Address').fill(otto.address);
    await page.getByLabel('Mailbox password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await assertSound(window, 'a refused sign-in');
    await signIn(page, otto);
    for (const address of [
      '/first-steps',
      '/keys/passphrase',
      '/digital-ids',
      '/contacts',
      '/trust',
      '/mail',
      '/letters',
    ]) {
      await page.goto(address);
      await assertSound(window, `${address} of a new clerk`);
    }
    await firstSteps(page, world, otto, PASSPHRASES.otto);
    await assertSound(window, 'first steps before the self-test');
    await page.getByRole('button', { name: 'Lock now' }).click();
    await page.goto('/keys/unlock');
    await assertSound(window, 'unlock');
    await page.getByRole('textbox', { name: 'Key passphrase' }).fill('not the passphrase');
    await page.locator('main').getByRole('button', { name: 'Unlock' }).click();
    await assertSound(window, 'a refused unlock');
    await page.goto('/keys/recovery');
    await assertSound(window, 'recovery');
    await window.context.close();
  });

  test('NFR: of a message that waits for the keys, in a session that never unlocked', async () => {
    const window = await windowOf(await signInAs(node.url, world.people.alain));
    for (const name of ['message trusted', 'message signed', 'inbox', 'drafts', 'draft', 'settings']) {
      await window.page.goto(office.pages[name] ?? assert.fail(name));
      await assertSound(window, `${name}, keys locked`);
    }
    await window.context.close();
  });

  test('NFR: a ceremony with a wrong thumbprint, settings with a wrong number, a contact without an address', async () => {
    const window = await windowOf(office.alain);
    const { page } = window;
    await page.goto(office.pages['confirm root'] ?? '');
    await page.locator('[name=thumbprint]').fill('AAAA BBBB');
    await page.getByRole('button', { name: 'Compare, and trust if equal' }).click();
    await page.locator('.fault').first().waitFor();
    assert.equal(await page.locator('[name=thumbprint]').inputValue(), 'AAAA BBBB', 'what was typed is kept');
    await assertSound(window, 'a wrong thumbprint');
    await page.goto('/settings');
    await page.locator('[name=lockMinutes]').fill('99');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.locator('.fault').first().waitFor();
    await assertSound(window, 'settings refused');
    await page.goto('/contacts/link');
    await page.locator('[name=recipients]').fill('nobody');
    await page.locator('main form button.primary').click();
    await page.locator('.fault').first().waitFor();
    await assertSound(window, 'a request to nobody');
    await window.context.close();
  });
});

/** What holds for each page as it stands there. */
async function assertSound({ page, consoleErrors }: Window, name: string): Promise<void> {
  const loud = consoleErrors.filter((line) => !STATUS_LINE.test(line));
  assert.deepEqual(loud, [], `console of ${name}`);
  assert.match(await page.title(), /^\S.* – Sealpost$/, `title of ${name}`);
  assert.equal(await page.locator('h1:visible').count(), 1, `headings of ${name}`);
  assert.equal(await page.locator('html').getAttribute('lang'), 'en', `language of ${name}`);
  assert.equal(await page.locator('[style], style, script:not([src])').count(), 0, `inline style or script in ${name}`);
  assertWords(await page.locator('body').innerText(), name);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await assertAccessible(page, `${name}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  for (const size of SIZES) await fitsAt(page, size, name);
  await takePicture(page, `page-${name.replace(/\W+/g, '-')}-320`);
  await page.setViewportSize(WIDE);
  await assertFits(page, name);
}

async function fitsAt(page: Page, size: { width: number; height: number }, name: string): Promise<void> {
  await page.setViewportSize(size);
  await assertFits(page, `${name} at ${size.width} px`);
}

/** Neither keys of texts nor values that were forgotten. */
function assertWords(text: string, name: string): void {
  assert.doesNotMatch(
    text,
    /\b(?:common|drafts|letters|messages|contacts|trust|identities|verdict|settings|keys|expiry)\.[a-z]\w+/i,
    `raw key in ${name}`,
  );
  assert.doesNotMatch(text, /\bundefined\b|\[object |\bNaN\b|\{\w+\}/, `forgotten value in ${name}`);
}
