import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { enterAdministration } from '../support/administration-door.ts';
import { launchBrowser, openWindow, type Window } from '../support/browser.ts';
import { grouped, MAIN, openPart, selfTest, signIn } from '../support/journey.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const ROOT_PASSPHRASE = 'in the safe of Brussels';
const PASSPHRASE = 'asked for when issuing';

const assertSound = soundPages('issuing');

describe('certification authorities and Digital IDs in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  before(async () => {
    world = await startTestWorld({ network: 138 });
    node = await startTestNode(world);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  async function openWide(javaScriptEnabled: boolean): Promise<Window> {
    const window = await openWindow(browser, node.url, { javaScriptEnabled });
    await window.page.setViewportSize(WIDE);
    // Colours that fade in would be judged half-way.
    await window.page.emulateMedia({ reducedMotion: 'reduce' });
    return window;
  }

  async function newClerk(firstName: string): Promise<WorldPerson> {
    const { database } = node.context;
    await database.prisma.programme.updateMany({ data: { accountLimit: 10 } });
    const country = await database.prisma.country.findFirstOrThrow({ where: { code: 'B' } });
    const password = 'for the post office';
    const made = await createHostedAccount(database, country, { firstName, surname: 'Lambert', password });
    assert.ok(made.ok);
    const { address } = made.account;
    return { name: `${firstName} Lambert`, address, password, pfxFile: '', pfxPassword: '' };
  }

  async function choosePassphrase(page: Page, passphrase: string): Promise<void> {
    await page.goto('/keys/passphrase');
    await page.getByRole('textbox', { name: 'Key passphrase' }).fill(passphrase);
    await page.getByLabel('The same again').fill(passphrase);
    await page.getByRole('button', { name: 'Set the passphrase' }).click();
    await page.getByRole('link', { name: 'I have written it down' }).click();
  }

  async function fillSetUp(page: Page): Promise<void> {
    await page.getByLabel('Name in the certificate').first().fill('TACHOnet Root CA 2');
    await page.getByLabel('Name in the certificate').last().fill('TACHOnet EC CA 2');
    await page.getByLabel('Kind of key').selectOption('P-256');
    await page.locator('[name=rootPassphrase]').fill(ROOT_PASSPHRASE);
    await page.locator('[name=rootRepeated]').fill(ROOT_PASSPHRASE);
    await page.locator('[name=passphrase]').fill(PASSPHRASE);
    await page.locator('[name=repeated]').fill(PASSPHRASE);
  }

  for (const javaScriptEnabled of [true, false]) {
    test(`T10 T12 from the set-up of the authorities to a clerk’s first signed letter, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const { prisma } = node.context.database;
      await prisma.totpFactor.deleteMany();
      await prisma.vault.deleteMany();
      const zoe = await newClerk(javaScriptEnabled ? 'Zoé' : 'Yves');
      const office = await openWide(javaScriptEnabled);
      const { page } = office;
      const look = async (window: Window, name: string) => {
        if (javaScriptEnabled) await assertSound(window, name);
      };
      await signIn(page, world.people.carla);
      await choosePassphrase(page, 'the keys of carla peeters');
      await enterAdministration(page, world.people.carla.password);
      await openPart(page, 'Digital IDs', 'Authorities');
      await page.getByRole('heading', { name: 'Certification authorities' }).waitFor();
      await look(office, 'authorities');
      await page.getByRole('link', { name: 'Import an issuing CA from a file' }).click();
      await look(office, 'import');
      await page.goto('/administration/authorities/issuing');
      await look(office, 'new issuing');
      await page.goto('/administration/authorities/request');
      await look(office, 'new request');
      await page.getByLabel('Name in the certificate').fill('TACHOnet EC CA 3');
      await page.getByLabel('Kind of key').selectOption('P-256');
      await page.locator('[name=passphrase]').fill(PASSPHRASE);
      await page.locator('[name=repeated]').fill(PASSPHRASE);
      await page.getByRole('button', { name: 'Make key and request' }).click();
      await page.getByRole('heading', { name: 'Request for TACHOnet EC CA 3' }).waitFor();
      await look(office, 'request');
      await page.goto('/administration/authorities/set-up');
      await fillSetUp(page);
      await page.locator('[name=repeated]').fill('something else');
      await page.getByRole('button', { name: 'Make both' }).click();
      await page.getByText('The two are not the same').waitFor();
      await look(office, 'set-up refused');
      await fillSetUp(page);
      await page.getByRole('button', { name: 'Make both' }).click();
      await page.getByText('The Root CA and the issuing CA are ready').waitFor();

      await openPart(page, 'Digital IDs');
      await page.getByRole('heading', { name: 'Issue Digital IDs' }).waitFor();
      await look(office, 'countries');
      await page.locator(MAIN).getByRole('link', { name: 'Belgium (B)' }).click();
      await look(office, 'country');
      await page.getByLabel('Passphrase of the issuing CA').fill(PASSPHRASE);
      await page.getByRole('button', { name: 'Issue to those that are chosen' }).click();
      await page.getByText('All had their turn').waitFor();
      await look(office, 'job');

      const desk = await openWide(javaScriptEnabled);
      await signIn(desk.page, zoe);
      await choosePassphrase(desk.page, 'the keys of a new clerk');
      await desk.page.goto('/first-steps');
      await look(desk, 'first steps');
      await desk.page.locator(MAIN).getByRole('link', { name: 'Install my Digital ID' }).click();
      await desk.page.getByRole('heading', { name: 'Install my Digital ID' }).waitFor();
      await look(desk, 'install');
      await desk.page.getByRole('button', { name: 'Ask for the password' }).click();
      await desk.page.getByText('It will call you').waitFor();

      await page.goto('/administration');
      await page.getByRole('link', { name: '1 clerk asks for the password' }).click();
      await look(office, 'asked');
      await page.getByRole('link', { name: 'Release the password' }).click();
      await look(office, 'release');
      await page.getByRole('button', { name: 'Show it now' }).click();
      await page.getByRole('heading', { name: 'Read this password out' }).waitFor();
      await look(office, 'password');
      const password = await page.locator('p.code').innerText();

      await desk.page.reload();
      await desk.page.getByText('It was released on').waitFor();
      await look(desk, 'install released');
      await desk.page.getByLabel('Password that was read to you').first().fill('2222-2222-2222-2222-2222');
      await desk.page.getByRole('button', { name: 'Install', exact: true }).click();
      await desk.page.getByText('This is not the password').waitFor();
      await desk.page.getByLabel('Password that was read to you').first().fill(password.toLowerCase());
      await desk.page.getByRole('button', { name: 'Install', exact: true }).click();
      await desk.page.getByRole('heading', { name: 'Digital ID imported' }).waitFor();

      const root = await prisma.authority.findFirstOrThrow({ where: { kind: 'root' }, orderBy: { createdAt: 'desc' } });
      await desk.page.goto('/first-steps');
      await desk.page.locator(MAIN).getByRole('link', { name: 'Check it and decide' }).click();
      await desk.page.locator('[name=thumbprint]').fill(grouped(root.sha256));
      await desk.page.getByRole('button', { name: 'Compare, and trust if equal' }).click();
      await desk.page.waitForURL('**/first-steps');
      await selfTest(desk.page);
      await desk.page.goto('/contacts/directory');
      await look(desk, 'directory');
      await desk.page.goto(`/drafts/new?to=${world.people.alain.address}`);
      await desk.page.getByRole('link', { name: 'Take it from the directory' }).click();
      await desk.page.getByRole('button', { name: `Add to contacts ${world.people.alain.name}` }).click();
      await desk.page.getByText('is among your contacts now').waitFor();

      await page.goto('/administration/issuing');
      await page.locator(MAIN).getByRole('link', { name: 'Belgium (B)' }).click();
      await page.getByRole('link', { name: `Replace ${zoe.name}` }).click();
      await look(office, 'replace');
      await office.context.close();
      await desk.context.close();
    });
  }
});
