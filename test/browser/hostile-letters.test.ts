/** What a letter paints, moves or hides in its frame: the claim stands outside it and in sight, and the frame asks the network for nothing. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import type { World } from '../../testbed/world.ts';
import {
  assertAccessible,
  assertFits,
  launchBrowser,
  openWindow,
  takePicture,
  type Window,
} from '../support/browser.ts';
import { BELOW_THE_ROOT, SECRET, SENT_AGAIN } from '../support/claims/ciphertexts.ts';
import { ELSEWHERE, PAINTED } from '../support/claims/painted.ts';
import { fileMessages, keyOfPerson, settleIn, trustRoot } from '../support/letters.ts';
import { makePeople, type People } from '../support/smime-people.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const INBOX = `/mail/${folderId('INBOX')}`;
const SIZES = [
  { width: 1280, height: 900 },
  { width: 360, height: 800 },
];

/** The other icons differ in the icon alone; test/mail/forged-claims.test.ts has them all. */
const MOST_OF_A_KIND = 10;

describe('a hostile letter in a browser', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let people: People;
  let alain: Visitor;
  let window: Window;
  /** What frames within the page asked for, and what anybody asked for elsewhere */
  const asked = { byFrames: [] as string[], elsewhere: [] as string[] };
  before(async () => {
    people = makePeople();
    world = await startTestWorld({ network: 122 });
    node = await startTestNode(world);
    alain = await settleIn(node, world.people.alain, 'quiet harbour lantern 42');
    await trustRoot(node, world.people.alain, people.root);
    browser = await launchBrowser();
    window = await openWindow(browser, node.url);
    await window.context.addCookies([...alain.cookies].map(([name, value]) => ({ name, value, url: node.url })));
    await watch(window);
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
    people?.remove();
  });

  /** Nothing leaves, and everything that would is noted. */
  async function watch({ context, page }: Window): Promise<void> {
    await context.route(
      (url) => url.origin !== node.url,
      (route) => route.abort(),
    );
    context.on('request', (request) => {
      const url = request.url();
      if (url.startsWith('data:')) return;
      if (new URL(url).origin !== node.url) asked.elsewhere.push(url);
      if (request.frame() !== page.mainFrame()) asked.byFrames.push(new URL(url).pathname);
    });
  }

  async function arrive(bytes: Buffer): Promise<string> {
    await fileMessages(node, world.people.alain, [bytes]);
    return /<a class="subject" href="([^"]+)"/.exec((await alain.get(INBOX)).text)?.[1] ?? assert.fail('no message');
  }

  /** Opens a view of the message; the page has loaded when its frame has all that it asked for. */
  async function show(address: string): Promise<Page> {
    asked.byFrames.length = 0;
    asked.elsewhere.length = 0;
    await window.page.goto(address, { waitUntil: 'load' });
    return window.page;
  }

  function assertNothingAsked(href: string, where: string): void {
    assert.deepEqual(asked.elsewhere, [], where);
    assert.deepEqual(asked.byFrames, [`${href}/body`], `${where}: the frame asks for its own document alone`);
  }

  test('a letter whose pictures the reader asked for is seen to ask for them: the watch works', async () => {
    const [letter] = PAINTED['HTML that paints a ribbon']?.(people) ?? [];
    const href = await arrive(letter?.bytes ?? assert.fail());
    await show(`${href}?view=html&remote=1`);
    assert.deepEqual(asked.elsewhere, [`${ELSEWHERE}/seal.png`]);
  });

  for (const [kind, forge] of Object.entries(PAINTED)) {
    test(`T25 ${kind}: the claim stands outside the frame, in sight, above all that the letter has`, async () => {
      for (const [index, { name, bytes }] of forge(people).slice(0, MOST_OF_A_KIND).entries()) {
        const href = await arrive(bytes);
        for (const size of SIZES) {
          await window.page.setViewportSize(size);
          const page = await show(href);
          const where = `${kind}, ${name}, ${size.width} px`;
          await assertClaimInSight(page, where);
          assertNothingAsked(href, where);
          await assertFits(page, where);
          if (index < 4) await takePicture(page, `hostile-${kind.replace(/\W+/g, '-')}-${index}-${size.width}`);
        }
        if (index === 0) await assertAccessible(window.page, `${kind}, ${name}`);
      }
    });
  }

  const captured = [
    ...Object.entries(BELOW_THE_ROOT).map(([name, made]) => ({ name, made, isShown: false })),
    ...Object.entries(SENT_AGAIN).map(([name, { made }]) => ({ name, made, isShown: true })),
  ];
  for (const { name, made, isShown } of captured) {
    test(`T25 a captured cipher text ${name}: its frame asks the network for nothing`, async () => {
      const href = await arrive(made(people, keyOfPerson(world.people.alain).certificate));
      for (const view of ['html', 'text', 'source']) {
        const page = await show(`${href}?view=${view}&remote=1`);
        const text = await page.frameLocator('iframe').locator('body').innerText();
        assert.equal(text.includes(SECRET), isShown && view !== 'source', `${name}, ${view}`);
        assertNothingAsked(href, `${name}, ${view}`);
      }
    });
  }
});

/** The claim is what somebody who points at its middle points at, and the frame of the letter lies wholly below it. */
async function assertClaimInSight(page: Page, where: string): Promise<void> {
  const claim = page.locator('#claim');
  assert.equal(await claim.count(), 1, where);
  await claim.scrollIntoViewIfNeeded();
  const hit = await page.evaluate<{ isClaim: boolean; isBelow: boolean; isSeen: boolean }>(`(() => {
    const claim = document.querySelector('#claim');
    const box = claim.getBoundingClientRect();
    const found = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    const frame = document.querySelector('iframe');
    const style = getComputedStyle(claim);
    return {
      isClaim: found !== null && (found === claim || claim.contains(found)),
      isBelow: frame === null || frame.getBoundingClientRect().top >= box.bottom,
      isSeen: box.width > 0 && box.height > 0 && style.visibility === 'visible' && Number(style.opacity) === 1,
    };
  })()`);
  assert.deepEqual(hit, { isClaim: true, isBelow: true, isSeen: true }, where);
}
