/** How a clerk comes to trust a partner and ceases to, in a browser: with JavaScript and without it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Certificate } from '../../src/pki/certificate.ts';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import type { SigningKey } from '../../src/smime/seal-message.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { assertAccessible, assertFits, launchBrowser, openWindow, takePicture } from '../support/browser.ts';
import { grouped } from '../support/journey.ts';
import { assertReachable } from '../support/keyboard.ts';
import { fileMessages } from '../support/letters.ts';
import { messageTo } from '../support/office.ts';
import { makePartnerAuthority } from '../support/partner-authority.ts';
import { readyClerk } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const INBOX = `/mail/${folderId('INBOX')}`;
const WIDE = { width: 1280, height: 900 };
const NARROW = [
  { width: 320, height: 640 },
  { width: 360, height: 800 },
];
const IRENE = 'irene.vidal@transportes.example';
const IVAN = 'ivan.soler@elsewhere.example';
const COMPARE = 'Compare, and trust if equal';
const UNTRUSTED = 'Warning: the issuer of this signature is not trusted';

describe('trust in a partner', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 123 });
    node = await startTestNode(world);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  for (const mode of [
    { name: 'with JavaScript', javaScriptEnabled: true, who: 'alain' },
    { name: 'without JavaScript', javaScriptEnabled: false, who: 'marta' },
  ] as const) {
    describe(mode.name, () => {
      const authority = makePartnerAuthority('Transportes Raíz 3', 'Ministerio de Transportes');
      const irene = authority.person('Irene Vidal', IRENE);
      const ivan = authority.person('Ivan Soler', IVAN);
      let person: WorldPerson;
      let clerk: Visitor;
      let page: Page;
      before(async () => {
        person = world.people[mode.who];
        clerk = await readyClerk(node.url, world, person);
        const window = await openWindow(browser, node.url, mode);
        ({ page } = window);
        await page.emulateMedia({ reducedMotion: 'reduce' });
        await window.context.addCookies([...clerk.cookies].map(([name, value]) => ({ name, value, url: node.url })));
      });

      /** Files a signed letter and gives the address of its page. */
      async function arrive(from: string, sign: SigningKey): Promise<string> {
        await fileMessages(node, person, [messageTo(world, { from, subject: 'Cards of today', sign })]);
        const list = await clerk.get(INBOX);
        return /<a class="subject" href="([^"]+)"/.exec(list.text)?.[1] ?? assert.fail('no message');
      }

      /** What holds of each page, at each width; pictures of it for people. */
      async function look(name: string): Promise<void> {
        for (const size of NARROW) {
          await page.setViewportSize(size);
          await assertFits(page, `${name} at ${size.width} px`);
        }
        if (mode.javaScriptEnabled) await takePicture(page, `trust-${name.replace(/\W+/g, '-')}-360`);
        await page.setViewportSize(WIDE);
        await assertFits(page, name);
        if (!mode.javaScriptEnabled) return;
        await takePicture(page, `trust-${name.replace(/\W+/g, '-')}-wide`);
        await assertAccessible(page, name);
        await assertReachable(page, name);
      }

      async function assertClaim(href: string, words: RegExp | string): Promise<void> {
        await page.goto(href);
        await page.locator('#claim').filter({ hasText: words }).waitFor();
      }

      const typeThumbprint = async (thumbprint: string, button = COMPARE) => {
        await page.locator('[name=thumbprint]').fill(thumbprint);
        await page.getByRole('button', { name: button }).click();
      };

      const showsThumbprintOf = async (certificate: Certificate) => {
        const shown = (await page.content()).replace(/\s/g, '').toLowerCase();
        return shown.includes(certificate.sha256) || shown.includes(certificate.sha1);
      };

      test('S03 T13 the ceremony keeps what was typed and the choice of the domain until the thumbprint is right', async () => {
        const href = await arrive(`Irene Vidal <${IRENE}>`, irene);
        await assertClaim(href, UNTRUSTED);
        await page.getByRole('link', { name: 'Confirm by phone' }).click();
        const only = page.getByLabel('Only for mail of transportes.example');
        assert.ok(await only.isChecked(), 'on by default');
        assert.equal(await showsThumbprintOf(authority.root), false);
        await look('ceremony');

        const wrong = grouped(irene.certificate.sha256);
        await page.getByLabel('Who read it out').fill('Irene, +34 91 555');
        await typeThumbprint(wrong);
        await page.getByText('This is not the thumbprint of this certificate').waitFor();
        assert.equal(await page.locator('[name=thumbprint]').inputValue(), wrong);
        assert.equal(await page.getByLabel('Who read it out').inputValue(), 'Irene, +34 91 555');
        assert.ok(await only.isChecked(), 'kept after a wrong thumbprint');
        assert.equal(await showsThumbprintOf(authority.root), false);
        await look('wrong thumbprint');

        await only.uncheck();
        await typeThumbprint(authority.root.sha256.slice(0, 24));
        await page.getByText('24 characters so far').waitFor();
        assert.equal(await only.isChecked(), false, 'kept as it was chosen');
        await look('incomplete thumbprint');

        await only.check();
        await typeThumbprint(grouped(authority.root.sha256));
        await page.waitForURL(`**${href}`);
        await page.getByText('The thumbprints are equal.').waitFor();
        await assertClaim(href, 'Signed by Irene Vidal. Signature trusted.');
      });

      test('S03 a certificate of another domain under that root stays untrusted, and the page says for whom the root counts', async () => {
        await assertClaim(await arrive(`Ivan Soler <${IVAN}>`, ivan), UNTRUSTED);
        await look('another domain');
        await page.goto('/trust');
        await page.getByText('mail of transportes.example only').waitFor();
        await page.getByText('Root trusted for mail of one domain:').waitFor();
        await page.getByText('Irene, +34 91 555').waitFor();
        await look('trust page');
      });

      test('T20 S02 another Digital ID of a contact asks before it replaces the first', async () => {
        await page.goto(await arrive(`Irene Vidal <${IRENE}>`, irene));
        await page.getByRole('button', { name: 'Add Digital ID to contacts' }).click();
        await page.waitForURL(/\/contacts\/[\w-]+$/);
        const contact = new URL(page.url()).pathname;
        const isDefault = async (certificate: Certificate) => {
          await page.goto(contact);
          const first = page.locator('.id-card.default');
          return (await first.innerHTML()).replace(/\s/g, '').toLowerCase().includes(certificate.sha256);
        };
        assert.ok(await isDefault(irene.certificate));

        const later = authority.person('Irene Vidal', IRENE);
        const href = await arrive(`Irene Vidal <${IRENE}>`, later);
        await page.goto(href);
        await page.getByRole('button', { name: 'Add Digital ID to contacts' }).click();
        const asked = page.getByRole('heading', { name: 'Replace the default Digital ID?' });
        await asked.waitFor();
        await look('replace Digital ID');
        await page.getByRole('link', { name: 'Keep the present one' }).click();
        assert.ok(await isDefault(irene.certificate), 'nothing changes by itself');
        await look('contact with two Digital IDs');
        await page
          .locator('.id-card:not(.default)')
          .getByRole('link', { name: /^Compare/ })
          .click();
        await asked.waitFor();
        await page.getByRole('button', { name: 'Make the new one the default' }).click();
        await page.waitForURL(`**${contact}`);
        assert.ok(await isDefault(later.certificate));
      });

      test('T13 withdrawal says how many contacts turn to X, and can be left', async () => {
        const card = () => page.locator('.id-card', { hasText: 'Transportes Raíz 3' });
        await page.goto('/trust');
        await card().getByRole('link', { name: 'Withdraw trust' }).click();
        await page.getByText('1 contact will turn to X.').waitFor();
        await page.getByText(IRENE).waitFor();
        await look('withdrawal');
        await page.getByRole('link', { name: 'Keep trusting' }).click();
        await card().getByText('mail of transportes.example only').waitFor();
        await card().getByRole('link', { name: 'Withdraw trust' }).click();
        await page.getByRole('button', { name: 'Withdraw trust' }).click();
        await page.waitForURL('**/trust');
        await card().getByText('Trust withdrawn').waitFor();
        await look('trust page after a withdrawal');
        await page.goto('/contacts');
        await page.locator('.id-card', { hasText: IRENE }).locator('.vx.x').waitFor();
        await assertClaim(await arrive(`Irene Vidal <${IRENE}>`, irene), UNTRUSTED);
      });

      test('S11 one certificate is trusted by itself, and nothing else of its issuer or its owner', async () => {
        const href = await arrive(`Ivan Soler <${IVAN}>`, ivan);
        await page.goto(href);
        await page.getByRole('link', { name: 'Confirm by phone' }).click();
        await page.getByRole('link', { name: 'Trust only this one certificate' }).click();
        await page.getByText('Not recommended.').waitFor();
        assert.equal(await showsThumbprintOf(ivan.certificate), false);
        await look('one certificate');
        const submit = 'Compare, and trust this certificate if equal';
        await typeThumbprint(grouped(authority.root.sha256), submit);
        await page.getByText('This is not the thumbprint of this certificate').waitFor();
        assert.equal(await page.locator('[name=thumbprint]').inputValue(), grouped(authority.root.sha256));
        await typeThumbprint(grouped(ivan.certificate.sha256), submit);
        await page.waitForURL(`**${href}`);
        await assertClaim(href, 'Signed by Ivan Soler. Signature trusted.');
        await page.getByText(/You trusted this one certificate on .*; its issuer is not trusted\./).waitFor();
        await look('explicitly trusted message');

        const next = authority.person('Ivan Soler', IVAN);
        await assertClaim(await arrive(`Ivan Soler <${IVAN}>`, next), UNTRUSTED);
        await assertClaim(await arrive(`Irene Vidal <${IRENE}>`, irene), UNTRUSTED);
        await assertClaim(await arrive(`Irene Vidal <${IRENE}>`, ivan), /^Warning: signed by somebody else/);

        await page.goto('/trust');
        const card = page.locator('#explicit, section').filter({ hasText: 'Certificates trusted one by one' });
        await card.locator('.id-card', { hasText: 'Ivan Soler' }).getByRole('link', { name: 'Withdraw trust' }).click();
        await page.getByText('No contact will turn to X.').waitFor();
        await page.getByRole('button', { name: 'Withdraw trust' }).click();
        await page.waitForURL('**/trust');
        await assertClaim(href, UNTRUSTED);
      });

      test('S04 T25 a list from a file takes a signature back, checking again asks for what is there now, removal gives it back', async () => {
        const href = await arrive(`Irene Vidal <${IRENE}>`, irene);
        await page.goto('/trust');
        await page
          .locator('.id-card', { hasText: 'Transportes Raíz 3' })
          .getByRole('link', { name: 'Confirm anew' })
          .click();
        await typeThumbprint(authority.root.sha1);
        await page.waitForURL('**/trust');
        await assertClaim(href, 'Signature trusted.');
        await page.getByText('Revocation not checked', { exact: true }).waitFor();

        await page.goto('/trust');
        const field = page.getByLabel('Add a partner’s revocation list from a file');
        const add = page.getByRole('button', { name: 'Add the list' });
        await field.setInputFiles({
          name: 'nothing.crl',
          mimeType: 'application/pkix-crl',
          buffer: Buffer.from('no list'),
        });
        await add.click();
        await page
          .getByRole('alert')
          .filter({ hasText: 'nothing.crl holds no revocation list that can be read' })
          .waitFor();
        await look('trust page with a wrong list');
        const buffer = authority.list([irene.certificate]);
        await field.setInputFiles({ name: 'transportes.crl', mimeType: 'application/pkix-crl', buffer });
        await add.click();
        await page.getByText('1 revocation list was added.').waitFor();
        await look('trust page with a list');

        await assertClaim(href, 'Signature not valid');
        await page.getByText('The certificate was revoked before the message arrived.').first().waitFor();
        await page
          .getByText('Ask Irene Vidal, on a number you know, for a message signed with a valid Digital ID.')
          .waitFor();
        await look('revoked message');
        await page.getByRole('button', { name: 'Check the signature again' }).click();
        await page.getByText('The signature was checked again').waitFor();
        await page.locator('#claim').filter({ hasText: 'Signature not valid' }).waitFor();
        await look('revoked message checked again');

        await page.goto('/trust');
        await page.getByRole('button', { name: /^Remove .*Transportes/ }).click();
        await page.getByText('The revocation list was removed.').waitFor();
        await page.goto(href);
        await page.getByRole('button', { name: 'Check the signature again' }).click();
        await assertClaim(href, 'Signature trusted.');
      });
    });
  }
});
