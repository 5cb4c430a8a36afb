import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { World, WorldPerson } from '../../testbed/world.ts';

/** What a clerk does in a browser, one function for each thing: the same with and without JavaScript. */

export const MAIN = 'main';

export async function signIn(page: Page, person: WorldPerson): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Address').fill(person.address);
  await page.getByLabel('Mailbox password').fill(person.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/(first-steps|mail)/);
}

/** First steps up to the self-test: passphrase, recovery code, `.pfx`, root by thumbprint. */
export async function firstSteps(page: Page, world: World, person: WorldPerson, passphrase: string): Promise<void> {
  await page.goto('/first-steps');
  await page.locator(MAIN).getByRole('link', { name: 'Choose the passphrase' }).click();
  await page.getByRole('textbox', { name: 'Key passphrase' }).fill(passphrase);
  await page.getByLabel('The same again').fill(passphrase);
  await page.getByRole('button', { name: 'Set the passphrase' }).click();
  assert.match(await page.locator('#recovery-code').innerText(), /^(\w{4}-){7}\w{4}$/);
  await page.getByRole('link', { name: 'I have written it down' }).click();

  await page.goto('/digital-ids/import');
  await page.locator('input[type=file]').setInputFiles(person.pfxFile);
  await page.getByLabel('Password of the file').fill(person.pfxPassword);
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByRole('heading', { name: 'Digital ID imported' }).waitFor();

  await page.goto('/first-steps');
  await page.locator(MAIN).getByRole('link', { name: 'Check it and decide' }).click();
  assert.ok(
    !(await page.content()).toUpperCase().includes(grouped(world.root.sha256)),
    'the thumbprint cannot be copied from the page',
  );
  await page.locator('[name=thumbprint]').fill(grouped(world.root.sha256));
  await page.getByRole('button', { name: 'Compare, and trust if equal' }).click();
  await page.waitForURL('**/first-steps');
}

export async function selfTest(page: Page): Promise<void> {
  await page.locator(MAIN).locator('form[action="/first-steps/self-test"] button').click();
  await openNewest(page, /test/i);
  await page.getByText('Signature trusted.').waitFor();
  await page.goto('/');
  await page.waitForURL(/\/mail/);
}

/** Opens the inbox again and again until a message with this subject is there, then opens it. */
export async function openNewest(page: Page, subject: RegExp | string): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    await page.goto('/mail');
    const link = page.locator('table.mail').getByRole('link', { name: subject }).first();
    if ((await link.count()) > 0) {
      await link.click();
      await page.locator('#subject').waitFor();
      return;
    }
    if (performance.now() > deadline) assert.fail(`no message ${subject} within 30 s`);
    await page.waitForTimeout(250);
  }
}

export async function addToContacts(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Add Digital ID to contacts' }).click();
  await page.waitForURL(/\/contacts\//);
}

export type Draft = {
  to?: string;
  subject?: string;
  text: string;
  file?: { name: string; mimeType: string; buffer: Buffer };
};

/** Fills the compose page that is shown, and sends. */
export async function fillAndSend(page: Page, draft: Draft): Promise<void> {
  if (draft.to !== undefined) await page.getByLabel('To', { exact: true }).fill(draft.to);
  if (draft.subject !== undefined) await page.getByLabel('Subject').fill(draft.subject);
  await page.locator('textarea[name=text]').fill(draft.text);
  if (draft.file) {
    await page.locator('input[name=file]').setInputFiles(draft.file);
    await page.locator('button[name=do][value=attach]').click();
    await page.locator('.files .name', { hasText: draft.file.name }).waitFor();
  }
  assert.ok(await page.locator('input[name=sign]').isChecked(), 'Sign is pressed by default');
  assert.ok(
    await page.locator('input[name=encrypt][type=checkbox], input[type=checkbox][disabled]').first().isChecked(),
    'Encrypt is pressed by default',
  );
  await page.locator('button[name=do][value=send]').click();
  await page.waitForURL(/\/letters\//);
}

/** The text in the sandboxed frame, as the reader sees it. */
export async function frameText(page: Page): Promise<string> {
  const frame = page.frameLocator('iframe');
  return frame.locator('body').innerText();
}

export function grouped(hex: string): string {
  return hex.toUpperCase().match(/.{4}/g)!.join(' ');
}

/** Goes to a part of the administration: by its group, or by its own name where it stands alone. */
export async function openPart(page: Page, group: string, part?: string): Promise<void> {
  const link = (navigation: string, name: string) =>
    page.getByRole('navigation', { name: navigation, exact: true }).getByRole('link', { name, exact: true });
  await link('Parts of the administration', group).click();
  if (part !== undefined) await link(group, part).click();
}
