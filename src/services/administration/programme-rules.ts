import type { Context } from '../../context.ts';
import type { Programme } from '../../generated/prisma/client.ts';
import type { SignedIn } from '../sessions/session.ts';
import { administeredProgramme } from './administered.ts';

/** What a central administrator may change about the programme. */
export type ProgrammeRules = Pick<
  Programme,
  'name' | 'accountLimit' | 'digitalIdDays' | 'allowedRecipientDomains' | 'revocationPolicy' | 'markingPolicy'
>;

export const RULE_BOUNDS = {
  name: 100,
  accountLimit: { least: 1, most: 1000 },
  digitalIdDays: { least: 1, most: 1100 },
  domains: 200,
} as const;

/** Everything at once, as the form has it; the trail keeps which rules changed, not their values. */
export async function saveProgrammeRules(context: Context, session: SignedIn, rules: ProgrammeRules): Promise<void> {
  const programme = administeredProgramme(session);
  const changed = (Object.keys(rules) as (keyof ProgrammeRules)[]).filter(
    (name) => JSON.stringify(rules[name]) !== JSON.stringify(programme[name]),
  );
  if (changed.length === 0) return;
  await context.database.prisma.programme.update({ where: { id: programme.id }, data: rules });
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'administration',
    object: programme.id,
    result: 'done',
    reason: `programme: ${changed.join(', ')}`,
  });
}
