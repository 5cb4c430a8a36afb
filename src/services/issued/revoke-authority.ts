import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Authority, RevocationReason } from '../../generated/prisma/client.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import { isIssuedBy } from '../../pki/issued-by.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { type SigningResult, signListsWithPassphrase } from '../publishing/sign-with-passphrase.ts';
import type { SignedIn } from '../sessions/session.ts';

/** Of an issuing authority. There is no hold: its root would have to be opened twice. */
export const AUTHORITY_REVOCATION_REASONS = [
  'keyCompromise',
  'superseded',
  'cessationOfOperation',
] as const satisfies readonly RevocationReason[];

export type AuthorityRevocation =
  | SigningResult
  | { ok: false; problem: 'already' }
  | { ok: false; problem: 'root-elsewhere' };

/** The root of this programme that issued it, if its key is here. */
export async function rootOf(context: Context, issuing: Authority): Promise<Authority | null> {
  const certificate = parseCertificate(issuing.certificate);
  const roots = await context.database.prisma.authority.findMany({
    where: { programmeId: issuing.programmeId, kind: 'root', sealedPrivateKey: { not: null } },
  });
  return roots.find((root) => isIssuedBy(certificate, parseCertificate(root.certificate))) ?? null;
}

/**
 * Takes an issuing authority back, by its root's passphrase and for good: it issues no more, and with the root's new list nothing that it
 * issued counts any more, here and elsewhere.
 * @throws AppError `not-found` for one of another programme
 */
export async function revokeAuthority(
  context: Context,
  session: SignedIn,
  id: string,
  { reason, rootPassphrase }: { reason: RevocationReason; rootPassphrase: string },
): Promise<AuthorityRevocation> {
  const { prisma } = context.database;
  const programmeId = administeredProgramme(session).id;
  const row = await prisma.authority.findFirst({ where: { id, programmeId, kind: 'issuing' } });
  if (row === null) throw new AppError('not-found');
  if (row.revokedAt !== null) return { ok: false, problem: 'already' };
  const root = await rootOf(context, row);
  if (root === null) return { ok: false, problem: 'root-elsewhere' };
  let taken = 0;
  const signed = await signListsWithPassphrase(context, session, root, rootPassphrase, async () => {
    const at = context.now();
    const data = { revokedAt: at, revocationReason: reason, retiredAt: row.retiredAt ?? at };
    taken = (await prisma.authority.updateMany({ where: { id, revokedAt: null }, data })).count;
  });
  if (!signed.ok) return signed;
  if (taken === 0) return { ok: false, problem: 'already' };
  const { account, network } = session;
  const who = { accountId: account.id, actor: account.address, network };
  await context.audit.record({ ...who, action: 'revoke', object: row.sha256, result: 'done', reason });
  return { ok: true };
}
