import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Account, AnchorState, TrustAnchor } from '../../generated/prisma/client.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { compareThumbprint, normaliseThumbprint, type ThumbprintComparison } from '../../pki/thumbprint.ts';
import type { Database } from '../database/connect.ts';
import type { SignedIn } from '../sessions/session.ts';
import { recordDecision } from './trust-decisions.ts';

/** A root as it stands in the database. */
export type Anchor = TrustAnchor;

/** What brought a root here. */
export type AnchorSource = 'pfx' | 'file' | 'message' | 'contact' | 'programme';

/** Longest note on who read a thumbprint out. */
export const TOLD_BY_MAX = 200;

export type OfferedAnchor = { id: string; state: AnchorState; isNew: boolean };

/**
 * Puts a root on the trust page. It grants nothing until its thumbprint was confirmed (T13); one that is there already
 * keeps its state.
 */
export async function offerAnchor(
  database: Database,
  account: Pick<Account, 'id'>,
  root: Certificate,
  source: AnchorSource,
  at: Date,
): Promise<OfferedAnchor> {
  const created = await database.prisma.trustAnchor.createMany({
    skipDuplicates: true,
    data: { accountId: account.id, ...anchorData(root), state: 'offered', source, offeredAt: at },
  });
  const row = await database.prisma.trustAnchor.findUniqueOrThrow({
    where: { accountId_sha256: { accountId: account.id, sha256: root.sha256 } },
  });
  return { id: row.id, state: row.state, isNew: created.count === 1 };
}

function anchorData(root: Certificate) {
  return {
    certificate: new Uint8Array(root.der),
    subject: root.commonName ?? root.subject,
    sha1: root.sha1,
    sha256: root.sha256,
    notAfter: root.notAfter,
  };
}

/** A root of the clerk's own list. @throws AppError not-found, also for somebody else's */
export async function findAnchor(context: Context, session: SignedIn, id: string): Promise<TrustAnchor> {
  const anchor = await context.database.prisma.trustAnchor.findFirst({ where: { id, accountId: session.account.id } });
  if (!anchor) throw new AppError('not-found');
  return anchor;
}

/** A root that the clerk's programme stands behind. @throws AppError not-found */
export async function findProgrammeAnchor(context: Context, session: SignedIn, id: string): Promise<TrustAnchor> {
  const anchor = await context.database.prisma.trustAnchor.findFirst({
    where: { id, accountId: null, programmeId: session.account.country.programmeId, state: 'trusted' },
  });
  if (!anchor) throw new AppError('not-found');
  return anchor;
}

/** The programme's root of this certificate, if it has one: such a root is accepted, not confirmed. */
export async function programmeAnchorOf(
  context: Context,
  session: SignedIn,
  sha256: string,
): Promise<TrustAnchor | null> {
  return context.database.prisma.trustAnchor.findFirst({
    where: { sha256, accountId: null, programmeId: session.account.country.programmeId, state: 'trusted' },
  });
}

/** The clerk accepts a root that the administration confirmed by thumbprint; it counts from now on (T13). */
export async function acceptProgrammeAnchor(context: Context, session: SignedIn, anchor: TrustAnchor): Promise<void> {
  const at = context.now();
  const decided = { state: 'trusted' as const, programmeId: anchor.programmeId, decidedAt: at, onlyDomain: null };
  await context.database.prisma.trustAnchor.upsert({
    where: { accountId_sha256: { accountId: session.account.id, sha256: anchor.sha256 } },
    update: decided,
    create: {
      ...decided,
      accountId: session.account.id,
      certificate: anchor.certificate,
      subject: anchor.subject,
      sha1: anchor.sha1,
      sha256: anchor.sha256,
      notAfter: anchor.notAfter,
      source: 'programme',
      offeredAt: at,
    },
  });
  await recordDecision(context, session, { decision: 'programme-root-accepted', ...subjectOf(anchor) });
}

/** What somebody read out, and who it was. */
export type ReadOut = { typed: string; toldBy: string };

/**
 * The ceremony: a root becomes trusted only when the typed thumbprint is its own (S03). Anything else changes nothing
 * and does not tell where the two differ; a wrong one is kept in the trail.
 */
export async function confirmAnchor(
  context: Context,
  session: SignedIn,
  anchor: TrustAnchor,
  readOut: ReadOut & { onlyDomain?: string | null },
): Promise<ThumbprintComparison> {
  const outcome = compareThumbprint(readOut.typed, anchor);
  if (outcome === 'different') await auditRefusal(context, session, anchor.sha256);
  if (outcome !== 'equal') return outcome;
  // Confirmed by the clerk, so it no longer hangs on the programme's decision.
  await context.database.prisma.trustAnchor.updateMany({
    where: { id: anchor.id, accountId: session.account.id },
    data: {
      state: 'trusted',
      decidedAt: context.now(),
      programmeId: null,
      onlyDomain: readOut.onlyDomain ?? null,
    },
  });
  await recordDecision(context, session, {
    decision: readOut.onlyDomain ? 'root-trusted-for-domain' : 'root-trusted',
    ...subjectOf(anchor),
    comparedBy: comparedBy(readOut.typed),
    toldBy: readOut.toldBy,
  });
  return outcome;
}

/** Which of the two thumbprints was typed, by its length. */
export function comparedBy(typed: string): 'sha256' | 'sha1' {
  return normaliseThumbprint(typed).length === 64 ? 'sha256' : 'sha1';
}

export async function auditRefusal(context: Context, session: SignedIn, sha256: string): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'trust',
    object: sha256,
    result: 'refused',
    reason: 'thumbprint-different',
  });
}

/** The root counts no longer; it stays in the list, so that it can be confirmed anew. */
export async function withdrawAnchor(context: Context, session: SignedIn, anchor: TrustAnchor): Promise<void> {
  const withdrawn = await context.database.prisma.trustAnchor.updateMany({
    where: { id: anchor.id, accountId: session.account.id, state: 'trusted' },
    data: { state: 'withdrawn', decidedAt: context.now() },
  });
  if (withdrawn.count === 1)
    await recordDecision(context, session, { decision: 'root-withdrawn', ...subjectOf(anchor) });
}

/** Takes an offered root from the page; one that was ever trusted stays for the record. */
export async function dismissAnchor(context: Context, session: SignedIn, anchor: TrustAnchor): Promise<void> {
  await context.database.prisma.trustAnchor.deleteMany({
    where: { id: anchor.id, accountId: session.account.id, state: 'offered' },
  });
}

function subjectOf(anchor: TrustAnchor): { sha256: string; subject: string } {
  return { sha256: anchor.sha256, subject: anchor.subject };
}
