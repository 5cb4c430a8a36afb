import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { ClientCertificatePolicy } from '../../generated/prisma/client.ts';
import { certificateDue } from '../sessions/client-certificate.ts';
import type { SignedIn } from '../sessions/session.ts';
import { administeredAccount, administeredCountries, administeredProgramme } from './administered.ts';
import { problemOf } from './manage-account.ts';
import { recordAdministration } from './record.ts';

const WAIVER_MS = 3 * 86_400_000;

export type CertificateAccount = {
  id: string;
  name: string;
  address: string;
  isoCode: string;
  /** Last sign-in with a certificate */
  seenAt: Date | null;
  /** By the holder's own choice */
  only: boolean;
  /** From when on the programme's rule means this account */
  due: Date | null;
  waivedUntil: Date | null;
  /** Whether this administrator may let the holder in without one, and end that */
  isMine: boolean;
};

/** Who signs in with a certificate, and who has to when; of the accounts that this administrator answers for. */
export async function listCertificateAccounts(context: Context, session: SignedIn): Promise<CertificateAccount[]> {
  const at = context.now();
  const rows = await context.database.prisma.account.findMany({
    where: { country: administeredCountries(session), state: { not: 'removed' } },
    include: { country: { include: { programme: true } } },
    orderBy: [{ country: { code: 'asc' } }, { surname: 'asc' }, { firstName: 'asc' }],
  });
  return rows.map((row) => ({
    id: row.id,
    name: `${row.firstName} ${row.surname}`,
    address: row.address,
    isoCode: row.country.isoCode,
    seenAt: row.certificateSeenAt,
    only: row.certificateOnly,
    due: certificateDue(row),
    waivedUntil:
      row.certificateWaivedUntil !== null && row.certificateWaivedUntil > at ? row.certificateWaivedUntil : null,
    isMine: problemOf(session, row) === null,
  }));
}

export type PolicyResult = { ok: true } | { ok: false; problem: 'own-session' | 'from' };

/**
 * The programme's rule. It can be required only by somebody who signed in with a certificate: then certificates reach the nodes, and
 * there is one administrator at least whom the rule does not shut out.
 * @param from for `required`: when it begins
 */
export async function saveCertificatePolicy(
  context: Context,
  session: SignedIn,
  policy: ClientCertificatePolicy,
  from: Date | null,
): Promise<PolicyResult> {
  if (policy === 'required' && session.certificateSha256 === null) return { ok: false, problem: 'own-session' };
  if (policy === 'required' && from === null) return { ok: false, problem: 'from' };
  const { id } = administeredProgramme(session);
  await context.database.prisma.programme.update({
    where: { id },
    data: { clientCertificates: policy, clientCertificatesFrom: policy === 'required' ? from : null },
  });
  await recordAdministration(context, session, id, `certificate-policy-${policy}`);
  return { ok: true };
}

/**
 * Lets the holder in without a certificate for three days: after a loss, or where the first one is late.
 * @throws AppError not-found; forbidden for the own account, and for a central one where a country asks
 */
export async function waiveCertificate(context: Context, session: SignedIn, accountId: string): Promise<Date> {
  const until = new Date(context.now().getTime() + WAIVER_MS);
  await setWaiver(context, session, accountId, until, 'certificate-waived');
  return until;
}

/** @throws AppError as `waiveCertificate` */
export async function endCertificateWaiver(context: Context, session: SignedIn, accountId: string): Promise<void> {
  await setWaiver(context, session, accountId, null, 'certificate-waiver-ended');
}

async function setWaiver(
  context: Context,
  session: SignedIn,
  accountId: string,
  until: Date | null,
  reason: string,
): Promise<void> {
  const account = await administeredAccount(context, session, accountId);
  const { id, role } = account;
  const isAllowed = problemOf(session, account) === null;
  // The role is asked again by the database: it may have been given at this very moment.
  const { count } = isAllowed
    ? await context.database.prisma.account.updateMany({ where: { id, role }, data: { certificateWaivedUntil: until } })
    : { count: 0 };
  await recordAdministration(context, session, id, reason, count === 1 ? 'done' : 'refused');
  if (count === 0) throw new AppError('forbidden');
}
