import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { assertAccessible, launchBrowser, openWindow, takePicture, type Window } from '../support/browser.ts';
import { fileMessages } from '../support/letters.ts';
import { messageTo } from '../support/office.ts';
import { readyClerk, until } from '../support/ready-clerk.ts';
import { soundPages } from '../support/sound-page.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const SECRET = 'Count of the missing seals';
const assertSound = soundPages('new-mail');

/** Remembers what the page gives to the browser's notifications, which are real; the window seems to be behind another one. */
const REMEMBER = {
  content: `
    window.shown = [];
    document.hasFocus = () => false;
    window.Notification = new Proxy(window.Notification, {
      construct(target, [title, options]) {
        window.shown.push({ title, ...options });
        return new target(title, options);
      },
    });`,
};
const LOOKED_AT = { content: 'document.hasFocus = () => true;' };

type Shown = { title: string; body: string; tag: string };
const shownIn = (page: Page) => page.evaluate<Shown[]>('window.shown');

describe('new mail on an open page', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let alain: Visitor;
  before(async () => {
    world = await startTestWorld({ network: 174 });
    node = await startTestNode(world);
    browser = await launchBrowser();
    alain = await readyClerk(node.url, world, world.people.alain);
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  const arrive = () => fileMessages(node, world.people.alain, [messageTo(world, { subject: SECRET })]);

  async function windowOf(prepare: (context: BrowserContext) => Promise<unknown> = async () => {}): Promise<Window> {
    const window = await openWindow(browser, node.url);
    const cookies = [...alain.cookies].map(([name, value]) => ({ name, value, url: node.url }));
    await window.context.addCookies(cookies);
    await prepare(window.context);
    return window;
  }

  /** The page, once it is told of mail. */
  async function listening(page: Page, address: string): Promise<void> {
    const open = page.waitForResponse((response) => response.url().endsWith('/events'));
    await page.goto(address);
    await open;
    await page.waitForTimeout(1000);
  }

  test('T27 notifications are switched on in the settings, by the browser’s own question, and the page says what holds', async () => {
    const window = await windowOf();
    const { page } = window;
    await page.goto('/settings');
    const section = page.locator('[data-notifications]');
    const words = { default: /are off in this browser/, denied: /does not allow notifications/, granted: /are on/ };
    const permission = await page.evaluate<keyof typeof words>('Notification.permission');
    assert.notEqual(permission, 'granted', 'nobody was asked yet');
    assert.match(await section.innerText(), words[permission]);
    assert.equal(await section.getByRole('button').isVisible(), permission === 'default');
    await assertSound(window, 'settings');
    await window.context.grantPermissions(['notifications']);
    await page.reload();
    await page.getByText('Notifications are on in this browser.').waitFor();
    assert.ok(await section.getByRole('button').isHidden(), 'there is nothing left to ask');
    await window.context.close();
  });

  test('T27 a notification says how many messages came, and nothing of them', async () => {
    const { context, page } = await windowOf(async (each) => {
      await each.grantPermissions(['notifications']);
      await each.addInitScript(REMEMBER);
    });
    await listening(page, '/mail');
    await arrive();
    await page.getByText('1 new message', { exact: true }).waitFor();
    const [first, ...more] = await shownIn(page);
    assert.deepEqual(more, []);
    assert.deepEqual(first, {
      ...{ title: 'Sealpost', body: '1 new message' },
      ...{ tag: 'sealpost-new-mail', icon: '/icons/sealpost.svg' },
    });
    await context.close();
  });

  test('T27 without the permission, or while the page is looked at, no notification is shown', async () => {
    const refused = await windowOf((context) => context.addInitScript(REMEMBER));
    const looking = await windowOf(async (context) => {
      await context.grantPermissions(['notifications']);
      await context.addInitScript(REMEMBER);
      await context.addInitScript(LOOKED_AT);
    });
    for (const { page } of [refused, looking]) await listening(page, '/mail');
    await arrive();
    for (const { context, page } of [refused, looking]) {
      await page.getByText('1 new message', { exact: true }).waitFor();
      assert.deepEqual(await shownIn(page), []);
      await context.close();
    }
  });

  test('T27 while somebody writes, the title counts new mail and nothing moves on the page', async () => {
    const { context, page } = await windowOf();
    await listening(page, '/drafts/new');
    const title = await page.title();
    const text = page.locator('textarea[name=text]');
    await text.fill('Dear colleague');
    const before = await text.boundingBox();
    await arrive();
    await until('the count in the title', async () => (await page.title()) === `(1) ${title}`);
    await arrive();
    await until('two in the title', async () => (await page.title()) === `(2) ${title}`);
    assert.deepEqual(await text.boundingBox(), before);
    assert.equal(await text.inputValue(), 'Dear colleague');
    assert.ok(await page.locator('[data-new-mail]').isHidden());
    await assertAccessible(page, 'a draft while mail comes');
    await context.close();
  });

  test('T27 where server-sent events do not come through, the page asks every minute', async () => {
    const { context, page } = await windowOf(async (each) => {
      await each.route('**/events', (route) => route.fulfill({ status: 503 }));
      await each.clock.install();
    });
    const asked = () => page.waitForResponse((response) => /\/new-mail(\?|$)/.test(response.url()));
    const first = asked();
    await page.goto('/mail');
    assert.equal((await (await first).json()).count, 0);
    await arrive();
    const second = asked();
    await page.clock.runFor(61_000);
    assert.equal((await (await second).json()).count, 1);
    await page.getByText('1 new message', { exact: true }).waitFor();
    assert.match(await page.title(), /^\(1\) /);
    await takePicture(page, 'new-mail-asked-for');
    const third = asked();
    await page.clock.runFor(61_000);
    assert.equal((await (await third).json()).count, 0, 'none is told twice');
    await context.close();
  });
});
