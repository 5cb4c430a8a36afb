import type { Account, AccountRole } from '../../src/generated/prisma/client.ts';
import type { TestApp } from './app.ts';
import { Clerk } from './clerk.ts';

/** An administrator behind the door: what stands there is proved in test/app/administration.test.ts. */
export async function enteredAdministrator(world: TestApp, account: Account, role: AccountRole): Promise<Clerk> {
  const { prisma } = world.database;
  const now = world.context.now();
  await prisma.account.update({ where: { id: account.id }, data: { role } });
  const factor = { sealedSecret: new Uint8Array(1), serverKeyVersion: '1', begunAt: now, confirmedAt: now };
  await prisma.totpFactor.upsert({
    where: { accountId: account.id },
    create: { accountId: account.id, ...factor },
    update: factor,
  });
  const clerk = await Clerk.signIn(world, account);
  await prisma.session.update({
    where: { id: clerk.sid.split('.')[0] ?? '' },
    data: { administrationUntil: new Date(now.getTime() + 30 * 60_000) },
  });
  return clerk;
}
