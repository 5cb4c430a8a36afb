import { argon2id, hash } from 'argon2';
import type { Account, Country } from '../../generated/prisma/client.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';
import { type AddressName, composeLocalPart } from './address-rule.ts';

export type Person = { firstName: string; surname: string };

export type AccountResult =
  | { ok: true; account: Account }
  | {
      ok: false;
      problem: Extract<AddressName, { ok: false }>['problem'] | 'taken' | 'limit-reached' | 'weak-password';
    };

/** Checked by the mail server at each log-in, so cheaper than the keys' passphrase (OWASP's minimum for argon2id). */
const MAILBOX_COST = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 } as const;
const PASSWORD_MIN_LENGTH = 10;

/** An account whose mailbox the hosted mail server serves (T01). The password is kept only as what that server checks. */
export async function createHostedAccount(
  database: Database,
  country: Country,
  person: Person & { password: string },
): Promise<AccountResult> {
  if (person.password.length < PASSWORD_MIN_LENGTH) return { ok: false, problem: 'weak-password' };
  return createAccount(database, country, person, await hashMailboxPassword(person.password));
}

/** An address of a country that runs its own server: listed, so that it may sign in; the password stays with that server. */
export async function listOwnAccount(database: Database, country: Country, person: Person): Promise<AccountResult> {
  return createAccount(database, country, person, null);
}

/** PHC form, as the scheme ARGON2ID of Dovecot reads it: `$argon2id$v=19$m=…`. */
export function hashMailboxPassword(password: string): Promise<string> {
  return hash(password, { ...MAILBOX_COST, type: argon2id });
}

async function createAccount(
  database: Database,
  country: Country,
  { firstName, surname }: Person,
  mailboxPasswordHash: string | null,
): Promise<AccountResult> {
  const name = composeLocalPart(firstName, surname);
  if (!name.ok) return name;
  const address = `${name.localPart}@${country.domain}`;
  try {
    return await database.prisma.$transaction(async (tx) => {
      // The row lock makes parallel creations for one country wait for each other: the limit (T03) holds in a race too.
      await tx.$queryRaw`select id from country where id = ${country.id}::uuid for update`;
      const programme = await tx.programme.findUniqueOrThrow({ where: { id: country.programmeId } });
      const taken = await tx.account.count({ where: { countryId: country.id, state: { not: 'removed' } } });
      if (taken >= programme.accountLimit) return { ok: false, problem: 'limit-reached' } as const;
      const account = await tx.account.create({
        data: {
          countryId: country.id,
          address,
          addressKey: address.toLowerCase(),
          firstName: firstName.trim(),
          surname: surname.trim(),
          mailboxPasswordHash,
        },
      });
      return { ok: true, account } as const;
    });
  } catch (error) {
    const isTaken = error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
    if (isTaken) return { ok: false, problem: 'taken' };
    throw error;
  }
}
