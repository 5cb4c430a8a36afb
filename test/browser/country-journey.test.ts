import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { enterAdministration } from '../support/administration-door.ts';
import { launchBrowser, openWindow, takePicture, type Window } from '../support/browser.ts';
import {
  addToContacts,
  fillAndSend,
  firstSteps,
  frameText,
  grouped,
  MAIN,
  openNewest,
  openPart,
  signIn,
} from '../support/journey.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const NETWORK = 177;
const PEOPLE = 'Countries and accounts';
const WIDE = { width: 1280, height: 900 };
const ROOT_PASSPHRASE = 'in the safe of Brussels';
const ISSUING_PASSPHRASE = 'asked for when issuing';
const TEXT = 'The register of Luxembourg answers';

type Person = { name: string; address: string; password: string };

/** From an empty chair in Luxembourg to a clerk whose Digital ID is revoked: nothing is made behind the pages. */
describe('a country takes part, in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let office: Page;
  let marta: Page;
  let desk: Page;
  const windows: Window[] = [];
  const lea: Person = {
    name: 'Léa D’Huart',
    address: 'Lea.DHuart@tcn.l.eu-admin.net',
    password: 'seven quiet harbours',
  };
  const jean: Person = {
    name: 'Jean Weber',
    address: 'Jean.Weber@tcn.l.eu-admin.net',
    password: 'nine green lanterns',
  };
  const chosenLater = 'eleven slow rivers';
  let code = '';
  let jeansCode = '';
  let rootThumbprint = '';

  before(async () => {
    world = await startTestWorld({ network: NETWORK, moreCountries: [{ key: 'l', hosted: true }] });
    node = await startTestNode(world);
    browser = await launchBrowser();
    office = await open();
    marta = await open();
    desk = await open();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  async function open(): Promise<Page> {
    const window = await openWindow(browser, node.url);
    windows.push(window);
    await window.page.setViewportSize(WIDE);
    await window.page.emulateMedia({ reducedMotion: 'reduce' });
    return window.page;
  }

  async function choosePassphrase(page: Page, passphrase: string): Promise<void> {
    await page.goto('/keys/passphrase');
    await page.getByRole('textbox', { name: 'Key passphrase' }).fill(passphrase);
    await page.getByLabel('The same again').fill(passphrase);
    await page.getByRole('button', { name: 'Set the passphrase' }).click();
    await page.getByRole('link', { name: 'I have written it down' }).click();
  }

  /** Whoever answers for one country alone comes to its accounts at once. */
  async function openAccounts(page: Page): Promise<void> {
    await openPart(page, PEOPLE, 'Accounts');
    if (page === office)
      await page
        .locator(MAIN)
        .getByRole('link', { name: /Luxembourg/ })
        .first()
        .click();
  }

  async function createAccount(page: Page, firstName: string, surname: string): Promise<string> {
    await openAccounts(page);
    await page.getByRole('link', { name: 'Create an account' }).click();
    await page.getByLabel('First name', { exact: true }).fill(firstName);
    await page.getByLabel('Surname', { exact: true }).fill(surname);
    await page.getByRole('button', { name: 'Show the address' }).click();
    await page.getByRole('button', { name: 'Create the account' }).click();
    const typed = await page.locator('#hand-over-code').innerText();
    await page.getByRole('link', { name: 'Done' }).click();
    return typed;
  }

  async function takeOver(page: Page, { address, password }: Person, typed: string): Promise<void> {
    await page.goto('/welcome');
    await page.getByLabel('Address of your mailbox').fill(address);
    await page.getByLabel('Code', { exact: true }).fill(typed);
    await page.getByLabel('New mailbox password').fill(password);
    await page.getByLabel('The same once more').fill(password);
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.getByText('Your password is set').waitFor();
    await signIn(page, { address, password } as WorldPerson);
  }

  /** The administration compared the thumbprint; each clerk still decides once. */
  async function acceptRoot(page: Page): Promise<void> {
    await page.getByRole('link', { name: 'Confirm by phone' }).click();
    await page.getByRole('link', { name: 'Look and accept' }).click();
    await page.getByRole('button', { name: 'Accept this root' }).click();
    await page.getByText('is trusted from now on.').waitFor();
    await page.getByText('Signature trusted.').waitFor();
  }

  test('T03 T04 T11 Carla sets the rules of the programme', async () => {
    await signIn(office, world.people.carla);
    await choosePassphrase(office, 'the keys of carla peeters');
    await enterAdministration(office, world.people.carla.password);
    await openPart(office, 'Rules', 'Programme');
    await office.getByRole('button', { name: 'Save the rules' }).click();
    await office.getByText('The rules were saved').waitFor();
  });

  test('T12 Carla sets up the Root CA and the issuing CA', async () => {
    await office.goto('/administration/authorities/set-up');
    await office.getByLabel('Name in the certificate').first().fill('TACHOnet Root CA 2');
    await office.getByLabel('Name in the certificate').last().fill('TACHOnet EC CA 2');
    await office.getByLabel('Kind of key').selectOption('P-256');
    for (const name of ['rootPassphrase', 'rootRepeated']) await office.locator(`[name=${name}]`).fill(ROOT_PASSPHRASE);
    for (const name of ['passphrase', 'repeated']) await office.locator(`[name=${name}]`).fill(ISSUING_PASSPHRASE);
    await office.getByRole('button', { name: 'Make both' }).click();
    await office.getByText('The Root CA and the issuing CA are ready').waitFor();
    const order = { createdAt: 'desc' } as const;
    const root = await node.context.database.prisma.authority.findFirstOrThrow({
      where: { kind: 'root' },
      orderBy: order,
    });
    rootThumbprint = root.sha256;
  });

  test('T09 Luxembourg hands the request form in with a code, and Carla accepts it', async () => {
    await openPart(office, PEOPLE, 'Countries');
    await office.getByRole('button', { name: 'Begin Luxembourg' }).click();
    await office.getByRole('button', { name: 'Make a code' }).click();
    const typed = await office.locator('p.code').innerText();
    await office.getByRole('link', { name: 'I have handed it over' }).click();

    const contact = await open();
    await contact.goto('/registration');
    await contact.locator('[name=code]').fill(typed);
    await contact.getByRole('button', { name: 'Open the form' }).click();
    await contact.locator('[name=mailboxes][value=hosted]').check();
    for (const [name, value] of Object.entries({
      organisation: 'Société Nationale de Circulation Automobile',
      contactName: 'Guy Muller',
      contactAddress: 'guy.muller@snca.example',
      contactPhone: '+352 26626-400',
      firstName: 'Léa',
      surname: 'D’Huart',
    }))
      await contact.locator(`[name="${name}"]`).fill(value);
    await contact.getByRole('button', { name: 'Hand in', exact: true }).click();
    await contact.getByText('The form was handed in and waits').waitFor();

    await openPart(office, PEOPLE, 'Countries');
    await office
      .locator(MAIN)
      .getByRole('link', { name: /Luxembourg/ })
      .first()
      .click();
    await office.getByLabel('Hosted server').selectOption({ label: 'mail.tcn.l.eu-admin.net' });
    await office.getByRole('button', { name: 'Accept the form' }).click();
    await office.getByText('The form was accepted').waitFor();
    await contact.reload();
    await contact.getByText('The form was accepted').first().waitFor();
  });

  test('T01 T02 Carla makes the account of Luxembourg’s administrator, who chooses the password', async () => {
    code = await createAccount(office, 'Léa', 'D’Huart');
    await office.getByRole('link', { name: 'Change the role' }).click();
    await office.getByLabel('Administrator of the country').check();
    await office.getByRole('button', { name: 'Change the role' }).click();
    await office.getByText('was changed').waitFor();
    await takeOver(desk, lea, code);
    await enterAdministration(desk, lea.password);
  });

  test('T03 Léa makes two more accounts, the fourth is refused', async () => {
    jeansCode = await createAccount(desk, 'Jean', 'Weber');
    await createAccount(desk, 'Marie', 'Schmit');
    await openAccounts(desk);
    await desk.getByText('allows 3 accounts in each country').waitFor();
    const country = await node.context.database.prisma.country.findFirstOrThrow({ where: { code: 'L' } });
    await desk.goto(`/administration/countries/${country.id}/accounts/new`);
    assert.equal(await desk.getByRole('button', { name: 'Create the account' }).count(), 0);
    assert.equal(await node.context.database.prisma.account.count({ where: { countryId: country.id } }), 3);
    await takePicture(desk, 'country-journey-fourth');
  });

  test('T10 T11 Carla issues Digital IDs to all of Luxembourg in one step', async () => {
    await openPart(office, 'Digital IDs', 'Issue');
    await office.locator(MAIN).getByRole('link', { name: 'Luxembourg (L)' }).click();
    await office.getByLabel('Passphrase of the issuing CA').fill(ISSUING_PASSPHRASE);
    await office.getByRole('button', { name: 'Issue to those that are chosen' }).click();
    await office.getByText('All had their turn').waitFor({ timeout: 60_000 });
    await takePicture(office, 'country-journey-issued');
  });

  test('T02 T12 Jean signs in, changes his password, asks for that of his file and installs it', async () => {
    const clerk = await open();
    desk = clerk;
    await takeOver(clerk, jean, jeansCode);
    await clerk.goto('/settings/password');
    await clerk.getByLabel('Present mailbox password').fill(jean.password);
    await clerk.getByLabel('New mailbox password').fill(chosenLater);
    await clerk.getByLabel('The same once more').fill(chosenLater);
    await clerk.getByRole('button', { name: 'Change the password' }).click();
    await clerk.getByText('Your mailbox password was changed').waitFor();
    await choosePassphrase(clerk, 'the keys of jean weber');
    await clerk.goto('/first-steps');
    await clerk.locator(MAIN).getByRole('link', { name: 'Install my Digital ID' }).click();
    await clerk.getByRole('button', { name: 'Ask for the password' }).click();
    await clerk.getByText('It will call you').waitFor();

    await office.goto('/administration');
    await office.getByRole('link', { name: '1 clerk asks for the password' }).click();
    await office.getByRole('link', { name: 'Release the password' }).click();
    await office.getByRole('button', { name: 'Show it now' }).click();
    await office.getByRole('heading', { name: 'Read this password out' }).waitFor();
    const password = await office.locator('p.code').innerText();

    await clerk.reload();
    await clerk.getByLabel('Password that was read to you').first().fill(password);
    await clerk.getByRole('button', { name: 'Install', exact: true }).click();
    await clerk.getByRole('heading', { name: 'Digital ID imported' }).waitFor();
    await clerk.goto('/first-steps');
    await clerk.locator(MAIN).getByRole('link', { name: 'Check it and decide' }).click();
    await clerk.locator('[name=thumbprint]').fill(grouped(rootThumbprint));
    await clerk.getByRole('button', { name: 'Compare, and trust if equal' }).click();
    await clerk.waitForURL('**/first-steps');
  });

  test('T16 T18 S03 Marta in Germany writes to Jean, who checks her root and answers signed and encrypted', async () => {
    await signIn(marta, world.people.marta);
    await firstSteps(marta, world, world.people.marta, 'the keys of marta klein');
    await marta.goto(`/drafts/new?to=${jean.address}`);
    await marta.getByRole('link', { name: 'Take it from the directory' }).click();
    await marta.getByRole('button', { name: `Add to contacts ${jean.name}` }).click();
    await marta.getByText('is among your contacts now').waitFor();
    await marta.goto('/drafts/new');
    await marta.getByLabel('To', { exact: true }).fill(jean.address);
    await marta.getByLabel('Subject').fill('Are you there?');
    await marta.locator('textarea[name=text]').fill('Signed only, so that you can see who I am.');
    await marta.locator('input[name=encrypt][type=checkbox]').uncheck();
    await marta.locator('button[name=do][value=send]').click();
    await marta.waitForURL(/\/letters\//);

    await openNewest(desk, 'Are you there?');
    await acceptRoot(desk);
    await desk.getByText('Signature trusted.').waitFor();
    await addToContacts(desk);
    await desk.goto(`/drafts/new?to=${world.people.marta.address}`);
    await fillAndSend(desk, { to: world.people.marta.address, subject: 'The answer', text: TEXT });

    await openNewest(marta, /The answer|Subject inside the encryption/);
    await marta.locator('.encryption', { hasText: 'Encrypted to you' }).waitFor();
    assert.match(await frameText(marta), new RegExp(TEXT));
    await acceptRoot(marta);
    await marta.getByText('Signature trusted.').waitFor();
    await addToContacts(marta);
    await marta.goto('/contacts');
    await marta.locator('.id-card', { hasText: jean.address }).locator('.vx:not(.x)').waitFor();
  });

  test('T15 T16 Carla revokes Jean’s Digital ID: Marta sees the X, and her letter to him is refused', async () => {
    await office.goto('/administration');
    await openPart(office, 'Digital IDs', 'Issued');
    await office.getByLabel('Look for').fill(jean.address);
    await office.getByRole('button', { name: 'Search' }).click();
    await office.getByRole('row', { name: jean.address }).getByRole('link').first().click();
    await office.getByLabel('Reason').selectOption({ index: 1 });
    await office.getByRole('button', { name: 'Revoke', exact: true }).click();
    await office.getByText('Revoked. It counts here at once').waitFor();

    await marta.goto('/contacts');
    await marta.locator('.id-card', { hasText: jean.address }).locator('.vx.x').waitFor();
    await takePicture(marta, 'country-journey-revoked');
    await marta.goto(`/drafts/new?to=${jean.address}`);
    await marta.getByLabel('To', { exact: true }).fill(jean.address);
    await marta.getByLabel('Subject').fill('Not to be sent');
    await marta.locator('textarea[name=text]').fill('This must not leave.');
    await marta.locator('button[name=do][value=send]').click();
    await marta.getByText('It was not sent. Everything you typed is kept.').waitFor();
    await marta.getByText('The Digital ID was revoked.').first().waitFor();
    assert.equal(await marta.locator('textarea[name=text]').inputValue(), 'This must not leave.');
    await takePicture(marta, 'country-journey-refused');
    await openNewest(marta, /The answer/);
    await marta
      .getByText(/revoked/i)
      .first()
      .waitFor();
  });

  test('no page complained in the console, and none asked another host', () => {
    for (const { requests, consoleErrors } of windows) {
      assert.deepEqual(
        consoleErrors.filter((line) => !/status of 4\d\d/.test(line)),
        [],
      );
      assert.deepEqual(
        requests.filter((url) => !url.startsWith(node.url) && !/^(data|about):/.test(url)),
        [],
      );
    }
  });
});
