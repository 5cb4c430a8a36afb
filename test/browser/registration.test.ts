import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { type Locale, translator } from '../../src/i18n/translate.ts';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { openDoor } from '../support/administration-door.ts';
import { launchBrowser, openWindow, takePicture, type Window } from '../support/browser.ts';
import { openPart, signIn } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const PEOPLE = 'Countries and accounts';
const NETWORK = 131;

const assertSound = soundPages('registration');

describe('the registration of countries in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: NETWORK });
    node = await startTestNode(world);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  async function openOffice(javaScriptEnabled = true): Promise<Window> {
    const window = await openWindow(browser, node.url, { javaScriptEnabled });
    await window.page.setViewportSize(WIDE);
    await window.page.emulateMedia({ reducedMotion: 'reduce' });
    await signIn(window.page, world.people.carla);
    await openDoor(window.page, node, world.people.carla);
    return window;
  }

  for (const { country, code, locale, tag, javaScriptEnabled } of [
    { country: 'Luxembourg', code: 'l', locale: 'en', tag: 'en-GB', javaScriptEnabled: true },
    { country: 'Austria', code: 'a', locale: 'de', tag: 'de-AT', javaScriptEnabled: true },
    { country: 'France', code: 'f', locale: 'fr', tag: 'fr-FR', javaScriptEnabled: false },
  ] as const) {
    test(`T09 ${country} registers by the request form in ${locale}, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const central = await openOffice(javaScriptEnabled);
      const all = locale === 'en';
      await openPart(central.page, PEOPLE, 'Countries');
      if (all) await assertSound(central, 'countries-none');
      await central.page.getByRole('button', { name: `Begin ${country}` }).click();
      await central.page.getByRole('button', { name: 'Make a code' }).click();
      await central.page.getByRole('heading', { name: `Code for ${country}` }).waitFor();
      if (all) await assertSound(central, 'code-shown');
      const typed = (await central.page.locator('p.code').innerText()).toLowerCase();

      const contact = await openWindow(browser, node.url, { javaScriptEnabled, locale: tag });
      await fillIn(contact, locale, code, typed);

      await central.page.getByRole('link', { name: 'I have handed it over' }).click();
      if (all) await assertSound(central, 'submitted');
      await central.page.getByLabel('Reason').fill('Please name somebody for the night.\nAnd the firewall?');
      await central.page.getByRole('button', { name: 'Return the form' }).click();
      await central.page.getByText('The form was returned.').waitFor();
      if (all) await assertSound(central, 'returned');

      await resubmit(contact, locale);

      await central.page.reload();
      await central.page.getByRole('button', { name: 'Test now' }).click();
      // The certificate of this server is Germany's.
      await central.page.getByText('Its certificate comes from an authority that is not accepted.').first().waitFor();
      if (all) await assertSound(central, 'servers-tested');
      await central.page.getByLabel('I asked the contact by telephone').check();
      await central.page.getByRole('button', { name: 'Accept the form' }).click();
      await central.page.getByText('The form was accepted. It holds from now on.').waitFor();
      if (all) await assertSound(central, 'accepted');
      await contact.page.reload();
      await contact.page.getByText(translator(locale)('registration.done')).waitFor();
      await openPart(central.page, PEOPLE, 'Countries');
      if (all) await assertSound(central, 'countries');
      await central.page.getByRole('link', { name: `${country} (${code.toUpperCase()})` }).click();
      await central.page.getByText(`tcn.${code}.eu-admin.net`).first().waitFor();
      if (all) await assertSound(central, 'country');
      await contact.context.close();
      await central.context.close();
    });
  }

  async function fillIn(contact: Window, locale: Locale, code: string, typed: string): Promise<void> {
    const t = translator(locale);
    const { page } = contact;
    const field = (name: string) => page.locator(`[name="${name}"]`);
    const submit = page.getByRole('button', { name: t('registration.submit'), exact: true });
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto('/registration');
    await field('code').fill('0000-0000');
    await page.getByRole('button', { name: t('registration.code.submit') }).click();
    await page.getByText(t('registration.code.wrong')).waitFor();
    if (locale !== 'fr') await assertSound(contact, `code-${locale}`);
    await field('code').fill(typed);
    await page.getByRole('button', { name: t('registration.code.submit') }).click();
    await field('organisation').waitFor();
    // Asked for only where it matters.
    await field('imapHost').waitFor({ state: 'hidden' });
    if (locale !== 'fr') await assertSound(contact, `form-${locale}`);
    await field('organisation').fill('Société Nationale de Circulation Automobile');
    await page.getByRole('button', { name: t('registration.save') }).click();
    await page.getByText(t('registration.saved')).waitFor();
    assert.equal(await field('organisation').inputValue(), 'Société Nationale de Circulation Automobile');
    await page.locator('[name="mailboxes"][value="own"]').check();
    await field('contactAddress').fill('jean.weber');
    await field('imapPort').selectOption('143');
    await submit.click();
    await page.locator('.fault').first().waitFor();
    if (locale === 'fr') await takePicture(page, 'registration-faults-fr-1280');
    else await assertSound(contact, `faults-${locale}`);
    for (const [name, value] of Object.entries({
      contactName: 'Jean Weber',
      contactAddress: 'jean.weber@snca.example',
      contactPhone: '+352 26626-400',
      domain: `tcn.${code}.eu-admin.net`,
      serverName: `mail.tcn.${code}.eu-admin.net`,
      serverIp: `127.${NETWORK}.1.3`,
      imapHost: `127.${NETWORK}.1.3`,
      submissionHost: `127.${NETWORK}.1.3`,
      firstName: 'Léa',
      surname: "D'Huart",
      technical: 'Maintenance on Sundays from 06:00 to 08:00.\nAt most 25 MB.',
    }))
      await field(name).fill(value);
    await field('imapPort').selectOption('993');
    await submit.click();
    await page.getByText(t('registration.waits')).waitFor();
    if (locale !== 'fr') await assertSound(contact, `waits-${locale}`);
    await page.getByRole('link', { name: t('registration.print') }).click();
    if (locale !== 'fr') await assertSound(contact, `print-${locale}`);
    await page.emulateMedia({ media: 'print' });
    await takePicture(page, `registration-paper-${locale}`);
    await page.emulateMedia({ media: 'screen' });
    await page.getByRole('link', { name: t('registration.print.back'), exact: true }).click();
  }

  async function resubmit(contact: Window, locale: Locale): Promise<void> {
    const t = translator(locale);
    const { page } = contact;
    await page.reload();
    await page.getByText('Please name somebody for the night.').first().waitFor();
    if (locale === 'de') await assertSound(contact, 'returned-de');
    await page.locator('[name="note"]').fill('At night: +352 1');
    await page.getByRole('button', { name: t('registration.submit'), exact: true }).click();
    await page.getByText(t('registration.waits')).waitFor();
  }

  test('T09 Carla tests the mail servers, changes one and sees what went wrong, and begins another programme', async () => {
    const central = await openOffice();
    const { page } = central;
    await openPart(page, PEOPLE, 'Mail servers');
    await assertSound(central, 'mail-servers');
    await page.getByRole('row', { name: 'Germany' }).getByRole('link').click();
    await page.getByLabel('IP address of the server').fill(`127.${NETWORK}.1.3`);
    await page.getByRole('button', { name: 'Save the server' }).click();
    await page.getByText('The server was saved').waitFor();
    await page.getByRole('button', { name: 'Test now' }).click();
    await page.getByText('It answers, and its certificate is accepted.').first().waitFor();
    assert.match(await page.locator('.checks').innerText(), /TLSv1\.3[\s\S]*OK[\s\S]*220 mail\.tcn\.d\.eu-admin\.net/);
    assert.equal(await page.locator('.checks .failed').count(), 0);
    await assertSound(central, 'test-passed');
    await page.getByLabel('Certificates of the authority').fill('');
    await page.getByLabel('Submission server').fill(`127.${NETWORK}.9.9`);
    await page.getByRole('button', { name: 'Save the server' }).click();
    await page.getByRole('button', { name: 'Test now' }).click();
    await page.getByText('Its certificate comes from an authority that is not accepted.').waitFor();
    await page.getByText('The connection was refused.').waitFor();
    await assertSound(central, 'test-failed');
    await openPart(page, PEOPLE, 'Countries');
    await page.getByRole('link', { name: 'Germany (D)' }).click();
    await page.getByRole('link', { name: 'Suspend the country' }).click();
    await assertSound(central, 'suspend');
    await page.getByRole('button', { name: 'Suspend the country' }).click();
    await page.getByText('Nobody of it is signed in any more').waitFor();
    await assertSound(central, 'suspended');
    await page.getByRole('link', { name: 'Let it take part again' }).click();
    await page.getByRole('button', { name: 'Let it take part again' }).click();
    await page.getByText('The country takes part again.').waitFor();
    await openPart(page, 'Rules', 'Programme');
    await page.getByRole('link', { name: 'Programmes', exact: true }).click();
    await page.getByLabel('Short name').fill('resper');
    await page.getByLabel('Name of the programme').fill('RESPER, driving licences');
    await page.getByLabel('Domain of each country').fill('rp.{cc}.eu-admin.net');
    await page.getByRole('button', { name: 'Begin the programme' }).click();
    await page.getByText('The programme RESPER, driving licences was begun.').waitFor();
    await assertSound(central, 'programmes');
    await page.getByRole('button', { name: 'Administer this one RESPER' }).click();
    await page.getByText('From now on you administer RESPER').waitFor();
    await openPart(page, 'Rules', 'Programme');
    await assertSound(central, 'rules');
    await page.getByRole('link', { name: 'Administrators of the programme' }).click();
    await assertSound(central, 'administrators');
    await openPart(page, PEOPLE, 'Request form');
    await assertSound(central, 'own-none');
    await page.getByRole('link', { name: 'Fill in the form' }).click();
    await assertSound(central, 'own-change');
    await central.context.close();
  });
});
