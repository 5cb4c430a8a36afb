import type pg from 'pg';
import type { Prisma } from '../../generated/prisma/client.ts';
import { withConnection } from '../database/borrowed-connection.ts';
import type { Database } from '../database/connect.ts';
import { removeUnusedContents } from './content-chunks.ts';

/** Of a letter `l`: no server has it or may have it. */
export const NOBODY_HAS_IT = `l.state = 'queued'
  and not exists (select 1 from envelope e join envelope_recipient r on r.envelope_id = e.id
                  where e.letter_id = l.id and r.state <> 'queued')
  and not exists (select 1 from envelope e join submission_attempt a on a.envelope_id = e.id
                  where e.letter_id = l.id and a.outcome in ('unknown', 'handing-over'))`;

/** The draft becomes this letter; its sealed files wait with it. */
export async function keepAttachments(
  client: Pick<pg.ClientBase, 'query'>,
  accountId: string,
  draftId: string,
  letterId: string,
): Promise<void> {
  await client.query(
    `update draft_attachment set letter_id = $3, draft_id = null
     where draft_id in (select id from draft where id = $1 and account_id = $2)`,
    [draftId, accountId, letterId],
  );
}

/** The letter was taken back; its files are a draft's again. */
export async function giveBackAttachments(
  tx: Prisma.TransactionClient,
  letterId: string,
  draftId: string,
): Promise<void> {
  await tx.draftAttachment.updateMany({ where: { letterId }, data: { letterId: null, draftId } });
}

/** Lets the sealed files go once the letter can be taken back no more: what leaves is in the bytes of its envelopes. */
export async function releaseAttachments(database: Database, letterId: string): Promise<void> {
  await withConnection(database.pool, async (client) => {
    try {
      await client.query('begin');
      const released = await client.query<{ content_id: string }>(
        `delete from draft_attachment k using letter l
         where l.id = $1 and k.letter_id = l.id and not (${NOBODY_HAS_IT}) returning k.content_id`,
        [letterId],
      );
      // Together: a node that is killed between the two would leave the bytes for a day.
      await removeUnusedContents(
        client,
        released.rows.map((row) => row.content_id),
      );
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    }
  });
}
