import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { signInToAdministration } from '../support/administration-door.ts';
import {
  assertAccessible,
  assertFits,
  launchBrowser,
  openWindow,
  takePicture,
  type Window,
} from '../support/browser.ts';
import { EICAR, EICAR_FINDING } from '../support/eicar.ts';
import { openPart } from '../support/journey.ts';
import { fileMessages, keyOfPerson } from '../support/letters.ts';
import { messageTo, pageOf } from '../support/office.ts';
import { readyClerk } from '../support/ready-clerk.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const assertSound = soundPages('scanning');

describe('virus scanning in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let clerk: Visitor;
  before(async () => {
    world = await startTestWorld({ network: 167, relays: 'all' });
    node = await startTestNode(world);
    browser = await launchBrowser();
    clerk = await readyClerk(node.url, world, world.people.alain);
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  async function windowOf(javaScriptEnabled: boolean): Promise<Window> {
    const window = await openWindow(browser, node.url, { javaScriptEnabled });
    await window.page.emulateMedia({ reducedMotion: 'reduce' });
    await window.page.setViewportSize(WIDE);
    await window.context.addCookies([...clerk.cookies].map(([name, value]) => ({ name, value, url: node.url })));
    return window;
  }

  /** A clean and an infected attachment in an encrypted message. */
  async function received(subject: string): Promise<string> {
    const part = (name: string, content: string) =>
      `--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(content).toString('base64')}\r\n`;
    const mime = `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nThe list of this week and the invoice.\r\n${part('list of cards, week 47.txt', 'Card 0417')}${part('invoice-2026-11-0417-final-version.exe', `${EICAR} ${subject}`)}--b--\r\n`;
    const { alain, marta } = world.people;
    const sealed = { sign: keyOfPerson(marta), encryptTo: [keyOfPerson(alain).certificate] };
    await fileMessages(node, alain, [messageTo(world, { subject, mime, ...sealed })]);
    return pageOf(clerk, subject);
  }

  async function speak(locale: string | null): Promise<void> {
    await node.context.database.prisma.account.updateMany({ data: { locale } });
  }

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? 'with' : 'without';

    test(`T30 an infected attachment is marked, asked for, released by Carla and saved once, ${how} JavaScript`, async () => {
      const href = await received(`Cards, ${how} JavaScript`);
      const window = await windowOf(javaScriptEnabled);
      const { page } = window;
      const sound = async (name: string) => (javaScriptEnabled ? assertSound(window, name) : undefined);
      await page.goto(href);
      await page.getByText(`Virus found: ${EICAR_FINDING}`).waitFor();
      await sound('message');
      await page.getByRole('link', { name: /^Why\?/ }).click();
      await page.getByRole('heading', { name: 'This attachment is held back' }).waitFor();
      await sound('finding');
      await page.getByRole('button', { name: 'Ask the administrator' }).click();
      await page.getByText('Your administrator sees the request now.').waitFor();
      await sound('asked');

      const office = await openWindow(browser, node.url, { javaScriptEnabled });
      await office.page.emulateMedia({ reducedMotion: 'reduce' });
      await office.page.setViewportSize(WIDE);
      await signInToAdministration(office.page, node, world.people.carla);
      await office.page.goto('/administration');
      await office.page.getByRole('link', { name: '1 held attachment is asked for' }).waitFor();
      await openPart(office.page, 'Watch', 'Held attachments');
      if (javaScriptEnabled) {
        await assertSound(office, 'releases');
        for (const locale of ['de', 'fr']) {
          await speak(locale);
          await office.page.goto('/administration/releases');
          await assertSound(office, `releases-${locale}`);
        }
        await speak(null);
        await office.page.goto('/administration/releases');
      }
      await office.page.getByRole('button', { name: /^Release once/ }).click();
      await office.page.getByText('Released: the holder can save it once.').waitFor();
      if (javaScriptEnabled) await assertSound(office, 'decided');
      await office.page.goto('/administration/programme');
      await office.page.getByText('has no signatures of ClamAV').waitFor();
      if (javaScriptEnabled) await assertSound(office, 'programme');
      await office.context.close();

      await page.goto(href);
      await page.getByText('released, not saved yet').waitFor();
      await page.getByRole('link', { name: /^Why\?/ }).click();
      await sound('released');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Save this once' }).click(),
      ]);
      assert.equal(download.suggestedFilename(), 'invoice-2026-11-0417-final-version.exe');
      await download.delete();
      await page.goto(`${href}/attachments/1/finding`);
      await page.getByText('It is not given out a second time.').waitFor();
      await sound('used');
      await window.context.close();
    });

    test(`T30 an infected upload is refused by name and the text stays, ${how} JavaScript`, async () => {
      const window = await windowOf(javaScriptEnabled);
      const { page } = window;
      await page.goto('/drafts/new');
      await page.locator('#to').fill(world.people.alain.address);
      await page.locator('#subject').fill('Invoice');
      await page.locator('#text').fill('What I wrote stays.');
      const file = (name: string, content: string) => ({
        ...{ name, mimeType: 'application/octet-stream', buffer: Buffer.from(content) },
      });
      await page
        .locator('input[type=file]')
        .setInputFiles([file('invoice.exe', `${EICAR} ${how}`), file('list.txt', 'Card')]);
      await page.getByRole('button', { name: 'Attach' }).click();
      await page
        .getByText(`A virus was found, and the file was not attached: invoice.exe (${EICAR_FINDING})`)
        .waitFor();
      assert.equal(await page.locator('#text').inputValue(), 'What I wrote stays.');
      await page.getByText('scanned, nothing found').waitFor();
      if (javaScriptEnabled) {
        await assertAccessible(page, 'upload refused');
        await takePicture(page, 'scanning-upload-refused-1280');
        await page.setViewportSize({ width: 360, height: 800 });
        await assertFits(page, 'upload refused at 360 px');
        await takePicture(page, 'scanning-upload-refused-360');
        await page.goto(page.url());
        await assertSound(window, 'draft');
      }
      await window.context.close();
    });
  }

  test('T30 without the scanner each policy has a page of its own', async () => {
    const href = await received('While the scanner is down');
    const window = await windowOf(true);
    const { page } = window;
    await world.testbed.stopServer('clamd-relay2');
    try {
      for (const scannerPolicy of ['refuse', 'warn'] as const) {
        await node.context.database.prisma.programme.updateMany({ data: { scannerPolicy } });
        await page.goto(href);
        await page.getByText('not scanned: the virus scanner does not answer').first().waitFor();
        if (scannerPolicy === 'refuse') await assertSound(window, 'message-no-answer');
        await page.getByRole('link', { name: /^Save list of cards/ }).click();
        await page.getByRole('heading', { name: 'The virus scanner gave no result' }).waitFor();
        const save = page.getByRole('button', { name: 'Save it unscanned' });
        assert.equal(await save.count(), scannerPolicy === 'warn' ? 1 : 0);
        // the browser writes down that the answer was 503
        await assertSound({ page }, `unscanned-${scannerPolicy}`);
        if (scannerPolicy === 'refuse') continue;
        const [download] = await Promise.all([page.waitForEvent('download'), save.click()]);
        assert.equal(download.suggestedFilename(), 'list of cards, week 47.txt');
        await download.delete();
      }
    } finally {
      await world.testbed.startServer('clamd-relay2');
    }
    await page.goto(href);
    await takePicture(page, 'scanning-back-1280');
    await window.context.close();
  });
});
