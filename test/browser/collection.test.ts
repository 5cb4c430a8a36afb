import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import { type Pop3Only, startPop3Only } from '../../testbed/pop3-only.ts';
import type { World } from '../../testbed/world.ts';
import { signInToAdministration } from '../support/administration-door.ts';
import { launchBrowser, openWindow } from '../support/browser.ts';
import { openNewest, openPart, signIn } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const LOGIN = 'alain.old@tcn.b.eu-admin.net';
const PASSWORD = 'old-mailbox-secret';
const assertSound = soundPages('collection');

describe('collecting by POP3 in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let old: Pop3Only;
  before(async () => {
    world = await startTestWorld({ network: 169 });
    old = await startPop3Only({ folder: path.join(world.folder, 'pop3-only'), address: '127.169.9.9' });
    await old.addMailbox(LOGIN, PASSWORD);
    node = await startTestNode(world);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await old?.stop();
    await world?.stop();
  });

  /** Looks again until it says so. */
  async function lookUntil(page: Page, text: string | RegExp): Promise<void> {
    const deadline = performance.now() + 60_000;
    while ((await page.locator('main').getByText(text).count()) === 0) {
      assert.ok(performance.now() < deadline, `in vain waited for ${text}`);
      await page.waitForTimeout(300);
      await page.goto('/settings/collection');
    }
  }

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? 'with' : 'without';
    test(`T23 Carla lists the old server, Alain has his mail brought over and reads it, ${how} JavaScript`, async () => {
      const sound = async (page: Page, name: string) => {
        if (javaScriptEnabled) await assertSound({ page }, name);
      };
      await node.context.database.prisma.pop3Server.deleteMany();
      const carla = await openWindow(browser, node.url, { javaScriptEnabled });
      await carla.page.setViewportSize(WIDE);
      await carla.page.emulateMedia({ reducedMotion: 'reduce' });
      await signInToAdministration(carla.page, node, world.people.carla);
      await openPart(carla.page, 'Countries and accounts', 'Collecting by POP3');
      await sound(carla.page, 'countries');
      await carla.page.getByRole('link', { name: /Belgium/ }).click();
      await carla.page.getByLabel('Host').fill('localhost');
      await carla.page.getByRole('button', { name: 'Save the server' }).click();
      await carla.page.getByText('Enter a host name with a dot or an IP address.').waitFor();
      await sound(carla.page, 'server-fault');
      await carla.page.getByLabel('Host').fill(old.place.host);
      await carla.page.getByLabel('Name in the certificate').fill(old.place.serverName ?? '');
      await carla.page.getByLabel('Certificates of its authority').fill(old.place.caPem ?? '');
      await carla.page.getByRole('button', { name: 'Save the server' }).click();
      await carla.page.getByText('The server was saved.').waitFor();
      await carla.page.getByRole('button', { name: 'Test the connection' }).click();
      await carla.page.getByText(/TLSv1/).waitFor();
      await sound(carla.page, 'server');

      const alain = await openWindow(browser, node.url, { javaScriptEnabled });
      await alain.page.setViewportSize(WIDE);
      await alain.page.emulateMedia({ reducedMotion: 'reduce' });
      await signIn(alain.page, world.people.alain);
      await alain.page.goto('/settings');
      await alain.page.getByText(/POP3, server mail\.tcn\.b\.eu-admin\.net, port 995/).waitFor();
      await sound(alain.page, 'settings');
      await alain.page.getByRole('link', { name: 'Collect mail by POP3' }).click();
      await sound(alain.page, 'off');
      await alain.page.getByLabel('Name of the old mailbox').fill(LOGIN);
      await alain.page.getByLabel('Password of the old mailbox').fill('not this one');
      await alain.page.getByRole('button', { name: 'Save and collect' }).click();
      await lookUntil(alain.page, /refused the name or the password/);
      await sound(alain.page, 'refused');
      const subject = `From the old mailbox, ${how}`;
      await old.deliver(LOGIN, [Buffer.from(`From: a@b.example\r\nSubject: ${subject}\r\n\r\nGood morning.\r\n`)]);
      await alain.page.getByLabel('Password of the old mailbox').fill(PASSWORD);
      await alain.page.getByLabel('Once a message is safely here').selectOption('delete');
      await alain.page.getByRole('button', { name: 'Save and collect' }).click();
      await lookUntil(alain.page, /One new message/);
      assert.equal(await old.count(LOGIN), 0);
      await sound(alain.page, 'on');
      await alain.page.getByRole('button', { name: 'Collect now' }).click();
      await alain.page.getByText('Your mail is being collected.').waitFor();
      await openNewest(alain.page, subject);

      await carla.page.goto('/administration/collection');
      await carla.page.getByRole('link', { name: /Belgium/ }).click();
      await carla.page.getByText(world.people.alain.address).waitFor();
      await sound(carla.page, 'holders');
      await alain.page.goto('/settings/collection');
      await alain.page.getByRole('button', { name: 'Switch off' }).click();
      await alain.page.getByText('the password is forgotten').waitFor();
      const row = await node.context.database.prisma.collection.findFirstOrThrow();
      assert.equal(row.sealedPassword, null);
      await carla.context.close();
      await alain.context.close();
    });
  }
});
