import { createHash, randomUUID } from 'node:crypto';
import type { ReportProof } from '../../generated/prisma/client.ts';
import type { ReportSource } from '../../mail/report-inbox.ts';
import { sealTo } from '../../vault/sealed-box.ts';
import type { AuditTrail } from '../audit.ts';
import type { Database } from '../database/connect.ts';
import { sealingKey } from '../drafts/drafts.ts';
import type { MatchedReport } from './match-report.ts';

export type ReportToRecord = {
  accountId: string;
  /** Address of the account, for the trail */
  actor: string;
  matched: MatchedReport;
  reportingMta: string | null;
  handedInBy: string;
  bytes: Buffer;
  cut: boolean;
  arrivedAt: Date;
};

type Needs = { database: Database; audit: AuditTrail; now: () => Date };

const MAX_ANSWER = 1_000;
const MAX_HOST = 255;

/** Associated data of a report that is kept. */
export function reportContext(accountId: string, sha256: string): string {
  return `letter report ${accountId} ${sha256}`;
}

/** Keeps a report with what it says, once: a second look at the same message changes nothing. */
export async function recordReport({ database, audit, now }: Needs, report: ReportToRecord): Promise<void> {
  const { accountId, actor, matched, bytes, arrivedAt, cut, handedInBy } = report;
  const { sha256, sealed } = await sealedReport(database, accountId, bytes);
  const id = randomUUID();
  const { letterId, proof } = matched;
  const recorded = await database.prisma.$transaction(async (rows) => {
    const kept = {
      id,
      letterId,
      kind: 'delivery' as const,
      sha256,
      sealed,
      cut,
      handedInBy,
      arrivedAt,
      recordedAt: now(),
    };
    const { count } = await rows.letterReport.createMany({ data: [kept], skipDuplicates: true });
    if (count === 0) return false;
    await rows.recipientEvent.createMany({
      data: matched.about.map(({ envelopeId, address, said }) => ({
        ...{ reportId: id, envelopeId, address, proof },
        action: said.action,
        status: said.status,
        reportingMta: clean(report.reportingMta, MAX_HOST),
        remoteMta: clean(said.remoteMta, MAX_HOST),
        answer: clean(said.diagnostic, MAX_ANSWER),
        at: momentOf(said.lastAttemptAt, arrivedAt),
        willRetryUntil: said.willRetryUntil,
      })),
    });
    return true;
  });
  if (!recorded) return;
  const reasons = new Set(matched.about.map(({ said }) => `report-${said.action}`));
  for (const reason of reasons) {
    const event = { accountId, actor, network: 'reports', action: 'send-state', object: letterId } as const;
    await audit.record({ ...event, result: reason === 'report-failed' ? 'failed' : 'done', reason });
  }
}

async function sealedReport(database: Database, accountId: string, bytes: Buffer) {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const key = await sealingKey(database, accountId);
  return { sha256, sealed: new Uint8Array(sealTo(key, bytes, reportContext(accountId, sha256))) };
}

export type ReceiptToRecord = {
  letterId: string;
  recipient: { envelopeId: string; address: string };
  source: Pick<ReportSource, 'bytes' | 'cut' | 'arrivedAt'>;
  proof: ReportProof;
  action: string;
  /** Who says so: a program, or the name in a certificate */
  program: string | null;
  signature: string | null;
};

/** Keeps a receipt of a reader, once. */
export async function recordReceipt(
  { database, audit, now }: Needs,
  account: { id: string; address: string },
  { letterId, recipient, source, proof, action, program, signature }: ReceiptToRecord,
): Promise<void> {
  const { bytes, cut, arrivedAt } = source;
  const { sha256, sealed } = await sealedReport(database, account.id, bytes);
  const id = randomUUID();
  const kept = {
    id,
    letterId,
    kind: 'receipt' as const,
    sha256,
    sealed,
    cut,
    handedInBy: '',
    arrivedAt,
    recordedAt: now(),
  };
  const recorded = await database.prisma.$transaction(async (rows) => {
    const { count } = await rows.letterReport.createMany({ data: [kept], skipDuplicates: true });
    if (count === 0) return false;
    const said = { proof, action, signature, at: arrivedAt, answer: clean(program, MAX_ANSWER) };
    await rows.recipientEvent.create({ data: { reportId: id, ...recipient, ...said } });
    return true;
  });
  if (!recorded) return;
  const event = { accountId: account.id, actor: account.address, network: 'reports', action: 'send-state' } as const;
  await audit.record({
    ...event,
    object: letterId,
    result: 'done',
    reason: signature === null ? 'receipt' : 'signed-receipt',
  });
}

/** A report cannot speak of what came after it. */
function momentOf(said: Date | null, arrivedAt: Date): Date {
  return said !== null && said < arrivedAt ? said : arrivedAt;
}

function clean(text: string | null, length: number): string | null {
  return text === null ? null : text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, length);
}
