import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { administeredCountries } from '../administration/administered.ts';
import type { SignedIn } from '../sessions/session.ts';

export const ISSUED_A_PAGE = 50;
export const ISSUED_STATES = ['valid', 'held', 'revoked', 'ended', 'not-yet'] as const;
export type IssuedState = (typeof ISSUED_STATES)[number];

const HOLDER = {
  account: { include: { country: true } },
  authority: { select: { id: true, sha256: true, kind: true } },
} as const satisfies Prisma.IssuedCertificateInclude;
type Row = Prisma.IssuedCertificateGetPayload<{ include: typeof HOLDER }>;
type Holder = NonNullable<Row['account']>;

export type IssuedDigitalId = Omit<Row, 'account'> & { account: Holder; state: IssuedState };

/** What was taken back stays so also after its end. */
export function issuedState(
  row: Pick<Row, 'revokedAt' | 'revocationReason' | 'notBefore' | 'notAfter'>,
  at: Date,
): IssuedState {
  if (row.revokedAt !== null) return row.revocationReason === 'certificateHold' ? 'held' : 'revoked';
  if (row.notAfter <= at) return 'ended';
  return row.notBefore > at ? 'not-yet' : 'valid';
}

export type IssuedQuery = {
  /** Part of a name, an address, a serial number or a thumbprint */
  text: string;
  state: IssuedState | null;
  /** Counts from 1 */
  page: number;
};

/** Digital IDs that were issued to accounts this administrator answers for, newest first. */
export async function listIssued(
  context: Context,
  session: SignedIn,
  { text, state, page }: IssuedQuery,
): Promise<{ rows: IssuedDigitalId[]; total: number }> {
  const { prisma } = context.database;
  const at = context.now();
  const where = { AND: [administered(session), ...(state ? [inState(state, at)] : []), ...wordsOf(text).map(having)] };
  const [rows, total] = await Promise.all([
    prisma.issuedCertificate.findMany({
      where,
      include: HOLDER,
      orderBy: [{ issuedAt: 'desc' }, { id: 'asc' }],
      skip: (page - 1) * ISSUED_A_PAGE,
      take: ISSUED_A_PAGE,
    }),
    prisma.issuedCertificate.count({ where }),
  ]);
  return { rows: rows.flatMap((row) => presented(row, at)), total };
}

/** @throws AppError `not-found` for one that is somebody else's, as for one that is not there */
export async function findIssued(context: Context, session: SignedIn, id: string): Promise<IssuedDigitalId> {
  const row = await context.database.prisma.issuedCertificate.findFirst({
    where: { AND: [{ id }, administered(session)] },
    include: HOLDER,
  });
  const [found] = row === null ? [] : presented(row, context.now());
  if (found === undefined) throw new AppError('not-found');
  return found;
}

function presented({ account, ...row }: Row, at: Date): IssuedDigitalId[] {
  return account === null ? [] : [{ ...row, account, state: issuedState(row, at) }];
}

function administered(session: SignedIn): Prisma.IssuedCertificateWhereInput {
  return { account: { country: administeredCountries(session) } };
}

function inState(state: IssuedState, at: Date): Prisma.IssuedCertificateWhereInput {
  const held = { revocationReason: 'certificateHold' as const };
  switch (state) {
    case 'held':
      return { revokedAt: { not: null }, ...held };
    case 'revoked':
      return { revokedAt: { not: null }, NOT: held };
    case 'ended':
      return { revokedAt: null, notAfter: { lte: at } };
    case 'not-yet':
      return { revokedAt: null, notBefore: { gt: at } };
    case 'valid':
      return { revokedAt: null, notAfter: { gt: at }, notBefore: { lte: at } };
  }
}

const MOST_WORDS = 5;

/** A thumbprint is shown, and so copied, in groups. */
function wordsOf(text: string): string[] {
  const digits = text.replace(/[\s:]/g, '').toLowerCase();
  if (/^[0-9a-f]{16,64}$/.test(digits)) return [digits];
  return text.split(/\s+/).filter(Boolean).slice(0, MOST_WORDS);
}

function having(word: string): Prisma.IssuedCertificateWhereInput {
  const part = { contains: word.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' as const };
  return {
    OR: [
      { address: part },
      { serialNumber: part },
      { sha256: part },
      { account: { OR: [{ firstName: part }, { surname: part }] } },
    ],
  };
}
