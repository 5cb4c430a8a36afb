import type { Config } from '../../config.ts';
import { connectMailbox } from '../../mail/imap-connection.ts';
import { emptyMailbox } from '../../mail/imap-removal.ts';
import type { AuditTrail } from '../audit.ts';
import type { Database } from '../database/connect.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { mailServerOf } from './mail-server.ts';

type Needs = { database: Database; config: Config; audit: AuditTrail; now: () => Date };

const EVERY_MS = 10 * 60_000;
/** A mailbox that could not be emptied is tried again after this time, by whichever node comes first. */
const RETRY_MS = 60 * 60_000;

/** Empties the mailboxes of removed accounts whose time is over, and sets addresses free that rested long enough. */
export function startRemovingMail(needs: Needs): Rounds {
  return startRounds(EVERY_MS, () => removeDueMail(needs));
}

/** @returns how many mailboxes were emptied */
export async function removeDueMail(needs: Needs): Promise<number> {
  let removed = 0;
  for (;;) {
    const id = await claimDue(needs);
    if (id === null) break;
    if (await removeMailOf(needs, id)) removed += 1;
  }
  await releaseAddresses(needs);
  return removed;
}

/** One account at a time; two nodes never get the same one. */
async function claimDue({ database, now }: Needs): Promise<string | null> {
  const at = now();
  const claimed = await database.pool.query<{ id: string }>(
    `update account set mail_removal_tried_at = $1 where id = (
       select id from account where state = 'removed' and mail_removed_at is null and mail_kept_until <= $1
         and (mail_removal_tried_at is null or mail_removal_tried_at < $2)
       order by mail_kept_until limit 1 for update skip locked) returning id`,
    [at, new Date(at.getTime() - RETRY_MS)],
  );
  return claimed.rows[0]?.id ?? null;
}

/**
 * The messages through the service credential; then the vault, without which private keys, drafts and what else is sealed under it
 * open no more, for anybody, ever.
 */
async function removeMailOf({ database, config, audit, now }: Needs, id: string): Promise<boolean> {
  const account = await database.prisma.account.findUniqueOrThrow({
    where: { id },
    include: { country: { include: { mailServer: true } } },
  });
  const record = (result: 'done' | 'failed', reason: string) =>
    audit.record({
      ...{ accountId: null, actor: 'system', network: '', action: 'administration' as const },
      ...{ object: id, result, reason },
    });
  // Without the credential, or once the country has a server of its own, its operator has to do it; the page of the account says so.
  if (config.serviceMail === null || !account.country.mailServer.hosted) return false;
  const server = mailServerOf(account.country.mailServer);
  const connected = await connectMailbox(server, { ...config.serviceMail, authorizationUser: account.addressKey });
  if (!connected.ok) {
    await record('failed', `account: delete-mail, ${connected.reason}`);
    return false;
  }
  try {
    const emptied = await emptyMailbox(connected.connection);
    if (!emptied.ok) {
      await record('failed', `account: delete-mail, ${emptied.reason}`);
      return false;
    }
    const [marked] = await database.prisma.$transaction([
      database.prisma.account.updateMany({
        where: { id, state: 'removed', mailRemovedAt: null },
        data: { mailRemovedAt: now() },
      }),
      database.prisma.vault.deleteMany({ where: { accountId: id, account: { state: 'removed' } } }),
      database.prisma.lostVault.deleteMany({ where: { accountId: id, account: { state: 'removed' } } }),
    ]);
    await record('done', 'account: delete-mail');
    return marked.count === 1;
  } finally {
    await connected.connection.close();
  }
}

/**
 * The row stays, for what refers to it; its address is anybody's again, and what was sealed for its holder nobody's: without the vaults, the
 * present one and those given up, no private key opens any more.
 */
async function releaseAddresses({ database, now }: Needs): Promise<void> {
  await database.pool.query(
    `with released as (
       update account set address_key = 'released ' || id, address_rests_until = null
       where state = 'removed' and address_rests_until <= $1 and (mail_kept_until is null or mail_removed_at is not null)
       returning id),
     lost as (delete from lost_vault where account_id in (select id from released))
     delete from vault where account_id in (select id from released)`,
    [now()],
  );
}
