import { Secret, TOTP } from 'otpauth';
import type { Page } from 'playwright-core';
import type { Node } from '../../src/server.ts';
import type { WorldPerson } from '../../testbed/world.ts';
import { signIn } from './journey.ts';

/** An administrator who is signed in sets up the second factor and comes to the first page of the administration. */
export async function enterAdministration(page: Page, password: string): Promise<void> {
  await page.goto('/administration');
  await page.getByLabel('Mailbox password').fill(password);
  await page.getByRole('button', { name: 'Show the secret' }).click();
  const secret = (await page.locator('dd.mono').innerText()).replaceAll(' ', '');
  await page.getByLabel('Code').fill(new TOTP({ secret: Secret.fromBase32(secret) }).generate());
  await page.getByLabel('Mailbox password').fill(password);
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByRole('heading', { name: 'Administration', exact: true }).waitFor();
}

/** The same past the door, for tests of what lies behind it: what it asks for is proved in administration.test.ts. */
export async function openDoor(page: Page, node: Node, person: WorldPerson): Promise<void> {
  const { prisma } = node.context.database;
  const account = await prisma.account.findUniqueOrThrow({ where: { addressKey: person.address.toLowerCase() } });
  const now = new Date();
  const factor = { sealedSecret: new Uint8Array(1), serverKeyVersion: '1', begunAt: now, confirmedAt: now };
  const where = { accountId: account.id };
  await prisma.totpFactor.upsert({ where, create: { ...where, ...factor }, update: factor });
  await prisma.session.updateMany({ where, data: { administrationUntil: new Date(now.getTime() + 30 * 60_000) } });
  await page.goto('/administration');
}

/** A new sign-in up to there, whatever second factor an earlier one set up. */
export async function signInToAdministration(page: Page, node: Node, person: WorldPerson): Promise<void> {
  await node.context.database.prisma.totpFactor.deleteMany();
  await signIn(page, person);
  await enterAdministration(page, person.password);
}
