import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { openDoor } from '../support/administration-door.ts';
import { assertFits, launchBrowser, openWindow, takePicture, type Window } from '../support/browser.ts';
import { openPart, signIn } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const CHOSEN = 'seven quiet harbours';
const CHANGED = 'nine green lanterns';

const assertSound = soundPages('accounts');

describe('accounts in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 135 });
    node = await startTestNode(world);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  async function confirm(page: Page, link: string, button: string): Promise<void> {
    await page.getByRole('link', { name: link }).click();
    await page.getByRole('button', { name: button }).click();
  }

  for (const javaScriptEnabled of [true, false]) {
    test(`T01 T02 T03 T10 Carla creates an account, its holder takes it over, and Carla ends it, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const sound = async (window: Window, name: string) => {
        if (javaScriptEnabled) await assertSound(window, name);
      };
      const address = 'Alain.Dupont2@tcn.b.eu-admin.net';
      const made = { addressKey: address.toLowerCase() };
      const { prisma } = node.context.database;
      await prisma.session.deleteMany({ where: { account: made } });
      await prisma.account.deleteMany({ where: made });
      const window = await openWindow(browser, node.url, { javaScriptEnabled });
      const { page } = window;
      await page.setViewportSize(WIDE);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await signIn(page, world.people.carla);
      await openDoor(page, node, world.people.carla);
      await openPart(page, 'Countries and accounts', 'Accounts');
      await page.getByRole('heading', { name: 'Accounts of the countries' }).waitFor();
      await sound(window, 'countries');
      await page.getByRole('link', { name: /Belgium/ }).click();
      await page.getByRole('link', { name: 'Create an account' }).click();
      await page.getByLabel('First name').fill('София2');
      await page.getByLabel('Surname').fill('Щерева');
      await page.getByRole('button', { name: 'Show the address' }).click();
      await page.getByText('These do not belong in a name: 2').waitFor();
      await sound(window, 'fault');
      await page.getByLabel('First name').fill('София');
      await page.getByRole('button', { name: 'Show the address' }).click();
      await page.getByText('Compare the proposal').waitFor();
      await page.getByLabel('Surname in Latin letters').fill('Chtereva');
      await page.getByRole('button', { name: 'Show the address again' }).click();
      await page.getByText('Sofia.Chtereva@tcn.b.eu-admin.net').waitFor();
      await sound(window, 'latin');
      await page.getByLabel('First name', { exact: true }).fill('Alain');
      await page.getByLabel('Surname', { exact: true }).fill('Dupont');
      await page.getByRole('button', { name: 'Show the address again' }).click();
      await page.getByText('Somebody has the address of these names already').waitFor();
      await sound(window, 'namesake');
      await page.getByRole('button', { name: 'Create the account' }).click();
      const code = await page.locator('#hand-over-code').innerText();
      await sound(window, 'hand-over');
      if (javaScriptEnabled) {
        await page.emulateMedia({ media: 'print' });
        assert.equal(await page.getByRole('heading', { name: 'Hand the code over' }).isVisible(), false);
        assert.ok(await page.locator('#hand-over-code').isVisible());
        await takePicture(page, 'accounts-letter-print');
        await page.emulateMedia({ media: 'screen' });
      }
      await page.getByRole('link', { name: 'Done' }).click();
      await page.getByText('Waits for its holder').waitFor();
      await sound(window, 'account');
      await page.getByRole('link', { name: /Belgium/ }).click();
      await page.getByText('allows 3 accounts in each country').waitFor();
      await page.getByRole('button', { name: 'Send the list as it is now' }).click();
      await page.getByText('was sent to the programme').waitFor();
      await sound(window, 'country');

      const holder = await openWindow(browser, node.url, { javaScriptEnabled });
      await holder.page.setViewportSize(WIDE);
      await holder.page.emulateMedia({ reducedMotion: 'reduce' });
      await holder.page.goto('/sign-in');
      await holder.page.getByRole('link', { name: 'You have a code' }).click();
      await holder.page.getByLabel('Address of your mailbox').fill(address);
      await holder.page.getByLabel('Code', { exact: true }).fill(code);
      await holder.page.getByLabel('New mailbox password').fill('short');
      await holder.page.getByLabel('The same once more').fill('short');
      await holder.page.getByRole('button', { name: 'Set the password' }).click();
      await holder.page.getByText('Too short').waitFor();
      await sound(holder, 'welcome');
      await holder.page.getByLabel('New mailbox password').fill(CHOSEN);
      await holder.page.getByLabel('The same once more').fill(CHOSEN);
      await holder.page.getByRole('button', { name: 'Set the password' }).click();
      await holder.page.getByText('Your password is set').waitFor();
      await holder.page.getByLabel('Address').fill(address);
      await holder.page.getByLabel('Mailbox password').fill(CHOSEN);
      await holder.page.getByRole('button', { name: 'Sign in' }).click();
      await holder.page.waitForURL(/first-steps/);
      await holder.page.goto('/settings');
      await sound(holder, 'settings');
      await holder.page.getByRole('link', { name: 'Change the mailbox password' }).click();
      await holder.page.getByLabel('Present mailbox password').fill('wrong');
      await holder.page.getByLabel('New mailbox password').fill(CHANGED);
      await holder.page.getByLabel('The same once more').fill(CHANGED);
      await holder.page.getByRole('button', { name: 'Change the password' }).click();
      await holder.page.getByText('not the password that you signed in with').waitFor();
      await sound(holder, 'password');
      await holder.page.getByLabel('Present mailbox password').fill(CHOSEN);
      await holder.page.getByLabel('New mailbox password').fill(CHANGED);
      await holder.page.getByLabel('The same once more').fill(CHANGED);
      await holder.page.getByRole('button', { name: 'Change the password' }).click();
      await holder.page.getByText('Your mailbox password was changed').waitFor();

      await page.getByRole('row', { name: address }).getByRole('link').click();
      for (const act of ['Suspend', 'Remove', 'New code for the password', 'Change the role']) {
        await page.getByRole('link', { name: act, exact: true }).click();
        await page.getByText('Then this happens').waitFor();
        await sound(window, `confirm-${act.toLowerCase().replaceAll(' ', '-')}`);
        await page.getByRole('link', { name: 'Cancel' }).click();
      }
      await confirm(page, 'Suspend', 'Suspend the account');
      await page.getByText('is suspended and signed out').waitFor();
      await holder.page.goto('/settings');
      await holder.page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await confirm(page, 'Resume', 'Resume the account');
      await page.getByText('can sign in again.').first().waitFor();
      await page.getByRole('link', { name: 'Change the role' }).click();
      await page.getByLabel('Administrator of the country').check();
      await page.getByRole('button', { name: 'Change the role' }).click();
      await page.getByText('was changed').waitFor();
      await confirm(page, 'Remove', 'Remove the account');
      await page.getByText('was removed').waitFor();
      await sound(window, 'removed');
      await page.getByRole('link', { name: /Belgium/ }).click();
      await page.getByText('1 left since then').waitFor();
      await sound(window, 'country-after');
      await holder.context.close();
      await window.context.close();
    });
  }

  test('the pages of accounts read and fit in German and French too', async () => {
    const { page, context } = await openWindow(browser, node.url);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await signIn(page, world.people.carla);
    await openDoor(page, node, world.people.carla);
    const { prisma } = node.context.database;
    const of = async (address: string) =>
      prisma.account.findUniqueOrThrow({ where: { addressKey: address.toLowerCase() } });
    const [carla, alain, marta] = await Promise.all(
      [world.people.carla, world.people.alain, world.people.marta].map(({ address }) => of(address)),
    );
    assert.ok(carla && alain && marta);
    const pages = {
      list: `/administration/countries/${alain.countryId}/accounts`,
      new: `/administration/countries/${alain.countryId}/accounts/new`,
      account: `/administration/accounts/${alain.id}`,
      remove: `/administration/accounts/${alain.id}/remove`,
      suspend: `/administration/accounts/${marta.id}/suspend`,
      role: `/administration/accounts/${alain.id}/role`,
      'hand-over': `/administration/accounts/${alain.id}/hand-over`,
      password: '/settings/password',
    };
    for (const locale of ['de', 'fr']) {
      await prisma.account.update({ where: { id: carla.id }, data: { locale } });
      for (const [name, url] of Object.entries(pages)) {
        await page.setViewportSize(WIDE);
        await page.goto(url);
        assert.equal(await page.locator('html').getAttribute('lang'), locale);
        assert.doesNotMatch(
          await page.locator('body').innerText(),
          /\b(accounts|settings)\.[a-z]\w+|undefined|\{\w+\}/,
        );
        await takePicture(page, `accounts-${locale}-${name}-1280`);
        for (const width of [360, 320]) {
          await page.setViewportSize({ width, height: 800 });
          await assertFits(page, `${name} in ${locale} at ${width} px`);
        }
      }
    }
    await prisma.account.update({ where: { id: carla.id }, data: { locale: null } });
    await context.close();
  });
});
