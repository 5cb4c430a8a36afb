import type { Config } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { Country, MailServer, ReportLook } from '../../generated/prisma/client.ts';
import { readDeliveryReport } from '../../mail/delivery-report.ts';
import type { MailboxConnection } from '../../mail/imap-connection.ts';
import { readReadReceipt } from '../../mail/read-receipt.ts';
import { fetchReport, findReports, type LookedUntil, putAway, type ReportSource } from '../../mail/report-inbox.ts';
import { readReportOrigin } from '../../mail/report-origin.ts';
import { parseEntity } from '../../mime/parse.ts';
import { isSignedReceipt } from '../../smime/signed-receipt.ts';
import type { Database } from '../database/connect.ts';
import { takeUpReceipt, takeUpSignedReceipt } from './collect-receipts.ts';
import { type MatchedReport, matchReport } from './match-report.ts';
import { recordReport } from './record-report.ts';
import { cameFromListed, ownHostsOf } from './report-servers.ts';

export type CollectNeeds = Pick<Context, 'database' | 'audit' | 'workers' | 'revocation' | 'now'> & {
  config: Pick<Config, 'reportServers'>;
};

export type Collector = { id: string; address: string; country: Country & { mailServer: MailServer } };

export type Collected = { ok: true; until: LookedUntil } | { ok: false; reason: string };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HELD_FOR_MS = HOUR_MS;

/**
 * Looks through what came into an inbox since the last look. What is believed is recorded first and moved then, so that a
 * node that ends in between loses nothing. Everything else stays where it is, as it is.
 * @param from where the last look ended
 */
export async function collectReports(
  needs: CollectNeeds,
  account: Collector,
  connection: MailboxConnection,
  from: Pick<ReportLook, 'uidValidity' | 'lastUid'>,
): Promise<Collected> {
  const { database } = needs;
  const last = from.uidValidity === null ? null : { uidValidity: from.uidValidity, lastUid: Number(from.lastUid) };
  const found = await findReports(connection, last, await firstSubmission(database, account.id, needs.now()));
  if (!found.ok) return found;
  const { until, uids } = found.value;
  const known: number[] = [];
  let lastUid = until.lastUid;
  for (const uid of uids) {
    const source = await fetchReport(connection, until, uid);
    // Somebody moved it meanwhile.
    if (!source.ok && source.reason === 'gone') continue;
    if (!source.ok) return source;
    const outcome = await takeUp(needs, account, source.value).catch(() => 'failed' as const);
    if (outcome === true) known.push(uid);
    // Looked at again for a while; after it, one that cannot be kept must not hold up those behind it for ever.
    const isYoung = needs.now().getTime() - source.value.arrivedAt.getTime() < HELD_FOR_MS;
    if (outcome === 'failed' && isYoung) lastUid = Math.min(lastUid, uid - 1);
  }
  if (known.length > 0) {
    const moved = await putAway(connection, until, known);
    if (!moved.ok && moved.reason !== 'gone') return moved;
  }
  return { ok: true, until: { ...until, lastUid } };
}

/** Before it there is nothing to report on. */
async function firstSubmission(database: Database, accountId: string, at: Date): Promise<Date> {
  const oldest = await database.prisma.letter.aggregate({ where: { accountId }, _min: { createdAt: true } });
  return new Date((oldest._min.createdAt ?? at).getTime() - DAY_MS);
}

/** @returns whether the message is done with: recorded, and proved by its envelope id */
async function takeUp(needs: CollectNeeds, account: Collector, source: ReportSource): Promise<boolean> {
  const message = parseEntity(source.bytes);
  if (isSignedReceipt(message)) return takeUpSignedReceipt(needs, account, source);
  const receipt = readReadReceipt(message);
  if (receipt !== null) return takeUpReceipt(needs, account, source, message, receipt);
  const report = readDeliveryReport(message);
  if (report === null) return false;
  const origin = readReportOrigin(message, ownHostsOf(account.country.mailServer));
  if (!cameFromListed(origin, needs.config)) return false;
  const matched = await matchReport(needs.database, account.id, report);
  if (matched === null || (await isTooMuch(needs.database, matched))) return false;
  const { bytes, cut, arrivedAt } = source;
  const handedInBy = origin.handedInBy === 'own' ? '' : (origin.handedInBy ?? '');
  const { reportingMta } = report;
  const kept = {
    accountId: account.id,
    actor: account.address,
    matched,
    reportingMta,
    handedInBy,
    bytes,
    cut,
    arrivedAt,
  };
  await recordReport(needs, kept);
  return matched.proof === 'envelope';
}

/** Of what proves nothing only some is kept: its writer may be anybody who knows the message. */
const MAX_UNPROVED = 5;

async function isTooMuch({ prisma }: Database, { proof, about }: MatchedReport): Promise<boolean> {
  if (proof === 'envelope') return false;
  const [first] = about;
  const where = { envelopeId: first?.envelopeId ?? '', address: first?.address ?? '', proof };
  return (await prisma.recipientEvent.count({ where })) >= MAX_UNPROVED;
}
