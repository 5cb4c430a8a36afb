import type { Context } from '../../context.ts';
import type { Prisma, RegistrationStep } from '../../generated/prisma/client.ts';
import type { FieldChange } from './registration-form.ts';

export type StepName =
  | 'begun'
  | 'invited'
  | 'invitation-withdrawn'
  | 'opened'
  | 'saved'
  | 'submitted'
  | 'returned'
  | 'accepted'
  | 'suspended'
  | 'resumed'
  | 'removed';

/** Who did it: the contact by the name in the form, an administrator by the address. */
export type Actor = { side: 'contact' | 'country' | 'central'; name: string };

export type Step = {
  at: Date;
  step: StepName;
  side: Actor['side'];
  actor: string;
  reason: string;
  changes: FieldChange[];
};

/** More than this is no history that anybody reads; the newest are shown. */
const SHOWN = 200;

/** Adds a step; part of the transaction that makes it. Nothing of it is ever changed. */
export async function recordStep(
  tx: Prisma.TransactionClient,
  registrationId: string,
  at: Date,
  step: StepName,
  actor: Actor,
  more: { reason?: string; changes?: FieldChange[] } = {},
): Promise<void> {
  const { reason = '', changes = [] } = more;
  await tx.registrationStep.create({
    data: { registrationId, at, step, side: actor.side, actor: actor.name, reason, changes },
  });
}

/** What happened to a registration, newest first. */
export async function readHistory(context: Context, registrationId: string): Promise<Step[]> {
  const rows = await context.database.prisma.registrationStep.findMany({
    where: { registrationId },
    orderBy: { id: 'desc' },
    take: SHOWN,
  });
  return rows.map(stepOf);
}

/** Why it was returned last, however much was saved since. */
export async function lastReturn(context: Context, registrationId: string): Promise<Step | null> {
  const row = await context.database.prisma.registrationStep.findFirst({
    where: { registrationId, step: 'returned' },
    orderBy: { id: 'desc' },
  });
  return row && stepOf(row);
}

function stepOf({ at, step, side, actor, reason, changes }: RegistrationStep): Step {
  return {
    at,
    step: step as StepName,
    side: side as Actor['side'],
    actor,
    reason,
    changes: changes as FieldChange[],
  };
}
