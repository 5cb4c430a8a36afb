import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import { storeDigitalId } from '../../src/services/contacts/contact-certificates.ts';
import type { World } from '../../testbed/world.ts';
import {
  assertAccessible,
  assertFits,
  launchBrowser,
  openWindow,
  takePicture,
  type Window,
} from '../support/browser.ts';
import { assertReachable } from '../support/keyboard.ts';
import { keyOfPerson } from '../support/letters.ts';
import { readyClerk } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const DAY_MS = 86_400_000;
const WIDE = { width: 1280, height: 900 };
const NARROW = [
  { width: 360, height: 800 },
  { width: 320, height: 640 },
];
const PAGES = {
  mailbox: '/mail',
  'digital ids': '/digital-ids',
  contacts: '/contacts',
  trust: '/trust',
  all: '/expiry',
};
const PARTNERS: [string, number][] = [
  ['Marta Klein', 1],
  ['Maximiliane-Friederike Freifrau von Hohenlohe-Langenburg, Kraftfahrt-Bundesamt', -3],
  ['Otto Berg', 9],
];

describe('what comes to an end', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let clerk: Visitor;
  before(async () => {
    world = await startTestWorld({ network: 95 });
    node = await startTestNode(world);
    browser = await launchBrowser();
    clerk = await readyClerk(node.url, world, world.people.alain);
    await addPartners();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });
  beforeEach(() => node.context.database.prisma.endAcknowledgement.deleteMany());

  /** Lives are changed where the watch reads them: a certificate of the past could not be imported. */
  async function addPartners(): Promise<void> {
    const { database } = node.context;
    const { id: accountId } = await database.prisma.account.findFirstOrThrow({
      where: { address: world.people.alain.address },
    });
    const { certificate } = keyOfPerson(world.people.marta);
    for (const [name, days] of PARTNERS) {
      const address = `partner${days}@tcn.d.eu-admin.net`;
      const contact = await database.prisma.contact.create({ data: { accountId, name, address, addressKey: address } });
      const { id } = await storeDigitalId(database, contact.id, { certificate, chain: [], source: 'file' }, new Date());
      await database.prisma.contactCertificate.update({ where: { id }, data: { notAfter: inDays(days) } });
    }
    await database.prisma.digitalId.updateMany({ where: { accountId }, data: { notAfter: inDays(5) } });
    await database.prisma.trustAnchor.updateMany({ where: { accountId }, data: { notAfter: inDays(12) } });
  }

  async function windowOf(options: { javaScriptEnabled?: boolean } = {}): Promise<Window> {
    const window = await openWindow(browser, node.url, options);
    await window.page.emulateMedia({ reducedMotion: 'reduce' });
    await window.context.addCookies([...clerk.cookies].map(([name, value]) => ({ name, value, url: node.url })));
    return window;
  }

  async function speak(locale: string | null): Promise<void> {
    await node.context.database.prisma.account.updateMany({ data: { locale } });
  }

  test('T11 is announced on every page it concerns: accessible, by keyboard, wide and narrow, in three languages', async () => {
    const window = await windowOf();
    const { page } = window;
    for (const [name, address] of Object.entries(PAGES)) {
      await speak(null);
      await page.goto(address);
      await page.locator('.endings').waitFor();
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme });
        await assertAccessible(page, `endings, ${name}, ${colorScheme}`);
      }
      await assertReachable(page, `endings, ${name}`);
      for (const locale of ['de', 'fr', null]) {
        await speak(locale);
        await page.goto(address);
        for (const size of [...NARROW, WIDE]) {
          await page.setViewportSize(size);
          await assertFits(page, `endings, ${name} in ${locale} at ${size.width} px`);
          if (size.width !== 320) await takePicture(page, `endings-${name}-${locale ?? 'en'}-${size.width}`);
        }
      }
    }
    assert.deepEqual(window.consoleErrors, []);
    await window.context.close();
  });

  test('T11 is put aside in the mailbox without JavaScript; the next one takes its place', async () => {
    const window = await windowOf({ javaScriptEnabled: false });
    const { page } = window;
    await page.goto('/mail');
    const mailbox = page.url();
    const items = page.locator('.endings .ending');
    assert.equal(await items.count(), 2);
    assert.match(await items.first().innerText(), /Your Digital ID for signing and encryption.*Ends in 5 days/s);
    await page.getByRole('link', { name: 'Show all 5' }).waitFor();
    await items
      .first()
      .getByRole('button', { name: /^I know Your Digital ID/ })
      .click();
    await page.getByRole('status').getByText('Put aside.').waitFor();
    assert.equal(page.url(), mailbox);
    assert.match(await items.first().innerText(), /Marta Klein.*Ends tomorrow/s);
    assert.match(await items.last().innerText(), /Freifrau.*Ended 3 days ago/s);
    assert.equal(await page.getByText('Your Digital ID for').count(), 0);
    await page.getByRole('link', { name: 'Show all 4' }).click();
    assert.match(await page.locator('main').innerText(), /Your Digital ID for.*Put aside/s);
    await window.context.close();
  });
});

function inDays(days: number): Date {
  return new Date(Math.floor((Date.now() + days * DAY_MS) / 1000) * 1000);
}
