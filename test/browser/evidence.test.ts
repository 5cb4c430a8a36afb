import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import { verifyOwnEvidence } from '../../src/services/evidence/verify-evidence.ts';
import type { World } from '../../testbed/world.ts';
import { enterAdministration } from '../support/administration-door.ts';
import { launchBrowser, openWindow, type Window } from '../support/browser.ts';
import { sendThroughPages } from '../support/compose.ts';
import { signIn } from '../support/journey.ts';
import { PASSPHRASE, readyClerk, until } from '../support/ready-clerk.ts';
import { soundPages, WIDE } from '../support/sound-page.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const PLAIN = { sign: false, encrypt: false };
const LONG_MS = 60_000;

const assertSound = soundPages('evidence');

describe('the evidence of sent messages in Chromium', () => {
  let world: World;
  let node: Node;
  let browser: Browser;
  let alain: Visitor;
  let marta: Visitor;
  before(async () => {
    // However slow the machine is: what is delayed is not given up while the test looks at it.
    world = await startTestWorld({
      network: 164,
      times: { maximal_queue_lifetime: '10m', bounce_queue_lifetime: '10m' },
    });
    node = await startTestNode(world, { SIGN_IN_LIMIT: '1000' });
    alain = await readyClerk(node.url, world, world.people.alain);
    marta = await readyClerk(node.url, world, world.people.marta);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await world?.stop();
  });

  async function unlocked(person: World['people']['alain']): Promise<Window> {
    const window = await openWindow(browser, node.url, {});
    const { page } = window;
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await signIn(page, person);
    await page.goto('/keys/unlock');
    await page.getByLabel('Key passphrase').fill(PASSPHRASE);
    await page
      .locator('main')
      .getByRole('button', { name: /Unlock/ })
      .click();
    await page.waitForURL((url) => url.pathname !== '/keys/unlock');
    return window;
  }

  const whenSaid = (clerk: Visitor, url: string, said: RegExp) =>
    until(`${said}`, async () => said.test((await clerk.get(url)).text), LONG_MS);

  test('T24 the lanes of a message show what happened to it, and its evidence is saved as a file that verifies', async () => {
    const { marta: reader } = world.people;
    const all = `${reader.name} <${reader.address}>, Nobody.Here@tcn.d.eu-admin.net, ${world.people.carla.address}`;
    const url = await sendThroughPages(alain, {
      to: all,
      subject: 'Card 0417: three ways',
      text: 'hello',
      askReceipt: true,
      ...PLAIN,
    });
    const inbox = `/mail/${Buffer.from('INBOX').toString('base64url')}`;
    const message = await until('the message', async () => {
      const row = (await marta.get(inbox)).text.split('<tr role="row"').find((one) => one.includes('three ways'));
      return /<a class="subject" href="([^"]+)"/.exec(row ?? '')?.[1];
    });
    const reading = await unlocked(world.people.marta);
    await reading.page.goto(message);
    await reading.page.getByText('The sender asks to be told').waitFor();
    await assertSound(reading, 'receipt asked');
    await reading.page.getByRole('button', { name: 'Send the receipt' }).click();
    await reading.page.getByText('The receipt is on its way.').waitFor();
    await reading.context.close();
    await whenSaid(alain, url, /Opened, says a receipt/);
    await whenSaid(alain, url, /There is no such mailbox/);
    const window = await unlocked(world.people.alain);
    const { page } = window;
    await page.goto('/letters');
    await page.getByText('1 not delivered').first().waitFor();
    await assertSound(window, 'list');
    await page.goto(url);
    await page.getByRole('heading', { name: 'By recipient' }).waitFor();
    await assertSound(window, 'lanes');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download evidence' }).click(),
    ]);
    const verdict = await verifyOwnEvidence(node.context.database, fs.readFileSync(await download.path()));
    assert.deepEqual([verdict.valid, verdict.reasons], [true, []]);
    await window.context.close();
  });

  test('T24 a delayed message says until when it is tried', async () => {
    await world.testbed.stopServer('mail-d');
    try {
      const to = world.people.marta.address;
      const url = await sendThroughPages(alain, { to, subject: 'Patience', text: 'hello', ...PLAIN });
      await whenSaid(alain, url, /Delayed, still being tried/);
      const window = await unlocked(world.people.alain);
      await window.page.goto(url);
      await window.page.getByText('Not delivered yet').waitFor();
      await assertSound(window, 'delayed');
      await window.context.close();
    } finally {
      await world.testbed.startServer('mail-d');
    }
  });

  test('T24 a clerk asks for a receipt while writing, and finds the evidence from the copy in Sent', async () => {
    const window = await unlocked(world.people.alain);
    const { page } = window;
    await page.goto('/drafts/new');
    await page.getByLabel('To', { exact: true }).fill(world.people.carla.address);
    await page.getByLabel('Subject').fill('With receipt');
    await page.getByRole('checkbox', { name: /Ask for a receipt/ }).check();
    await page.getByRole('checkbox', { name: /Encrypt/ }).uncheck();
    await page.getByRole('button', { name: 'Save draft', exact: true }).click();
    await page.getByText(/saved/i).first().waitFor();
    assert.equal(await page.getByRole('checkbox', { name: /Ask for a receipt/ }).isChecked(), true);
    await assertSound(window, 'compose');
    await page
      .getByRole('button', { name: /Check and send|Send/ })
      .first()
      .click();
    await page.waitForURL('**/letters/*');
    const sent = `/mail/${Buffer.from('Sent').toString('base64url')}`;
    await until('the copy in Sent', async () => {
      await page.goto(sent);
      return (await page.getByRole('link', { name: 'With receipt' }).count()) > 0;
    });
    await page.getByRole('link', { name: 'With receipt' }).first().click();
    await page.getByRole('link', { name: 'Evidence of sending' }).click();
    await page.waitForURL('**/letters/*');
    await window.context.close();
  });

  test('T24 the central administrator follows a message over the relay, and certifies the key of evidence', async () => {
    const letter = await node.context.database.prisma.letter.findFirstOrThrow({
      where: { state: 'done' },
      orderBy: { createdAt: 'asc' },
    });
    const window = await openWindow(browser, node.url, {});
    const { page } = window;
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await signIn(page, world.people.carla);
    await enterAdministration(page, world.people.carla.password);
    const sections = page.getByRole('navigation', { name: 'Parts of the administration' });
    await sections.getByRole('link', { name: 'Watch' }).click();
    const watch = page.getByRole('navigation', { name: 'Watch' });
    await watch.getByRole('link', { name: 'Trace a message' }).click();
    await page.getByLabel('Message-ID').fill(letter.messageId);
    await until('the relay’s log', async () => {
      await page.getByLabel('Message-ID').fill(letter.messageId);
      await page.getByRole('button', { name: 'Show its way' }).click();
      return (await page.getByText('Handed on').count()) > 0;
    });
    await page.getByText('Refused for good').waitFor();
    await assertSound(window, 'trace');
    await watch.getByRole('link', { name: 'Evidence' }).click();
    await page.getByText('Evidence of TACHOnet, test phase').waitFor();
    await assertSound(window, 'key');
    await page.getByLabel(/assphrase/).fill(world.authorityPassphrase);
    await page.getByRole('button', { name: 'Certify a new key' }).click();
    await page.getByText('A new key signs the evidence from now on.').waitFor();
    await window.context.close();
  });
});
