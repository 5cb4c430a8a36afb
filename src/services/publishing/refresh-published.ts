import type { Context } from '../../context.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { signIndirectList } from './publish-lists.ts';
import { forgetEndedKeys } from './status-signer.ts';

const MINUTE_MS = 60_000;
const EVERY_MS = MINUTE_MS;
/** Longer than signing may take. A node that is killed holds up nobody for longer. */
const LEASE_MS = 2 * MINUTE_MS;
const RETRY_MS = 10 * MINUTE_MS;

type Needs = Pick<Context, 'database' | 'config' | 'now'>;

/** Signs each authority's daily list, one node at a time. */
export function startSigningLists(context: Needs): Rounds {
  return startRounds(EVERY_MS, () => signDueLists(context));
}

/** Signs all that is due; gives how many lists were published. */
export async function signDueLists(context: Needs): Promise<number> {
  const { database, now } = context;
  await forgetEndedKeys(database, now());
  await removeReplacedLists(database, now());
  let signed = 0;
  for (;;) {
    const row = await claimDueAuthority(context);
    if (row === null) return signed;
    try {
      if ((await signIndirectList(context, row)) !== null) signed += 1;
      // Without a signer there is nothing to sign until the next ceremony; the overview says so.
      else await database.prisma.authority.update({ where: { id: row.id }, data: { listDueAt: null } });
    } catch {
      // Such as a K_srv that is missing here and there on another node.
      const listDueAt = new Date(now().getTime() + RETRY_MS);
      await database.prisma.authority.update({ where: { id: row.id }, data: { listDueAt } });
    }
    await database.prisma.authority.update({ where: { id: row.id }, data: { listClaimedUntil: null } });
  }
}

/** Takes the authority whose list is due for longest, for this node alone. */
async function claimDueAuthority({ database, now }: Needs): Promise<{ id: string; kind: 'issuing' } | null> {
  const claimed = await database.pool.query<{ id: string }>(
    `update authority set list_claimed_until = clock_timestamp() + $2 * interval '1 millisecond'
     where id = (
       select id from authority
       where kind = 'issuing' and list_due_at <= $1 and (list_claimed_until is null or list_claimed_until < clock_timestamp())
       order by list_due_at limit 1 for no key update skip locked)
     returning id`,
    [now(), LEASE_MS],
  );
  const id = claimed.rows[0]?.id;
  return id === undefined ? null : { id, kind: 'issuing' };
}

/** Of those that are over a newer one is published, and what a judgement rests on is kept as evidence elsewhere. */
async function removeReplacedLists(database: Context['database'], at: Date): Promise<void> {
  await database.pool.query(
    `delete from published_list l where next_update < $1 and exists (
       select 1 from published_list n where n.authority_id = l.authority_id and n.kind = l.kind and n.number > l.number)`,
    [at],
  );
}
