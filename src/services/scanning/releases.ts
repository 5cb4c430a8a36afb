import { createHash, randomUUID } from 'node:crypto';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { AttachmentRelease } from '../../generated/prisma/client.ts';
import { administeredCountries } from '../administration/administered.ts';
import type { Database } from '../database/connect.ts';
import type { ReadMessage } from '../mailbox/read-message.ts';
import type { SignedIn } from '../sessions/session.ts';
import { recordScan } from './record-scan.ts';

/** `asked` → `released` → `used`, or `refused`. */
export type ReleaseState = 'asked' | 'released' | 'used' | 'refused';

const SHOWN = 200;

export function releaseState(row: Pick<AttachmentRelease, 'released' | 'usedAt'>): ReleaseState {
  if (row.released === null) return 'asked';
  if (!row.released) return 'refused';
  return row.usedAt === null ? 'released' : 'used';
}

/** What this holder asked for, by content. */
export async function readReleases(
  database: Database,
  accountId: string,
  sha256: readonly string[],
): Promise<Map<string, ReleaseState>> {
  const rows = await database.prisma.attachmentRelease.findMany({ where: { accountId, sha256: { in: [...sha256] } } });
  return new Map(rows.map((row) => [row.sha256, releaseState(row)]));
}

/** The holder asks an administrator. @returns false when that was done before: a content is asked for once */
export async function askForRelease(
  context: Context,
  session: SignedIn,
  { opened, facts }: ReadMessage,
  content: { sha256: string; finding: string; size: number },
): Promise<boolean> {
  const messageKey = createHash('sha256')
    .update(opened.messageId ?? '')
    .digest('hex');
  const made = await context.database.pool.query(
    `insert into attachment_release
       (id, account_id, sha256, finding, size, sender, arrived_at, message_key, asked_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (account_id, sha256) do nothing`,
    [
      ...[randomUUID(), session.account.id, content.sha256, content.finding, content.size],
      ...[(opened.from[0]?.address ?? '').slice(0, 320), facts.internalDate, messageKey, context.now()],
    ],
  );
  if (made.rowCount !== 1) return false;
  await recordScan(context, session, { sha256: content.sha256, result: 'done', reason: 'release-asked' });
  return true;
}

/** Uses a release up: of several requests at once the database lets one through. */
export async function takeRelease(context: Context, session: SignedIn, sha256: string): Promise<boolean> {
  const { count } = await context.database.prisma.attachmentRelease.updateMany({
    where: { accountId: session.account.id, sha256, released: true, usedAt: null },
    data: { usedAt: context.now() },
  });
  if (count !== 1) return false;
  await recordScan(context, session, { sha256, result: 'done', reason: 'release-used' });
  return true;
}

export type AskedRelease = AttachmentRelease & { name: string; address: string; own: boolean };

/** Requests of those whom this administrator answers for, undecided ones first. */
export async function administeredReleases(context: Context, session: SignedIn): Promise<AskedRelease[]> {
  const rows = await context.database.prisma.attachmentRelease.findMany({
    where: { account: { country: administeredCountries(session) } },
    include: { account: { select: { firstName: true, surname: true, address: true } } },
    orderBy: [{ decidedAt: { sort: 'desc', nulls: 'first' } }, { askedAt: 'asc' }],
    take: SHOWN,
  });
  return rows.map(({ account, ...row }) => ({
    ...row,
    name: `${account.firstName} ${account.surname}`,
    address: account.address,
    own: row.accountId === session.account.id,
  }));
}

/** Those that this administrator can decide. */
export function countOpenReleases(context: Context, session: SignedIn): Promise<number> {
  const account = { country: administeredCountries(session) };
  return context.database.prisma.attachmentRelease.count({
    where: { decidedAt: null, accountId: { not: session.account.id }, account },
  });
}

/** @throws AppError not-found, also for somebody else's country */
export async function administeredRelease(context: Context, session: SignedIn, id: string): Promise<AttachmentRelease> {
  const where = { id, account: { country: administeredCountries(session) } };
  const row = await context.database.prisma.attachmentRelease.findFirst({ where });
  if (row === null) throw new AppError('not-found');
  return row;
}

/** Releases or refuses, once. Nobody decides what he asked for himself. */
export async function decideRelease(
  context: Context,
  session: SignedIn,
  row: Pick<AttachmentRelease, 'id' | 'accountId' | 'sha256'>,
  released: boolean,
): Promise<'done' | 'decided' | 'own'> {
  if (row.accountId === session.account.id) return 'own';
  const { count } = await context.database.prisma.attachmentRelease.updateMany({
    where: { id: row.id, decidedAt: null },
    data: { released, decidedAt: context.now(), decidedBy: session.account.address },
  });
  if (count !== 1) return 'decided';
  const reason = released ? 'release-granted' : 'release-refused';
  await recordScan(context, session, { sha256: row.sha256, result: 'done', reason });
  return 'done';
}
