import type { Context } from '../../context.ts';
import type { Programme } from '../../generated/prisma/client.ts';
import type { SignedIn } from '../sessions/session.ts';
import { administeredProgramme } from './administered.ts';
import { isPatternTaken } from './programmes.ts';

/** What a central administrator may change about the programme. */
export type ProgrammeRules = Pick<
  Programme,
  | 'name'
  | 'phase'
  | 'domainPattern'
  | 'accountLimit'
  | 'digitalIdDays'
  | 'keyAlgorithm'
  | 'keyPairs'
  | 'allowedRecipientDomains'
  | 'revocationPolicy'
  | 'markingPolicy'
  | 'scannerPolicy'
>;

export const RULE_BOUNDS = {
  name: 100,
  accountLimit: { least: 1, most: 1000 },
  digitalIdDays: { least: 1, most: 1100 },
  domains: 200,
} as const;

/** The addresses of countries follow from the pattern: it is fixed as soon as there is one, or one is about to be. */
export async function isPatternFixed(context: Context, session: SignedIn): Promise<boolean> {
  const where = { programmeId: administeredProgramme(session).id };
  const [countries, registrations] = await Promise.all([
    context.database.prisma.country.count({ where }),
    context.database.prisma.registration.count({ where }),
  ]);
  return countries + registrations > 0;
}

/**
 * Everything at once, as the form has it; the trail keeps which rules changed, not their values.
 * @returns false when the pattern is another programme's, or was fixed meanwhile
 */
export async function saveProgrammeRules(context: Context, session: SignedIn, rules: ProgrammeRules): Promise<boolean> {
  const programme = administeredProgramme(session);
  const changed = (Object.keys(rules) as (keyof ProgrammeRules)[]).filter(
    (name) => JSON.stringify(rules[name]) !== JSON.stringify(programme[name]),
  );
  if (changed.length === 0) return true;
  const saved = await context.database.prisma.$transaction(async (tx) => {
    if (changed.includes('domainPattern')) {
      if (await isPatternTaken(tx, rules.domainPattern, programme.id)) return false;
      // Countries and registrations are made under this lock too.
      await tx.$queryRaw`select id from programme where id = ${programme.id}::uuid for update`;
      const where = { programmeId: programme.id };
      if ((await tx.country.count({ where })) + (await tx.registration.count({ where })) > 0) return false;
    }
    await tx.programme.update({ where: { id: programme.id }, data: rules });
    return true;
  });
  if (!saved) return false;
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'administration',
    object: programme.id,
    result: 'done',
    reason: `programme: ${changed.join(', ')}`,
  });
  return true;
}
