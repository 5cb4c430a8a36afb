import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import type { RequestedUse } from '../../generated/prisma/enums.ts';
import { certificateRequestPem } from '../../pki/certificate-request.ts';
import { identitiesOf, isUsable } from '../identities/own-keys.ts';
import type { SignedIn } from '../sessions/session.ts';

const DAY_MS = 86_400_000;
const RENEWAL_DAYS = 30;

export type RequestWithKeys = Prisma.CertificateRequestGetPayload<{ include: { keys: true } }>;

/** Whether this clerk may ask an outside authority now (T21: one per clerk). */
export type RequestPermission =
  | { ok: true }
  /** The programme issues itself, for one month (T11) */
  | { ok: false; reason: 'test-phase' }
  | { ok: false; reason: 'already-open'; id: string }
  /** The present one is good for longer; `from`: when it may be renewed */
  | { ok: false; reason: 'not-yet'; notAfter: Date; from: Date };

export async function requestPermission(context: Context, session: SignedIn): Promise<RequestPermission> {
  const { account } = session;
  const open = await openRequest(context, account.id);
  if (open !== null) return { ok: false, reason: 'already-open', id: open.id };
  if (account.country.programme.phase === 'test') return { ok: false, reason: 'test-phase' };
  const at = context.now();
  const rows = await identitiesOf(context.database, account.id);
  const ends = (['sign', 'encrypt'] as const).map((purpose) =>
    Math.max(0, ...rows.filter((row) => isUsable(row, account.address, purpose, at)).map((row) => +row.notAfter)),
  );
  const end = Math.min(...ends);
  const from = end - RENEWAL_DAYS * DAY_MS;
  if (from <= at.getTime()) return { ok: true };
  return { ok: false, reason: 'not-yet', notAfter: new Date(end), from: new Date(from) };
}

/** Whether requests concern this clerk: in production, and as long as there are any. */
export async function asksOutside(context: Context, { account }: SignedIn): Promise<boolean> {
  if (account.country.programme.phase === 'production') return true;
  return (await context.database.prisma.certificateRequest.count({ where: { accountId: account.id } })) > 0;
}

export async function openRequest(context: Context, accountId: string): Promise<RequestWithKeys | null> {
  return context.database.prisma.certificateRequest.findFirst({
    where: { accountId, state: 'open' },
    include: { keys: { orderBy: { use: 'asc' } } },
  });
}

/** All of this account, the newest first. */
export async function listRequests(context: Context, session: SignedIn): Promise<RequestWithKeys[]> {
  return context.database.prisma.certificateRequest.findMany({
    where: { accountId: session.account.id },
    include: { keys: { orderBy: { use: 'asc' } } },
    orderBy: [{ madeAt: 'desc' }, { id: 'asc' }],
    take: 50,
  });
}

/** @throws AppError not-found, also for somebody else's */
export async function findRequest(context: Context, session: SignedIn, id: string): Promise<RequestWithKeys> {
  const request = await context.database.prisma.certificateRequest.findFirst({
    where: { id, accountId: session.account.id },
    include: { keys: { orderBy: { use: 'asc' } } },
  });
  if (!request) throw new AppError('not-found');
  return request;
}

export type RequestFile = { name: string; bytes: Buffer };

/** The PKCS#10 file again, as often as wanted: there is nothing secret in it. @throws AppError not-found */
export async function requestFile(
  context: Context,
  session: SignedIn,
  id: string,
  use: RequestedUse,
  form: 'pem' | 'der',
): Promise<RequestFile> {
  const key = (await findRequest(context, session, id)).keys.find((each) => each.use === use);
  if (!key) throw new AppError('not-found');
  const person = session.account.address.split('@')[0]?.replace(/[^\w.-]+/g, '_') || 'request';
  const part = use === 'both' ? '' : `-${use}`;
  const bytes = Buffer.from(form === 'der' ? key.pkcs10 : certificateRequestPem(key.pkcs10));
  return { name: `${person}${part}.${form === 'der' ? 'der' : 'csr'}`, bytes };
}

/**
 * Gives a request up; the keys that still wait for a certificate are erased.
 * @returns false when it was closed already
 */
export async function withdrawRequest(context: Context, session: SignedIn, id: string): Promise<boolean> {
  const request = await findRequest(context, session, id);
  const closed = await context.database.prisma.$transaction(async (tx) => {
    const { count } = await tx.certificateRequest.updateMany({
      where: { id: request.id, state: 'open' },
      data: { state: 'withdrawn', closedAt: context.now() },
    });
    if (count === 1)
      await tx.requestedKey.updateMany({ where: { requestId: request.id }, data: { sealedPrivateKey: null } });
    return count === 1;
  });
  await recordRequest(
    context,
    session,
    id,
    closed ? 'done' : 'refused',
    closed ? 'request withdrawn' : 'request closed',
  );
  return closed;
}

export async function recordRequest(
  context: Context,
  session: SignedIn,
  object: string,
  result: 'done' | 'refused',
  reason: string,
): Promise<void> {
  const { account, network } = session;
  const who = { accountId: account.id, actor: account.address, network };
  await context.audit.record({ ...who, action: 'certificate-request', object, result, reason });
}
