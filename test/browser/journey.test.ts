import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { launchBrowser, openWindow, takePicture, type Window } from '../support/browser.ts';
import { addToContacts, fillAndSend, firstSteps, frameText, openNewest, selfTest, signIn } from '../support/journey.ts';
import { PASSPHRASES } from '../support/people.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const SUBJECT = 'Führerkarte 0417: größere Änderungen – très urgent';
const SECRET = 'Die Karte 0417 wurde in Gent ausgestellt';
const ATTACHMENT = Buffer.from(`%PDF-1.4 register extract ${'0417 '.repeat(4000)}`);

const MODES = [
  { name: 'wide, with JavaScript', options: { javaScriptEnabled: true, width: 1280 } },
  { name: 'narrow, without JavaScript', options: { javaScriptEnabled: false, width: 360, height: 800 } },
];

for (const [index, mode] of MODES.entries()) {
  describe(`section 5 of the TESTA document in Chromium, ${mode.name}`, () => {
    let world: World;
    let node: Node;
    let browser: Browser;
    let alain: Window;
    let marta: Window;
    before(async () => {
      world = await startTestWorld({ network: 75 + index });
      node = await startTestNode(world);
      browser = await launchBrowser();
      alain = await openWindow(browser, node.url, mode.options);
      marta = await openWindow(browser, node.url, mode.options);
    });
    after(async () => {
      await browser?.close();
      await node?.stop();
      await world?.stop();
    });

    test('T13 T14 T17 T25 a clerk of Belgium and one of Germany sign in, import their .pfx, confirm the root and test themselves', async () => {
      for (const [window, person, passphrase] of [
        [alain, world.people.alain, PASSPHRASES.alain],
        [marta, world.people.marta, PASSPHRASES.marta],
      ] as const) {
        await signIn(window.page, person);
        await firstSteps(window.page, world, person, passphrase);
        await selfTest(window.page);
      }
    });

    test('T19 S05 S12 Alain asks Marta for a secure link with a signed letter', async () => {
      const { page } = alain;
      await page.goto('/contacts/link');
      await page
        .getByLabel('Recipients')
        .or(page.locator('textarea[name=recipients]'))
        .first()
        .fill(world.people.marta.address);
      await page.locator('main form button.primary').click();
      await page.waitForURL(/\/contacts/);
      await page.goto('/contacts');
      await page.getByText('asked', { exact: false }).first().waitFor();
    });

    test('S01 S02 T16 T20 Marta sees the red ribbon, adds Alain to her contacts and answers signed and encrypted', async () => {
      const { page } = marta;
      await page.goto('/mail');
      await openFirstFrom(page, 'Alain Dupont');
      await page.getByText('Signed by').first().waitFor();
      await page.getByText('Signature trusted.').waitFor();
      await page.locator('.encryption', { hasText: 'Not encrypted.' }).waitFor();
      await addToContacts(page);
      await page.locator('.vx').first().waitFor();
      await page.goBack();
      await page.goto('/mail');
      await openFirstFrom(page, 'Alain Dupont');
      await page.getByRole('link', { name: 'Reply', exact: true }).click();
      await page.waitForURL(/\/drafts\//);
      await fillAndSend(page, { text: 'Gern. Hier ist meine unterschriebene Antwort.' });
    });

    test('S14 S02 T19 Alain opens the answer, stores the Digital ID, and the link is answered', async () => {
      const { page } = alain;
      await openFirstFrom(page, 'Marta Klein');
      await page.getByText('Signature trusted.').waitFor();
      await page.locator('.encryption', { hasText: 'Encrypted to you' }).waitFor();
      assert.match(await frameText(page), /meine unterschriebene Antwort/);
      await addToContacts(page);
      await page.goto('/contacts');
      await page.getByText('Marta Klein').first().waitFor();
    });

    test('T18 S06 S14 an encrypted and signed letter with an attachment and umlauts in the subject is read at the other side', async () => {
      const { page } = alain;
      await page.goto(`/drafts/new?to=${world.people.marta.address}`);
      await page.getByText('The subject is encrypted with the text.').first().waitFor();
      await fillAndSend(page, {
        to: `Marta Klein <${world.people.marta.address}>`,
        subject: SUBJECT,
        text: `Liebe Kollegin,\n\n${SECRET}.\n\nBien à vous\nAlain`,
        file: { name: 'Auszug ä 0417.pdf', mimeType: 'application/pdf', buffer: ATTACHMENT },
      });
      const reader = marta.page;
      await openNewest(reader, 'Subject inside the encryption');
      assert.equal(await reader.locator('#subject').innerText(), SUBJECT);
      await reader.getByText('Signature trusted.').waitFor();
      await reader.locator('.encryption', { hasText: 'Encrypted to you' }).waitFor();
      assert.match(await frameText(reader), new RegExp(SECRET));
      const [download] = await Promise.all([
        reader.waitForEvent('download'),
        reader.locator('.files a', { hasText: 'Save' }).first().click(),
      ]);
      assert.equal(download.suggestedFilename(), 'Auszug ä 0417.pdf');
      assert.ok(fs.readFileSync(await download.path()).equals(ATTACHMENT), 'byte for byte');
      await takePicture(reader, `journey-letter-${index}`);
    });

    test('S06 once it was opened, the list shows the subject that was hidden on the way', async () => {
      await marta.page.goto('/mail');
      await marta.page.locator('table.mail').getByRole('link', { name: SUBJECT }).waitFor();
    });

    test('T18 the sent copy in Sent is readable by its sender', async () => {
      const { page } = alain;
      const sent = Buffer.from('Sent').toString('base64url');
      const deadline = performance.now() + 20_000;
      for (;;) {
        await page.goto(`/mail/${sent}`);
        const link = page.locator('table.mail').getByRole('link', { name: SUBJECT }).first();
        if ((await link.count()) > 0) {
          await link.click();
          break;
        }
        assert.ok(performance.now() < deadline, 'the letter is filed in Sent');
        await page.waitForTimeout(250);
      }
      await page.locator('#subject').waitFor();
      assert.match(await frameText(page), new RegExp(SECRET));
    });

    test('the bytes on the wire contain no plain text of the letter', async () => {
      const copies = await world.testbed.wireCopies();
      const letters = copies.filter((copy) => copy.toString('latin1').includes('pkcs7-mime'));
      assert.ok(letters.length >= 2, 'the letters did pass the relay');
      const forms = [SECRET, Buffer.from(SECRET).toString('base64').slice(4, 40), 'register extract', 'Auszug'];
      for (const copy of letters) {
        const text = copy.toString('latin1');
        assert.match(text, /^Subject: \[\.\.\.\]\r?$/m, 'both programs are known to show a hidden subject');
        for (const form of forms) assert.ok(!text.includes(form), form);
      }
    });

    test('a third account that gets hold of the letter cannot read it', async () => {
      const { otto } = world.people;
      const maildir = world.testbed.mailboxFolder(otto.address);
      // A report about it quotes its header.
      const letter = (await world.testbed.wireCopies()).findLast((copy) => {
        const text = copy.toString('latin1');
        return text.includes('pkcs7-mime') && !text.includes('multipart/report');
      });
      const window = await openWindow(browser, node.url, mode.options);
      await signIn(window.page, otto);
      await firstSteps(window.page, world, otto, PASSPHRASES.otto);
      const file = path.join(maildir, 'new', `${Date.now()}.captured.test`);
      fs.writeFileSync(file, letter ?? '');
      const owner = fs.statSync(maildir);
      fs.chownSync(file, owner.uid, owner.gid);
      await openFirstFrom(window.page, 'Alain Dupont');
      await window.page.locator('.encryption', { hasText: 'Could not be opened with your keys.' }).waitFor();
      assert.ok(!(await window.page.content()).includes(SECRET));
      await window.context.close();
    });

    test('the browser never asked another host for anything, and no policy was violated', () => {
      for (const window of [alain, marta]) {
        assert.deepEqual(
          window.requests.filter(
            (url) => !url.startsWith(node.url) && !url.startsWith('data:') && !url.startsWith('about:'),
          ),
          [],
        );
        assert.deepEqual(window.consoleErrors, []);
      }
    });
  });
}

/** The newest message of a sender in the inbox, waited for. */
async function openFirstFrom(page: Page, name: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    await page.goto('/mail');
    const row = page.locator('table.mail tr.msg', { hasText: name }).first();
    if ((await row.count()) > 0) {
      await row.getByRole('link').first().click();
      await page.locator('#subject').waitFor();
      return;
    }
    assert.ok(performance.now() < deadline, `a message of ${name} arrives`);
    await page.waitForTimeout(250);
  }
}
