import type { Prisma } from '../../generated/prisma/client.ts';

/**
 * Ends the sessions of an account, also one whose sign-in is under way now.
 * @param but the one that goes on
 * @returns their ids: the caller closes their mailbox connections once the transaction is done
 */
export async function endSessionsOf(
  tx: Prisma.TransactionClient,
  accountId: string,
  at: Date,
  but: string | null = null,
): Promise<string[]> {
  const where = { accountId, ...(but === null ? {} : { id: { not: but } }) };
  const rows = await tx.session.findMany({ where, select: { id: true } });
  await tx.session.deleteMany({ where });
  await tx.account.update({ where: { id: accountId }, data: { signedOutAt: at } });
  return rows.map((row) => row.id);
}
