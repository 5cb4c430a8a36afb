import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { TrustAnchor, TrustRequest } from '../../generated/prisma/client.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { compareThumbprint, type ThumbprintComparison } from '../../pki/thumbprint.ts';
import { readOrNull } from '../contacts/contact-marks.ts';
import type { SignedIn } from '../sessions/session.ts';
import { administeredProgramme } from './administered.ts';

/** Longest note of a clerk and answer of the administration. */
export const NOTE_MAX = 500;

export type ProgrammeRoot = { row: TrustAnchor; certificate: Certificate; accepted: number };
export type AskedRoot = TrustRequest & { account: { firstName: string; surname: string; address: string } };

/** Roots that the programme stands behind or stood behind, each with how many clerks accepted it; and what clerks asked for. */
export async function readProgrammeTrust(
  context: Context,
  session: SignedIn,
): Promise<{ roots: ProgrammeRoot[]; open: AskedRoot[]; decided: AskedRoot[] }> {
  const { prisma } = context.database;
  const programmeId = administeredProgramme(session).id;
  const who = { account: { select: { firstName: true, surname: true, address: true } } };
  const [rows, accepted, open, decided] = await Promise.all([
    prisma.trustAnchor.findMany({ where: { programmeId, accountId: null }, orderBy: { offeredAt: 'asc' } }),
    prisma.trustAnchor.groupBy({
      by: ['sha256'],
      where: { programmeId, accountId: { not: null }, state: 'trusted' },
      _count: true,
    }),
    prisma.trustRequest.findMany({ where: { programmeId, state: 'open' }, include: who, orderBy: { askedAt: 'asc' } }),
    prisma.trustRequest.findMany({
      where: { programmeId, state: { not: 'open' } },
      include: who,
      orderBy: { decidedAt: 'desc' },
      take: 50,
    }),
  ]);
  const counts = new Map(accepted.map((group) => [group.sha256, group._count]));
  const roots = rows.flatMap((row) => {
    const certificate = readOrNull(row.certificate);
    return certificate ? [{ row, certificate, accepted: counts.get(row.sha256) ?? 0 }] : [];
  });
  return { roots, open, decided };
}

/** Puts a root on the administration's page; it grants nothing before its thumbprint was compared. */
export async function offerProgrammeRoot(context: Context, session: SignedIn, root: Certificate): Promise<TrustAnchor> {
  const programmeId = administeredProgramme(session).id;
  return context.database.prisma.$transaction(async (tx) => {
    // Without an account it stands outside of the unique index, so the row of the programme is locked while one is added.
    await tx.$queryRaw`select id from programme where id = ${programmeId}::uuid for update`;
    const known = await tx.trustAnchor.findFirst({ where: { programmeId, accountId: null, sha256: root.sha256 } });
    if (known) return known;
    const offered = { state: 'offered' as const, source: 'file', offeredAt: context.now() };
    return tx.trustAnchor.create({ data: { ...anchorOf(root), programmeId, ...offered } });
  });
}

/**
 * The programme stands behind a root whose thumbprint was read out to the administrator. Clerks still accept it, each once (T13).
 * Requests for it are answered by that.
 */
export async function confirmProgrammeRoot(
  context: Context,
  session: SignedIn,
  row: TrustAnchor,
  typed: string,
): Promise<ThumbprintComparison> {
  const outcome = compareThumbprint(typed, row);
  if (outcome === 'different') await recordTrust(context, session, row.sha256, 'refused', 'thumbprint-different');
  if (outcome !== 'equal') return outcome;
  const { prisma } = context.database;
  const decidedAt = context.now();
  await prisma.$transaction([
    prisma.trustAnchor.updateMany({ where: { id: row.id, accountId: null }, data: { state: 'trusted', decidedAt } }),
    prisma.trustRequest.updateMany({
      where: { programmeId: administeredProgramme(session).id, sha256: row.sha256, state: 'open' },
      data: { state: 'accepted', decidedAt },
    }),
  ]);
  await recordTrust(context, session, row.sha256, 'done', 'programme-root-added');
  return outcome;
}

/** Takes an offered root from the page; one that was ever trusted stays for the record. */
export async function dismissProgrammeRoot(context: Context, row: TrustAnchor): Promise<void> {
  await context.database.prisma.trustAnchor.deleteMany({ where: { id: row.id, accountId: null, state: 'offered' } });
}

function anchorOf(root: Certificate) {
  return {
    certificate: new Uint8Array(root.der),
    subject: root.commonName ?? root.subject,
    sha1: root.sha1,
    sha256: root.sha256,
    notAfter: root.notAfter,
  };
}

/** A root of the administrator's programme. @throws AppError not-found */
export async function findProgrammeRoot(context: Context, session: SignedIn, id: string): Promise<TrustAnchor> {
  const programmeId = administeredProgramme(session).id;
  const row = await context.database.prisma.trustAnchor.findFirst({ where: { id, programmeId, accountId: null } });
  if (!row) throw new AppError('not-found');
  return row;
}

/** The programme no longer stands behind it: it falls for every clerk who only accepted it on the programme's word. */
export async function withdrawProgrammeRoot(context: Context, session: SignedIn, row: TrustAnchor): Promise<void> {
  await context.database.prisma.trustAnchor.updateMany({
    where: { id: row.id, accountId: null },
    data: { state: 'withdrawn', decidedAt: context.now() },
  });
  await recordTrust(context, session, row.sha256, 'done', 'programme-root-withdrawn');
}

/** A request of the administrator's programme. @throws AppError not-found */
export async function findTrustRequest(context: Context, session: SignedIn, id: string): Promise<AskedRoot> {
  const programmeId = administeredProgramme(session).id;
  const row = await context.database.prisma.trustRequest.findFirst({
    where: { id, programmeId },
    include: { account: { select: { firstName: true, surname: true, address: true } } },
  });
  if (!row) throw new AppError('not-found');
  return row;
}

export async function declineTrustRequest(
  context: Context,
  session: SignedIn,
  request: TrustRequest,
  answer: string,
): Promise<void> {
  const declined = await context.database.prisma.trustRequest.updateMany({
    where: { id: request.id, state: 'open' },
    data: { state: 'declined', decidedAt: context.now(), answer },
  });
  if (declined.count === 1) await recordTrust(context, session, request.sha256, 'done', 'programme-root-declined');
}

/** A clerk asks the administration to stand behind a root; asked again after an answer, it is open again. */
export async function askForRoot(context: Context, session: SignedIn, root: Certificate, note: string): Promise<void> {
  const accountId = session.account.id;
  const asked = { note, state: 'open' as const, askedAt: context.now(), decidedAt: null, answer: '' };
  const { notAfter: _, ...facts } = anchorOf(root);
  await context.database.prisma.trustRequest.upsert({
    where: { accountId_sha256: { accountId, sha256: root.sha256 } },
    create: { accountId, programmeId: session.account.country.programmeId, ...facts, ...asked },
    update: asked,
  });
  await recordTrust(context, session, root.sha256, 'done', 'asked-for');
}

/** What this clerk asked for, newest first. */
export function ownTrustRequests(context: Context, session: SignedIn): Promise<TrustRequest[]> {
  return context.database.prisma.trustRequest.findMany({
    where: { accountId: session.account.id },
    orderBy: { askedAt: 'desc' },
    take: 50,
  });
}

async function recordTrust(
  context: Context,
  session: SignedIn,
  object: string,
  result: 'done' | 'refused',
  reason: string,
): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: reason === 'asked-for' ? 'trust' : 'administration',
    object,
    result,
    reason,
  });
}
