import assert from 'node:assert/strict';
import fs from 'node:fs';
import { assertAccessible, assertFits, takePicture, type Window } from './browser.ts';
import { assertReachable } from './keyboard.ts';

export const WIDE = { width: 1280, height: 900 };
const NARROW = [
  { width: 360, height: 800 },
  { width: 320, height: 640 },
];
const LOCALES = new URL('../../src/i18n/locales/en/', import.meta.url);
const KEYS = new Set(fs.readdirSync(LOCALES).flatMap((file) => Object.keys(readKeys(file))));

function readKeys(file: string): Record<string, string> {
  return JSON.parse(fs.readFileSync(new URL(file, LOCALES), 'utf8'));
}

/**
 * What holds for every page: a quiet console, one heading, words and no keys, WCAG in light and dark, 360 and 320 px wide, all of it
 * by keyboard. Its pictures are named `PICTURES-name-width`.
 */
export function soundPages(pictures: string) {
  return async ({ page, consoleErrors = [] }: Pick<Window, 'page'> & Partial<Window>, name: string): Promise<void> => {
    const loud = consoleErrors.filter((line) => !/status of 4\d\d/.test(line));
    assert.deepEqual(loud, [], `console of ${name}`);
    assert.equal(await page.locator('h1:visible').count(), 1, `headings of ${name}`);
    const text = await page.locator('body').innerText();
    // The pattern of a programme's domains has {cc} in it.
    assert.doesNotMatch(text, /\bundefined\b|\{(?!cc\})\w+\}/, name);
    assert.deepEqual(text.match(/[\w-]+(\.[\w-]+)+/g)?.filter((word) => KEYS.has(word)) ?? [], [], `words of ${name}`);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await assertAccessible(page, `${name}, ${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(WIDE);
    await takePicture(page, `${pictures}-${name}-1280`);
    for (const size of NARROW) {
      await page.setViewportSize(size);
      await assertFits(page, `${name} at ${size.width} px`);
      if (size.width === 360) await takePicture(page, `${pictures}-${name}-360`);
    }
    await page.setViewportSize(WIDE);
    await assertReachable(page, name);
  };
}
