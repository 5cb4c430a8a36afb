import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { launchBrowser, openWindow, takePicture } from '../support/browser.ts';
import { grouped, MAIN, selfTest, signIn } from '../support/journey.ts';
import { bundleOf, makeOutsideAuthority, thumbprintOf } from '../support/outside-authority.ts';
import { PASSPHRASES } from '../support/people.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const assertSound = soundPages('requests');

describe('certificates from outside in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 145 });
    node = await startTestNode(world);
    await node.context.database.prisma.programme.updateMany({ data: { phase: 'production' } });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  for (const [who, javaScriptEnabled] of [
    ['alain', true],
    ['otto', false],
  ] as const) {
    test(`T21 a clerk gets a Digital ID of an outside authority and writes with it, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const person = world.people[who];
      const authority = makeOutsideAuthority(person.address, `Official ${who}`);
      const window = await openWindow(browser, node.url, { javaScriptEnabled });
      const { page, context } = window;
      await page.setViewportSize(WIDE);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      if (javaScriptEnabled) await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      const sound = async (name: string) => {
        if (javaScriptEnabled) await assertSound(window, name);
      };
      await signIn(page, person);
      await page.goto('/keys/passphrase');
      await page.getByRole('textbox', { name: 'Key passphrase' }).fill(PASSPHRASES[who]);
      await page.getByLabel('The same again').fill(PASSPHRASES[who]);
      await page.getByRole('button', { name: 'Set the passphrase' }).click();
      await page.goto('/first-steps');
      await page.locator(MAIN).getByRole('link', { name: 'Request a certificate' }).click();
      await sound('make');
      await page.getByLabel('Organisation').fill('Service public fédéral Mobilité et Transports');
      await page.getByRole('button', { name: 'Make the key and the request' }).click();
      await page.getByRole('heading', { name: 'Request for a certificate' }).waitFor();
      await sound('made');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'File for most authorities (.csr)' }).click(),
      ]);
      const request = fs.readFileSync(await download.path());
      await page.getByText('As text, to copy into a form').click();
      if (javaScriptEnabled) {
        await page.getByRole('button', { name: 'Copy' }).click();
        await page.getByText('Copied.').waitFor();
        const copied = await page.evaluate<string>('navigator.clipboard.readText()');
        assert.equal(copied.replaceAll('\r', ''), request.toString());
      }
      if (javaScriptEnabled) await takePicture(page, 'requests-text-1280');

      const files = page.getByLabel('Files of the authority');
      const wrong = authority.certify(request, { address: 'somebody.else@example.org' });
      await files.setInputFiles({ name: 'wrong.cer', mimeType: 'application/pkix-cert', buffer: Buffer.from(wrong) });
      await page.getByRole('button', { name: 'Check and install' }).click();
      await page.getByText('issued for somebody.else@example.org').waitFor();
      await sound('refused');
      const certificate = authority.certify(request);
      const bundle = bundleOf([certificate, authority.issuing, authority.root]);
      await files.setInputFiles({ name: 'reply.p7b', mimeType: 'application/x-pkcs7-certificates', buffer: bundle });
      await page.getByRole('button', { name: 'Check and install' }).click();
      await page.getByRole('heading', { name: 'Certificate installed' }).waitFor();
      await sound('installed');
      await page.getByRole('link', { name: 'Check and decide' }).click();
      await page.locator('[name=thumbprint]').fill(grouped(thumbprintOf(authority.root)));
      await page.getByRole('button', { name: 'Compare, and trust if equal' }).click();
      await page.goto('/digital-ids/requests');
      await page.getByText('You can renew it from').waitFor();
      await sound('list');
      await page.goto('/first-steps');
      await selfTest(page);
      await context.close();
    });
  }

  test('T21 a request can be withdrawn after the page said what is lost by that', async () => {
    const window = await openWindow(browser, node.url);
    const { page, context } = window;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await signIn(page, world.people.marta);
    await page.goto('/keys/passphrase');
    await page.getByRole('textbox', { name: 'Key passphrase' }).fill(PASSPHRASES.marta);
    await page.getByLabel('The same again').fill(PASSPHRASES.marta);
    await page.getByRole('button', { name: 'Set the passphrase' }).click();
    await page.goto('/digital-ids');
    await page.getByRole('link', { name: 'Request a certificate' }).click();
    await page.getByLabel('Two.').check();
    await page.getByRole('button', { name: 'Make the key and the request' }).click();
    await page.getByRole('heading', { name: 'Request for a certificate' }).waitFor();
    await assertSound(window, 'two');
    await page.getByRole('link', { name: 'Withdraw the request' }).click();
    await assertSound(window, 'withdraw');
    await page.getByRole('button', { name: 'Withdraw and erase the key' }).click();
    await page.getByText('The request was withdrawn and its key erased.').waitFor();
    await context.close();
  });
});
