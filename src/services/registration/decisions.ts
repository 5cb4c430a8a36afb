import { isIP } from 'node:net';
import type { Context } from '../../context.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import { composeDomain } from '../accounts/address-rule.ts';
import { mailServerValues } from '../accounts/programmes.ts';
import { readAuthorityPem, type TestedServer } from '../administration/mail-servers.ts';
import { recordAdministration } from '../administration/record.ts';
import type { SignedIn } from '../sessions/session.ts';
import { recordStep } from './history.ts';
import { type RegistrationFields, submissionFaults } from './registration-form.ts';
import type { OpenRegistration, Transaction } from './registrations.ts';

export const REASON_MAX = 2000;

export type DecisionProblem =
  /** Somebody else decided, or it was changed, meanwhile */
  | 'stale'
  /** The domain, or the sign, is another country's */
  | 'domain-taken'
  /** None of the programme's hosted servers was chosen */
  | 'no-server'
  /** The form no longer fits the programme */
  | 'not-valid'
  /** Accounts live where the mailboxes are: they would be left behind */
  | 'accounts-hosted-elsewhere';

export type Decision = { ok: true } | { ok: false; problem: DecisionProblem };

/** Ends the transaction that it is thrown in. */
class Refusal extends Error {
  readonly problem: DecisionProblem;
  constructor(problem: DecisionProblem) {
    super(problem);
    this.problem = problem;
  }
}

/** Back to whom it came from, with the reason. */
export async function returnRegistration(
  context: Context,
  session: SignedIn,
  registration: OpenRegistration,
  version: number,
  reason: string,
): Promise<Decision> {
  return decide(context, session, registration, 'registration-returned', async (tx) => {
    await take(tx, registration, version, { state: 'returned', changedAt: context.now() });
    const by = { side: 'central', name: session.account.address } as const;
    await recordStep(tx, registration.id, context.now(), 'returned', by, { reason });
  });
}

/**
 * The country takes part from now on, or its change holds: country, mail server and registration in one transaction.
 * @param mailServerId which hosted server serves the mailboxes; null for a country that runs its own
 */
export async function acceptRegistration(
  context: Context,
  session: SignedIn,
  registration: OpenRegistration,
  version: number,
  mailServerId: string | null,
): Promise<Decision> {
  return decide(context, session, registration, 'registration-accepted', async (tx) => {
    const { programmeId, code, isoCode, fields } = registration;
    const [programme] = await tx.$queryRaw<{ domain_pattern: string }[]>`
      select domain_pattern from programme where id = ${programmeId}::uuid for update`;
    const domain = registration.country?.domain ?? composeDomain(programme?.domain_pattern ?? '', code);
    if (Object.keys(submissionFaults(fields, domain)).length > 0) throw new Refusal('not-valid');
    await take(tx, registration, version, { state: 'accepted', accepted: fields, changedAt: context.now() });
    const serverId = await settleServer(tx, registration, domain, mailServerId);
    if (registration.countryId === null) {
      const country = await tx.country.create({
        data: { programmeId, code, isoCode, domain, mailServerId: serverId },
      });
      await tx.registration.update({ where: { id: registration.id }, data: { countryId: country.id } });
    } else await tx.country.update({ where: { id: registration.countryId }, data: { mailServerId: serverId } });
    const by = { side: 'central', name: session.account.address } as const;
    await recordStep(tx, registration.id, context.now(), 'accepted', by);
  });
}

async function decide(
  context: Context,
  session: SignedIn,
  registration: OpenRegistration,
  reason: string,
  work: (tx: Transaction) => Promise<void>,
): Promise<Decision> {
  try {
    await context.database.prisma.$transaction(work);
  } catch (error) {
    const problem = problemOf(error);
    if (problem === null) throw error;
    await recordAdministration(context, session, registration.id, `${reason} ${problem}`, 'refused');
    return { ok: false, problem };
  }
  await recordAdministration(context, session, registration.id, reason);
  return { ok: true };
}

function problemOf(error: unknown): DecisionProblem | null {
  if (error instanceof Refusal) return error.problem;
  const isTaken = error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
  return isTaken ? 'domain-taken' : null;
}

/** Only the version that was looked at, and only while it waits. */
async function take(
  tx: Transaction,
  { id, version: read }: OpenRegistration,
  version: number,
  data: Prisma.RegistrationUpdateManyMutationInput,
): Promise<void> {
  const { count } = await tx.registration.updateMany({
    where: { id, version: { equals: version, in: [read] }, state: 'submitted' },
    data: { ...data, version: { increment: 1 } },
  });
  if (count === 0) throw new Refusal('stale');
}

async function settleServer(
  tx: Transaction,
  { programmeId, countryId, fields }: OpenRegistration,
  domain: string,
  mailServerId: string | null,
): Promise<string> {
  const isHosted = fields.mailboxes === 'hosted';
  const before = countryId === null ? null : await lockedCountry(tx, countryId);
  if (before && before.mailServer.hosted !== isHosted && before._count.accounts > 0)
    throw new Refusal('accounts-hosted-elsewhere');
  if (isHosted) {
    const chosen = mailServerId && (await tx.mailServer.findFirst({ where: { id: mailServerId, hosted: true } }));
    if (!chosen) throw new Refusal('no-server');
    return chosen.id;
  }
  const values = mailServerValues({ ...namedServer(fields), hosted: false });
  const { mailServer: kept } = before ?? {};
  if (kept && !kept.hosted && kept.programmeId === programmeId && kept._count.countries === 1) {
    await tx.mailServer.update({ where: { id: kept.id }, data: values });
    return kept.id;
  }
  const name = await freeName(tx, domain);
  return (await tx.mailServer.create({ data: { name, programmeId, ...values } })).id;
}

/** Accounts are made under this lock too. */
async function lockedCountry(tx: Transaction, id: string) {
  await tx.$queryRaw`select id from country where id = ${id}::uuid for update`;
  return tx.country.findUniqueOrThrow({
    where: { id },
    include: {
      mailServer: { include: { _count: { select: { countries: true } } } },
      _count: { select: { accounts: true } },
    },
  });
}

/** The servers that a form names. */
export function namedServer(fields: RegistrationFields): TestedServer {
  const tls = (mode: string) => (mode === 'starttls' ? 'starttls' : 'implicit');
  return {
    imapHost: fields.imapHost,
    imapPort: Number(fields.imapPort),
    imapTls: tls(fields.imapTls),
    submissionHost: fields.submissionHost,
    submissionPort: Number(fields.submissionPort),
    submissionTls: tls(fields.submissionTls),
    // Where a host is an address, the certificate carries the server's name.
    serverName: isIP(fields.imapHost) + isIP(fields.submissionHost) > 0 ? fields.serverName : null,
    incomingHost: fields.serverName,
    incomingIp: fields.serverIp,
    caPem: fields.caPem === '' ? null : readAuthorityPem(Buffer.from(fields.caPem)),
  };
}

/** A server that exists is never taken over by the name of a new one. */
async function freeName(tx: Transaction, domain: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? domain : `${domain} ${number}`;
    if ((await tx.mailServer.count({ where: { name } })) === 0) return name;
  }
}
