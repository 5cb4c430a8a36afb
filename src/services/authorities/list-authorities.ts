import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Authority, AuthorityRequest } from '../../generated/prisma/client.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { issuingAuthorityOf } from '../identities/authorities.ts';
import type { SignedIn } from '../sessions/session.ts';
import { recordAuthority } from './record-authority.ts';

/**
 * - `issues`: the one whose passphrase is asked for at issuing
 * - `waits`: may issue, but a newer one does
 * - `key-here`, `key-elsewhere`: of a root
 */
export type AuthorityState = 'issues' | 'waits' | 'retired' | 'ended' | 'key-here' | 'key-elsewhere';

export type ListedAuthority = {
  row: Authority;
  certificate: Certificate;
  state: AuthorityState;
  issued: number;
};

export type Authorities = {
  roots: ListedAuthority[];
  issuing: ListedAuthority[];
  requests: AuthorityRequest[];
};

/** The programme's authorities, newest first, and those whose certificate is awaited. */
export async function readAuthorities(context: Context, session: SignedIn): Promise<Authorities> {
  const { prisma } = context.database;
  const programmeId = administeredProgramme(session).id;
  const at = context.now();
  const [rows, requests, current] = await Promise.all([
    prisma.authority.findMany({
      where: { programmeId },
      orderBy: { createdAt: 'desc' },
      include: { _count: { select: { issued: true } } },
    }),
    prisma.authorityRequest.findMany({ where: { programmeId }, orderBy: { createdAt: 'desc' } }),
    issuingAuthorityOf(context.database, programmeId, at),
  ]);
  const listed = rows.map(({ _count, ...row }) => {
    const certificate = parseCertificate(row.certificate);
    return { row, certificate, issued: _count.issued, state: stateOf(row, certificate, current?.id === row.id, at) };
  });
  const ofKind = (kind: Authority['kind']) => listed.filter(({ row }) => row.kind === kind);
  return { roots: ofKind('root'), issuing: ofKind('issuing'), requests };
}

function stateOf(row: Authority, { notAfter }: Certificate, issues: boolean, at: Date): AuthorityState {
  if (notAfter <= at) return 'ended';
  if (row.kind === 'root') return row.sealedPrivateKey === null ? 'key-elsewhere' : 'key-here';
  if (row.retiredAt !== null) return 'retired';
  return issues ? 'issues' : 'waits';
}

/** An authority of the administrator's programme. @throws AppError not-found */
export async function findAuthority(
  context: Context,
  session: SignedIn,
  id: string,
  kind: Authority['kind'],
): Promise<Authority> {
  const programmeId = administeredProgramme(session).id;
  const row = await context.database.prisma.authority.findFirst({ where: { id, programmeId, kind } });
  if (row === null) throw new AppError('not-found');
  return row;
}

/** Whether it may issue. What it issued stays as it is. @throws AppError not-found */
export async function setRetired(context: Context, session: SignedIn, id: string, retired: boolean): Promise<void> {
  const row = await findAuthority(context, session, id, 'issuing');
  await context.database.prisma.authority.update({
    where: { id: row.id },
    data: { retiredAt: retired ? context.now() : null },
  });
  await recordAuthority(context, session, row.sha256, 'done', retired ? 'authority-retired' : 'authority-resumed');
}
