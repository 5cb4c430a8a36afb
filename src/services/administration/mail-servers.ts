import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { type MailServer, Prisma } from '../../generated/prisma/client.ts';
import type { MailServer as MailPlace } from '../../mail/mail-server.ts';
import { type MailServerProbe, probeMailServer } from '../../mail/probe-server.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { readCertificates, toPem } from '../../pki/certificate-bundle.ts';
import { PkiError } from '../../pki/errors.ts';
import { mailServerOf } from '../accounts/mail-server.ts';
import { mailServerValues, type NewMailServer } from '../accounts/programmes.ts';
import { countAttempt } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { administeredProgramme } from './administered.ts';
import { recordAdministration } from './record.ts';

export const SERVER_NAME_MAX = 100;
/** Of one administrator in a quarter of an hour. */
const TESTS_MAX = 30;

/**
 * Servers that countries run themselves are the programme's to change. Hosted ones are the installation's: they are shown the
 * service credential, so that only the operator says where they are (docs/decisions/017).
 */
export type OwnMailServer = Omit<NewMailServer, 'hosted'>;
export type UsedMailServer = MailServer & { countries: { id: string; code: string; isoCode: string }[] };

/** Those of the programme, and the hosted ones, with the countries of the programme that use them. */
export function readMailServers(context: Context, session: SignedIn): Promise<UsedMailServer[]> {
  const programmeId = administeredProgramme(session).id;
  return context.database.prisma.mailServer.findMany({
    where: { OR: [{ programmeId }, { hosted: true }] },
    include: {
      countries: {
        where: { programmeId },
        select: { id: true, code: true, isoCode: true },
        orderBy: { code: 'asc' },
      },
    },
    orderBy: { name: 'asc' },
  });
}

/** @throws AppError `not-found` for one of another programme, as for one that is not there */
export async function findMailServer(context: Context, session: SignedIn, id: string): Promise<UsedMailServer> {
  const found = (await readMailServers(context, session)).find((server) => server.id === id);
  if (!found) throw new AppError('not-found');
  return found;
}

export type MailServerResult = { ok: true; id: string } | { ok: false; problem: 'name-taken' };

export function createMailServer(
  context: Context,
  session: SignedIn,
  server: OwnMailServer,
): Promise<MailServerResult> {
  const programmeId = administeredProgramme(session).id;
  const data = { name: server.name, programmeId, ...mailServerValues({ ...server, hosted: false }) };
  return saved(context, session, 'mail-server-made', () => context.database.prisma.mailServer.create({ data }));
}

/** @throws AppError `not-found` for a hosted one */
export async function updateMailServer(
  context: Context,
  session: SignedIn,
  { id, hosted }: UsedMailServer,
  server: OwnMailServer,
): Promise<MailServerResult> {
  if (hosted) throw new AppError('not-found');
  const data = { name: server.name, ...mailServerValues({ ...server, hosted }) };
  return saved(context, session, 'mail-server-changed', () =>
    context.database.prisma.mailServer.update({ where: { id }, data }),
  );
}

async function saved(
  context: Context,
  session: SignedIn,
  reason: string,
  write: () => Promise<MailServer>,
): Promise<MailServerResult> {
  try {
    const { id } = await write();
    await recordAdministration(context, session, id, reason);
    return { ok: true, id };
  } catch (error) {
    const isTaken = error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
    if (isTaken) return { ok: false, problem: 'name-taken' };
    throw error;
  }
}

export type TestResult = { ok: true; probe: MailServerProbe } | { ok: false; retryAt: Date };

/** What is connected to: the servers of one country, and where mail for it comes in. */
export type TestedServer = MailPlace & { incomingHost: string | null; incomingIp: string | null };

export function testedServerOf(row: MailServer): TestedServer {
  return { ...mailServerOf(row), incomingHost: row.incomingHost, incomingIp: row.incomingIp };
}

/**
 * Connects without signing in; what came back is data.
 * @param object whose servers they are, for the trail
 */
export async function testMailServer(
  context: Context,
  session: SignedIn,
  object: string,
  server: TestedServer,
): Promise<TestResult> {
  const { database, config } = context;
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const counted = await countAttempt(database, 'mail-server', session.account.id, TESTS_MAX, key, context.now());
  const result = counted.allowed ? 'done' : 'refused';
  await recordAdministration(context, session, object, 'mail-server-tested', result);
  if (!counted.allowed) return { ok: false, retryAt: counted.retryAt };
  return { ok: true, probe: await probeMailServer(server, server.incomingIp ?? server.incomingHost) };
}

/**
 * Which server serves the mailboxes of a country from now on.
 * @returns false where accounts would be left behind at a server of the other kind
 * @throws AppError `not-found`
 */
export async function useMailServer(
  context: Context,
  session: SignedIn,
  countryId: string,
  mailServerId: string,
): Promise<boolean> {
  const programmeId = administeredProgramme(session).id;
  const server = await findMailServer(context, session, mailServerId);
  const done = await context.database.prisma.$transaction(async (tx) => {
    // Accounts are made under this lock too.
    await tx.$queryRaw`select id from country where id = ${countryId}::uuid for update`;
    const country = await tx.country.findFirst({
      where: { id: countryId, programmeId },
      include: { mailServer: true, _count: { select: { accounts: true } } },
    });
    if (country === null) throw new AppError('not-found');
    if (country.mailServer.hosted !== server.hosted && country._count.accounts > 0) return false;
    await tx.country.update({ where: { id: countryId }, data: { mailServerId } });
    return true;
  });
  await recordAdministration(
    context,
    session,
    countryId,
    `mail-server-chosen: ${mailServerId}`,
    done ? 'done' : 'refused',
  );
  return done;
}

/** Certificates in the order they came, as PEM and nothing besides; null for what has none or cannot be read. */
export function readAuthorityPem(bytes: Uint8Array): string | null {
  const certificates = authoritiesOf(bytes);
  return certificates && toPem(certificates);
}

/** The same for people who compare them: whom a country's servers are to be believed from; null as for `readAuthorityPem`. */
export function describeAuthorities(pem: string): { subject: string; sha256: string }[] | null {
  const certificates = authoritiesOf(Buffer.from(pem));
  return certificates?.map(({ subject, sha256 }) => ({ subject, sha256 })) ?? null;
}

function authoritiesOf(bytes: Uint8Array): Certificate[] | null {
  try {
    const certificates = readCertificates(bytes);
    return certificates.length === 0 ? null : certificates;
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}
