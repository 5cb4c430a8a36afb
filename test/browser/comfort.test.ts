import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { assertAccessible, launchBrowser, openWindow, type Window } from '../support/browser.ts';
import { fileMessages } from '../support/letters.ts';
import { furnishOffice, makeStranger, messageTo, type Office } from '../support/office.ts';
import { until } from '../support/ready-clerk.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const MB = 1024 * 1024;

describe('what JavaScript adds', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let office: Office;
  let window: Window;
  let page: Page;
  before(async () => {
    world = await startTestWorld({ network: 94 });
    node = await startTestNode(world);
    browser = await launchBrowser();
    office = await furnishOffice(node, world, await makeStranger());
    window = await openWindow(browser, node.url);
    page = window.page;
    await window.context.addCookies([...office.alain.cookies].map(([name, value]) => ({ name, value, url: node.url })));
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  const keysUntil = async () => {
    const where = { account: { address: world.people.alain.address } };
    const session = await node.context.database.prisma.session.findFirstOrThrow({ where });
    return session.keysUntil?.getTime() ?? 0;
  };

  test('two minutes before the keys lock a warning stands there, and gives more time without leaving the page', async () => {
    const own = await openWindow(browser, node.url);
    const { page } = own;
    await own.context.addCookies(await window.context.cookies());
    await page.clock.install();
    await page.goto(office.pages['draft'] ?? '');
    await page.locator('textarea[name=text]').fill('Half a sentence that nobody');
    const until = Date.parse((await page.locator('#lock-warning').getAttribute('data-until')) ?? '');
    assert.ok(await page.locator('#lock-warning').isHidden());
    await page.clock.fastForward(until - Date.now() - 100_000);
    await page.clock.runFor(1500);
    await page.getByText('Your keys lock in two minutes. Drafts are kept.').waitFor();
    await assertAccessible(page, 'the lock warning');
    const before = await keysUntil();
    await page.locator('#lock-warning-form button').click();
    await page.getByText('Your keys stay open until').waitFor();
    assert.equal(await page.locator('textarea[name=text]').inputValue(), 'Half a sentence that nobody');
    assert.ok((await keysUntil()) > before, 'the server extended it');
    await own.context.close();
  });

  test('T27 new mail is told while the list is open: the notice, the count in the title, and the list when it is asked for', async () => {
    const listening = page.waitForResponse((response) => response.url().endsWith('/events'));
    await page.goto(office.pages['inbox'] ?? '');
    await listening;
    const title = await page.title();
    await page.waitForTimeout(1000);
    await fileMessages(node, world.people.alain, [messageTo(world, { subject: 'Came while you looked' })]);
    await page.getByText('1 new message', { exact: true }).waitFor();
    assert.equal(await page.title(), `(1) ${title}`);
    assert.equal(
      await page.getByText('Came while you looked').count(),
      0,
      'nothing moves under the hand of the reader',
    );
    await fileMessages(node, world.people.alain, [messageTo(world, { subject: 'And one more' })]);
    await page.getByText('2 new messages', { exact: true }).waitFor();
    await assertAccessible(page, 'the notice of new mail');
    await page.locator('[data-new-mail] a').click();
    await page.getByRole('link', { name: 'Came while you looked' }).waitFor();
  });

  test('T16 recipients are marked while they are typed', async () => {
    await page.goto('/drafts/new');
    const to = page.getByLabel('To', { exact: true });
    await to.pressSequentially(`${world.people.marta.address}, lars.holm@tcn.s.eu-admin.net`);
    const slips = page.locator('#to-marks .slip');
    await slips.nth(1).waitFor();
    assert.match(await slips.nth(0).innerText(), /Marta Klein[\s\S]*Usable until/);
    assert.match(await slips.nth(1).innerText(), /Not in your contacts/);
    await assertAccessible(page, 'marks while typing');
    await to.fill('');
    await until('the marks go', async () => (await slips.count()) === 0);
  });

  test('S06 whether the subject is visible on the way is said while recipients are typed', async () => {
    await node.context.database.prisma.contact.updateMany({
      where: { address: world.people.marta.address },
      data: { showsProtectedSubject: true },
    });
    await page.goto('/drafts/new');
    const hint = page.locator('#subject-hint');
    const says = (words: RegExp) => until(String(words), async () => words.test(await hint.innerText()));
    await says(/unless all recipients are known/);
    await page.getByLabel('To', { exact: true }).fill(world.people.marta.address);
    await says(/is encrypted with the text/);
    await page.getByLabel('Cc', { exact: true }).fill('lars.holm@tcn.s.eu-admin.net');
    await says(/not known whether lars\.holm@tcn\.s\.eu-admin\.net would see/);
    await page.locator('label', { has: page.locator('input[name=encrypt]') }).click();
    await says(/^\s*The subject is visible on the way\.\s*$/);
    await assertAccessible(page, 'the words about the subject');
  });

  test('T18 a double click on the button sends one letter', async () => {
    await page.goto('/drafts/new');
    await page.getByLabel('To', { exact: true }).fill(world.people.marta.address);
    await page.getByLabel('Subject').fill('Sent by an eager hand');
    await page.locator('textarea[name=text]').fill('Once is enough.');
    await page.locator('button[name=do][value=send]').dblclick();
    await page.waitForURL(/\/letters\//);
    await page.goto('/letters');
    assert.equal(await page.getByText('Sent by an eager hand').count(), 1);
  });

  test('the selected messages are counted', async () => {
    await page.goto(office.pages['inbox'] ?? '');
    const words = page.locator('[data-selection]');
    assert.equal(await words.innerText(), 'Selected messages');
    const boxes = page.locator('tbody input[type=checkbox]');
    await boxes.nth(0).check();
    assert.equal(await words.innerText(), '1 selected');
    await boxes.nth(3).check();
    assert.equal(await words.innerText(), '2 selected');
    await assertAccessible(page, 'a selection');
    await boxes.nth(0).uncheck();
    await boxes.nth(3).uncheck();
    assert.equal(await words.innerText(), 'Selected messages');
  });

  test('an upload says how far it is, and what was typed stays', async () => {
    await page.goto('/drafts/new');
    await page.getByLabel('Subject').fill('With a large file');
    const line = await window.context.newCDPSession(page);
    const speed = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 3 * MB };
    await line.send('Network.emulateNetworkConditions', speed);
    const file = { name: 'register.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(8 * MB, 7) };
    await page.locator('input[name=file]').setInputFiles(file);
    await page.locator('button[name=do][value=attach]').click();
    await page.getByText(/^\d+ percent arrived$/).waitFor();
    assert.ok(await page.locator('progress[data-upload-progress]').isVisible());
    await page.locator('.files .name', { hasText: 'register.bin' }).waitFor();
    assert.equal(await page.getByLabel('Subject').inputValue(), 'With a large file');
    await line.send('Network.emulateNetworkConditions', { ...speed, uploadThroughput: -1 });
    await line.detach();
  });

  test('NFR: a letter is written and sent with the keyboard alone', async () => {
    await page.goto('/mail');
    await page.locator('h1').waitFor();
    await page.keyboard.press('c');
    await page.waitForURL(/\/drafts\/[0-9a-f-]{36}/);
    await tabTo(page, '#to');
    await page.keyboard.type(world.people.marta.address);
    await tabTo(page, '#subject');
    await page.keyboard.type('Written without a mouse');
    await tabTo(page, 'textarea[name=text]');
    await page.keyboard.type('Dear Marta, c and j are only letters here.');
    await tabTo(page, 'button[value=send]');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/letters\//);
    assert.match(await page.locator('#letter-subject').innerText(), /Written without a mouse/);
  });

  test('NFR: WCAG 2.1.4 single letters are listed by ?, and can be turned off in the settings', async () => {
    await page.goto('/mail');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await assertAccessible(page, 'the list of shortcuts');
    await page.keyboard.press('Escape');
    await page.locator('#shortcuts').waitFor({ state: 'hidden' });
    await page.keyboard.press('j');
    await page.locator('.mail tr.msg').first().locator('a.subject:focus').waitFor();
    await page.goto('/settings');
    await page.getByLabel('Single letters as keyboard shortcuts.').uncheck();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Your settings are saved.').waitFor();
    await page.goto('/mail');
    assert.equal(await page.locator('html').getAttribute('data-shortcuts'), 'off');
    await page.keyboard.press('c');
    await page.keyboard.press('?');
    await page.waitForTimeout(300);
    assert.match(page.url(), /\/mail/);
    assert.equal(await page.locator('#shortcuts').isVisible(), false);
  });

  test('none of it wrote to the console', () => assert.deepEqual(window.consoleErrors, []));
});

async function tabTo(page: Page, selector: string): Promise<void> {
  for (let stops = 0; stops < 120; stops++) {
    if ((await page.locator(`${selector}:focus`).count()) > 0) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`the Tab key does not lead to ${selector}`);
}
