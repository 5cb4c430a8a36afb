import type { Prisma, ReportProof } from '../../generated/prisma/client.ts';
import { isAbout } from '../../mail/delivery-report.ts';
import type { DeliveryReport, RecipientReport } from '../../mail/report.ts';
import type { Database } from '../database/connect.ts';

/** Which letter a report is about, and what it says of which of its recipients. */
export type MatchedReport = {
  letterId: string;
  proof: ReportProof;
  about: { envelopeId: string; address: string; said: RecipientReport }[];
};

type Envelope = Prisma.EnvelopeGetPayload<{ include: { recipients: { select: { address: true } } } }>;
const WITH_RECIPIENTS = { recipients: { select: { address: true } } } as const;

/**
 * The letter of this account that a report is about. Who knows the envelope id is a server of this message: it is random, and
 * no reader ever sees it (docs/decisions/026). A report that names another one is about no letter of ours, whatever else it
 * quotes; one that names none is a hint by the Message-ID, which every recipient knows.
 */
export async function matchReport(
  database: Database,
  accountId: string,
  report: DeliveryReport,
): Promise<MatchedReport | null> {
  const proof = report.envelopeId === null ? 'hint' : 'envelope';
  const envelopes = await envelopesOf(database, accountId, report);
  const about = report.recipients.flatMap((said) => {
    const found = recipientOf(envelopes, said);
    return found === null ? [] : [{ ...found, said }];
  });
  const letterId = envelopes[0]?.letterId;
  return letterId === undefined || about.length === 0 ? null : { letterId, proof, about };
}

function envelopesOf(database: Database, accountId: string, report: DeliveryReport): Promise<Envelope[]> {
  const { envelopeId, messageId } = report;
  if (envelopeId === null && messageId === null) return Promise.resolve([]);
  const where =
    envelopeId === null
      ? { letter: { accountId, messageId: messageId as string } }
      : { envelopeId, letter: { accountId } };
  return database.prisma.envelope.findMany({ where, include: WITH_RECIPIENTS });
}

function recipientOf(envelopes: readonly Envelope[], said: RecipientReport) {
  for (const envelope of envelopes) {
    const found = envelope.recipients.find(({ address }) => isAbout(said, address));
    if (found) return { envelopeId: envelope.id, address: found.address };
  }
  return null;
}

/** Whether any report about this envelope was recorded: then a server has it. */
export async function wasReported(database: Database, envelopeId: string): Promise<boolean> {
  return (await database.prisma.recipientEvent.count({ where: { envelopeId, proof: 'envelope' } })) > 0;
}
