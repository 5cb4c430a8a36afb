import { Prisma } from '../../generated/prisma/client.ts';

/** Whether the database refused a row because another one is there already. */
export function isTaken(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
}
