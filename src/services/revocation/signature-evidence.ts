import { createHash } from 'node:crypto';
import type { SignatureEvidence } from '../../generated/prisma/client.ts';
import type { OpenedMessage } from '../../smime/verdict.ts';
import type { Database } from '../database/connect.ts';

/** Names a message wherever it is filed. Two that share it only share what is looked at, never the judgement. */
export function evidenceKey(message: { size: number; internalDate: Date }): string {
  return createHash('sha256').update(`${message.size} ${message.internalDate.toISOString()}`).digest('hex');
}

export function evidenceOf(
  database: Database,
  accountId: string,
  messageKey: string,
): Promise<SignatureEvidence | null> {
  return database.prisma.signatureEvidence.findUnique({ where: { accountId_messageKey: { accountId, messageKey } } });
}

/**
 * Keeps by what a signature was judged at its first opening, so that years later, with certificates over and lists replaced, it
 * is judged by the same. A later opening that knows more about revocation replaces it.
 */
export async function keepEvidence(
  database: Database,
  accountId: string,
  messageKey: string,
  signature: OpenedMessage['signature'],
  at: Date,
): Promise<void> {
  const signers = signature.signers.filter((signer) => signer.intact);
  const evidence = [...new Set(signers.flatMap((signer) => signer.revocation.evidence))].sort();
  if (evidence.length === 0) return;
  const chain = signers.flatMap((signer) => signer.path.slice(1).map((one) => one.der));
  await database.pool.query(
    `insert into signature_evidence (account_id, message_key, status, evidence, chain, judged_at)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (account_id, message_key) do update
       set status = excluded.status, evidence = excluded.evidence, chain = excluded.chain, judged_at = excluded.judged_at
       where signature_evidence.evidence is distinct from excluded.evidence`,
    [accountId, messageKey, signature.status, evidence, chain.map((der) => Buffer.from(der)), at],
  );
}

/** The next opening judges by what is published now. */
export async function forgetEvidence(database: Database, accountId: string, messageKey: string): Promise<void> {
  await database.prisma.signatureEvidence.deleteMany({ where: { accountId, messageKey } });
}
