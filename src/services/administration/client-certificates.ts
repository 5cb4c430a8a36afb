import type { Context } from '../../context.ts';
import type { ClientCertificatePolicy } from '../../generated/prisma/client.ts';
import { certificateDue } from '../sessions/client-certificate.ts';
import type { SignedIn } from '../sessions/session.ts';
import { administeredAccount, administeredCountries, administeredProgramme } from './administered.ts';

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
  await record(context, session, id, `certificate-policy-${policy}`);
  return { ok: true };
}

/** Lets the holder in without a certificate for three days: after a loss, or where the first one is late. @throws AppError not-found */
export async function waiveCertificate(context: Context, session: SignedIn, accountId: string): Promise<Date> {
  const account = await administeredAccount(context, session, accountId);
  const until = new Date(context.now().getTime() + WAIVER_MS);
  await setWaiver(context, account.id, until);
  await record(context, session, account.id, 'certificate-waived');
  return until;
}

/** @throws AppError not-found */
export async function endCertificateWaiver(context: Context, session: SignedIn, accountId: string): Promise<void> {
  const account = await administeredAccount(context, session, accountId);
  await setWaiver(context, account.id, null);
  await record(context, session, account.id, 'certificate-waiver-ended');
}

async function setWaiver(context: Context, id: string, until: Date | null): Promise<void> {
  await context.database.prisma.account.update({ where: { id }, data: { certificateWaivedUntil: until } });
}

async function record(context: Context, session: SignedIn, object: string, reason: string): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'administration',
    object,
    result: 'done',
    reason,
  });
}
