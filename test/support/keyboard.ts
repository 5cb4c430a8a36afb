import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { SETTLE_MS } from './browser.ts';

const MOST_STOPS = 400;

/** Everything a pointer can press or fill in, and that is shown. Of radio buttons one of each group takes the focus. */
const CONTROLS = `[...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter((one) =>
  !one.disabled && one.type !== 'hidden' && one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }) &&
  !(one.type === 'radio' && !one.checked))`;

type Stop = { what: string; isShown: boolean; hasRing: boolean; isSkip: boolean };

const IS_SHOWN = `((place) => place.width > 0 && place.bottom > 0 && place.top < innerHeight)(
  document.activeElement.getBoundingClientRect())`;

/** Looks at what has the focus, and remembers that it had it. */
const LOOK = `(() => {
  const one = document.activeElement;
  if (one === null || one === document.body) return null;
  if (window.visited?.has(one) && one.tagName !== 'IFRAME') return null;
  (window.visited ??= new Set()).add(one);
  const style = getComputedStyle(one);
  return {
    what: one.outerHTML.slice(0, 120),
    isShown: ${IS_SHOWN},
    hasRing: one.tagName === 'IFRAME' || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2),
    isSkip: one.classList.contains('skip'),
  };
})()`;

/** The Tab key reaches the skip link first, then every control, and each shows that it has the focus. */
export async function assertReachable(page: Page, where: string): Promise<void> {
  await page.evaluate('window.visited = new Set(); document.activeElement?.blur(); scrollTo(0, 0)');
  // A form that is the whole purpose of its page takes the focus; the way around begins before it all the same.
  const hasAutofocus = (await page.locator('[autofocus]').count()) > 0;
  if (hasAutofocus) {
    await page.locator('.skip').focus();
    await page.evaluate(LOOK);
  }
  let left = await unvisited(page);
  // The round is over when the focus is on nothing, or where it was before. Both also happen while it leaves the frame, a
  // process of its own, so whatever was not reached then is looked for in a second round before it counts as out of reach.
  for (let reached = 0, empty = 0; left.length > 0 && empty <= reached && reached < MOST_STOPS; ) {
    await page.keyboard.press('Tab');
    const stop = await lookAtFocus(page);
    if (stop === null) {
      empty += 1;
      left = await unvisited(page);
      continue;
    }
    if (reached === 0 && !hasAutofocus) assert.ok(stop.isSkip, `${where}: the skip link is first, not ${stop.what}`);
    assert.ok(stop.isShown || (await comesIntoSight(page)), `${where}: the focus is out of sight at ${stop.what}`);
    assert.ok(stop.hasRing, `${where}: no focus ring at ${stop.what}`);
    reached += 1;
  }
  assert.deepEqual(left, [], `${where}: the Tab key does not reach these`);
}

/** The frame still has the focus for a moment after the key that leaves it: the next key would pass by what comes after. */
async function lookAtFocus(page: Page): Promise<Stop | null> {
  const isFrame = () => page.evaluate<boolean>(`document.activeElement?.tagName === 'IFRAME'`);
  for (let look = 0; look < 4 && (await isFrame()); look += 1) await page.waitForTimeout(100);
  return page.evaluate<Stop | null>(LOOK);
}

/** What has the focus within the frame is scrolled to by another process, a little later. */
async function comesIntoSight(page: Page): Promise<boolean> {
  const endMs = performance.now() + SETTLE_MS;
  while (performance.now() < endMs) {
    if (await page.evaluate<boolean>(IS_SHOWN)) return true;
    await page.waitForTimeout(50);
  }
  return false;
}

function unvisited(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(
    `${CONTROLS}.filter((one) => !window.visited.has(one)).map((one) => one.outerHTML.slice(0, 120))`,
  );
}
