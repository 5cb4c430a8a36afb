import type { Context } from '../../context.ts';
import type { RevocationReason } from '../../generated/prisma/client.ts';
import { listIsDue, signIndirectList } from '../publishing/publish-lists.ts';
import { type SigningResult, signListsWithPassphrase } from '../publishing/sign-with-passphrase.ts';
import type { SignedIn } from '../sessions/session.ts';
import type { IssuedDigitalId } from './list-issued.ts';

/** Of a Digital ID, in the order of the form. */
export const REVOCATION_REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
] as const satisfies readonly RevocationReason[];

export type Revocation = {
  reason: RevocationReason;
  /** Since when the key may have been in other hands; null: since now */
  invalidSince: Date | null;
};

export type RevocationResult =
  /** `published`: the new list is in force, here at once and for partners who fetch it */
  { ok: true; published: boolean } | { ok: false; problem: 'already' | 'ended' | 'since-future' | 'since-before' };

/**
 * Takes a Digital ID back: recorded first, so that nothing can lose it, then named by a new list at once, by which messages and contacts
 * are judged here as everywhere. A hold can become final, nothing else can change.
 */
export async function revokeDigitalId(
  context: Context,
  session: SignedIn,
  issued: IssuedDigitalId,
  { reason, invalidSince }: Revocation,
): Promise<RevocationResult> {
  const at = context.now();
  if (issued.notAfter <= at) return { ok: false, problem: 'ended' };
  if (invalidSince !== null && invalidSince > at) return { ok: false, problem: 'since-future' };
  if (invalidSince !== null && invalidSince < issued.notBefore) return { ok: false, problem: 'since-before' };
  const done = await context.database.prisma.$transaction(async (tx) => {
    const taken = await tx.issuedCertificate.updateMany({
      where: { id: issued.id, revokedAt: null },
      data: { revokedAt: at, revocationReason: reason, invalidSince },
    });
    // What became of a hold counts since the hold: mail that came meanwhile was judged by it.
    const held =
      reason === 'certificateHold'
        ? { count: 0 }
        : await tx.issuedCertificate.updateMany({
            where: { id: issued.id, revocationReason: 'certificateHold' },
            data: { revocationReason: reason, ...(invalidSince === null ? {} : { invalidSince }) },
          });
    if (taken.count + held.count === 0) return false;
    // What its holder put away stays so when a hold is lifted.
    const used = reason === 'certificateHold' ? { state: 'active' as const } : {};
    await tx.digitalId.updateMany({ where: { sha256: issued.sha256, ...used }, data: { state: 'revoked' } });
    await listIsDue(tx, issued.authority.id, at);
    return true;
  });
  if (!done) return { ok: false, problem: 'already' };
  await record(context, session, issued.sha256, 'done', reason);
  return { ok: true, published: (await signIndirectList(context, issued.authority)) !== null };
}

export type ReinstatementResult = SigningResult | { ok: false; problem: 'not-held' };

/**
 * Lifts a hold. The list that the authority itself signed may name the Digital ID for days, and nobody can unsay it but the authority:
 * hence its passphrase.
 */
export async function reinstateDigitalId(
  context: Context,
  session: SignedIn,
  issued: IssuedDigitalId,
  passphrase: string,
): Promise<ReinstatementResult> {
  if (issued.state !== 'held') return { ok: false, problem: 'not-held' };
  const { prisma } = context.database;
  const row = await prisma.authority.findUniqueOrThrow({ where: { id: issued.authority.id } });
  let lifted = false;
  const signed = await signListsWithPassphrase(context, session, row, passphrase, async () => {
    lifted = await liftHold(context, issued);
  });
  if (!signed.ok) return signed;
  if (!lifted) return { ok: false, problem: 'not-held' };
  await record(context, session, issued.sha256, 'done', 'reinstated');
  return { ok: true };
}

function liftHold({ database, now }: Context, issued: IssuedDigitalId): Promise<boolean> {
  return database.prisma.$transaction(async (tx) => {
    const lifted = await tx.issuedCertificate.updateMany({
      where: { id: issued.id, revocationReason: 'certificateHold', revokedAt: { not: null } },
      data: { revokedAt: null, revocationReason: null, invalidSince: null },
    });
    if (lifted.count === 0) return false;
    await tx.digitalId.updateMany({ where: { sha256: issued.sha256, state: 'revoked' }, data: { state: 'active' } });
    await listIsDue(tx, issued.authority.id, now());
    return true;
  });
}

async function record(
  context: Context,
  session: SignedIn,
  object: string,
  result: 'done' | 'refused',
  reason: string,
): Promise<void> {
  const { account, network } = session;
  const who = { accountId: account.id, actor: account.address, network };
  await context.audit.record({ ...who, action: 'revoke', object, result, reason });
}
