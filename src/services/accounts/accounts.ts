import { randomBytes } from 'node:crypto';
import { argon2id, hash } from 'argon2';
import type { Account, Country, Prisma } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';
import { isTaken } from '../database/taken.ts';
import { type AddressName, composeLocalPart } from './address-rule.ts';

export type Person = { firstName: string; surname: string };

/** What the address is made from where the names alone do not say it. */
export type AddressWish = {
  /** Names of another script in Latin letters, as an administrator confirmed them */
  latin?: Person;
  /** Which of those with these names it is, from 2 on */
  number?: number;
};

export type AccountResult =
  | { ok: true; account: Account }
  | {
      ok: false;
      problem: Extract<AddressName, { ok: false }>['problem'] | 'taken' | 'limit-reached' | 'weak-password';
    };

/** The account in the transaction that makes it; what is written besides stands or falls with it. */
export type AndThen = (tx: Prisma.TransactionClient, account: Account) => Promise<void>;

/** Checked by the mail server at each log-in, so cheaper than the keys' passphrase (OWASP's minimum for argon2id). */
const MAILBOX_COST = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 } as const;
export const PASSWORD_MIN_LENGTH = 10;

/** An account whose mailbox the hosted mail server serves (T01). The password is kept only as what that server checks. */
export async function createHostedAccount(
  database: Database,
  country: Country,
  person: Person & { password: string },
): Promise<AccountResult> {
  if (person.password.length < PASSWORD_MIN_LENGTH) return { ok: false, problem: 'weak-password' };
  return createAccount(database, country, person, await hashMailboxPassword(person.password));
}

/**
 * A hosted account whose holder chooses the password: it takes mail in at once, and nobody can sign in before.
 * @param andThen makes the code of the hand-over
 */
export async function openHostedAccount(
  database: Database,
  country: Country,
  person: Person & AddressWish,
  andThen: AndThen,
): Promise<AccountResult> {
  return createAccount(database, country, person, await hashOfNoPassword(), andThen);
}

/** An address of a country that runs its own server: listed, so that it may sign in; the password stays with that server. */
export async function listOwnAccount(
  database: Database,
  country: Country,
  person: Person & AddressWish,
): Promise<AccountResult> {
  return createAccount(database, country, person, null);
}

/** PHC form, as the scheme ARGON2ID of Dovecot reads it: `$argon2id$v=19$m=…`. */
export function hashMailboxPassword(password: string): Promise<string> {
  return hash(password, { ...MAILBOX_COST, type: argon2id });
}

/** Of 256 random bits that nobody has: the mail server refuses whatever is typed. */
export function hashOfNoPassword(): Promise<string> {
  return hashMailboxPassword(randomBytes(32).toString('base64'));
}

/** How the trigger of the database says that a country has as many accounts as the programme allows. */
export function isLimitReached(error: unknown): boolean {
  return error instanceof Error && error.message.includes('account_limit');
}

async function createAccount(
  database: Database,
  country: Country,
  { firstName, surname, latin, number }: Person & AddressWish,
  mailboxPasswordHash: string | null,
  andThen: AndThen = async () => {},
): Promise<AccountResult> {
  const name = composeLocalPart(latin?.firstName ?? firstName, latin?.surname ?? surname, number);
  if (!name.ok) return name;
  const address = `${name.localPart}@${country.domain}`;
  try {
    return await database.prisma.$transaction(async (tx) => {
      // The row lock makes parallel creations wait for each other, so that they hear why; the trigger holds the limit (T03).
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
      await andThen(tx, account);
      return { ok: true, account } as const;
    });
  } catch (error) {
    if (isTaken(error)) return { ok: false, problem: 'taken' };
    if (isLimitReached(error)) return { ok: false, problem: 'limit-reached' };
    throw error;
  }
}
