import type { Context } from '../../context.ts';
import type { Account } from '../../generated/prisma/client.ts';
import {
  type AccountResult,
  type AddressWish,
  listOwnAccount,
  openHostedAccount,
  type Person,
} from '../accounts/accounts.ts';
import { makeHandOver, type NewHandOver } from '../accounts/hand-over.ts';
import type { Proposal } from '../accounts/propose-address.ts';
import type { SignedIn } from '../sessions/session.ts';
import type { AdministeredCountry } from './administered.ts';
import { recordAdministration } from './record.ts';

export type Created =
  | { ok: true; account: Account; handOver: NewHandOver | null }
  | { ok: false; problem: Extract<AccountResult, { ok: false }>['problem'] };

/** An account as it was proposed and confirmed: a hosted mailbox with its code, or an address of the country's own server. */
export async function createAccountOf(
  context: Context,
  session: SignedIn,
  country: AdministeredCountry,
  { person, latin, number }: Pick<Proposal, 'person' | 'latin' | 'number'>,
): Promise<Created> {
  const { database, config } = context;
  const wanted: Person & AddressWish = { ...person, number, ...(latin ? { latin } : {}) };
  let handOver: NewHandOver | null = null;
  const made = country.mailServer.hosted
    ? await openHostedAccount(database, country, wanted, async (tx, account) => {
        handOver = await makeHandOver(tx, config, account.id, context.now());
      })
    : await listOwnAccount(database, country, wanted);
  const object = made.ok ? made.account.id : country.domain;
  const reason = `account: ${country.mailServer.hosted ? 'create' : 'list'}${made.ok ? '' : `, ${made.problem}`}`;
  await recordAdministration(context, session, object, reason, made.ok ? 'done' : 'refused');
  return made.ok ? { ...made, handOver } : made;
}
