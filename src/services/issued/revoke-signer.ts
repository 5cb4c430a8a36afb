import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Prisma, RevocationReason } from '../../generated/prisma/client.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { listIsDue, signIndirectList } from '../publishing/publish-lists.ts';
import { type SigningResult, signListsWithPassphrase } from '../publishing/sign-with-passphrase.ts';
import type { SignedIn } from '../sessions/session.ts';

/** Of a key that the installation itself signs with. There is no hold: it would sign again what nobody may believe. */
export const SIGNER_REVOCATION_REASONS = [
  'keyCompromise',
  'superseded',
  'cessationOfOperation',
] as const satisfies readonly RevocationReason[];
export type SignerRevocationReason = (typeof SIGNER_REVOCATION_REASONS)[number];

const NO_KEY = new Uint8Array();

/**
 * Takes a key for evidence back: nothing is signed with it from now on, and its key is forgotten. Recorded first, then named by a new
 * list where somebody can sign one; whoever verifies here needs no list.
 * @throws AppError `not-found` for one of another programme, as for one that is not there
 */
export async function revokeEvidenceSigner(
  context: Context,
  session: SignedIn,
  id: string,
  reason: SignerRevocationReason,
): Promise<{ ok: true; published: boolean } | { ok: false; problem: 'already' }> {
  const { prisma } = context.database;
  const programmeId = administeredProgramme(session).id;
  const signer = await prisma.evidenceSigner.findFirst({
    where: { id, authority: { programmeId } },
    include: { authority: true },
  });
  if (signer === null) throw new AppError('not-found');
  const taken = await prisma.$transaction(async (tx) => {
    const count = await takeBack(tx, [signer.sha256], reason, context.now());
    await tx.evidenceSigner.update({ where: { id }, data: { sealedPrivateKey: NO_KEY } });
    await listIsDue(tx, signer.authorityId, context.now());
    return count > 0;
  });
  if (!taken) return { ok: false, problem: 'already' };
  await record(context, session, signer.sha256, 'evidence-signer-revoked');
  return { ok: true, published: (await signIndirectList(context, signer.authority)) !== null };
}

/**
 * Takes back who signs the daily list and the answers in an authority's place, and those who did before. By the authority's passphrase:
 * only its own list can name them, and the next one is certified along, who signs from now on.
 * @param shown SHA-256 of the one that the page showed, so that a form sent twice does not take back the next one
 * @throws AppError `not-found` for an authority of another programme, as for one that is not there
 */
export async function revokeStatusSigner(
  context: Context,
  session: SignedIn,
  authorityId: string,
  { shown, reason, passphrase }: { shown: string; reason: SignerRevocationReason; passphrase: string },
): Promise<SigningResult | { ok: false; problem: 'already' }> {
  const { prisma } = context.database;
  const programmeId = administeredProgramme(session).id;
  const row = await prisma.authority.findFirst({ where: { id: authorityId, programmeId, kind: 'issuing' } });
  const signer = row && (await prisma.statusSigner.findFirst({ where: { authorityId: row.id, sha256: shown } }));
  if (row === null || signer === null) throw new AppError('not-found');
  const where = { authorityId, createdAt: { lte: signer.createdAt }, notAfter: { gt: context.now() } };
  const going = (await prisma.statusSigner.findMany({ where, select: { sha256: true } })).map((each) => each.sha256);
  let taken = 0;
  const signed = await signListsWithPassphrase(context, session, row, passphrase, async () => {
    taken = await prisma.$transaction(async (tx) => {
      await tx.statusSigner.updateMany({ where: { sha256: { in: going } }, data: { sealedPrivateKey: NO_KEY } });
      return takeBack(tx, going, reason, context.now());
    });
  });
  if (!signed.ok) return signed;
  if (taken === 0) return { ok: false, problem: 'already' };
  await record(context, session, shown, 'status-signer-revoked');
  return { ok: true };
}

async function takeBack(
  tx: Prisma.TransactionClient,
  sha256: readonly string[],
  revocationReason: SignerRevocationReason,
  at: Date,
): Promise<number> {
  const taken = await tx.issuedCertificate.updateMany({
    where: { sha256: { in: [...sha256] }, revokedAt: null },
    data: { revokedAt: at, revocationReason },
  });
  return taken.count;
}

async function record(context: Context, session: SignedIn, object: string, reason: string): Promise<void> {
  const { account, network } = session;
  const who = { accountId: account.id, actor: account.address, network };
  await context.audit.record({ ...who, action: 'revoke', object, result: 'done', reason });
}
