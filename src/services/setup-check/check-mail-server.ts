import type { Context } from '../../context.ts';
import type { MailServer as MailServerRow } from '../../generated/prisma/client.ts';
import { connectMailbox } from '../../mail/imap-connection.ts';
import type { Credential, MailServer } from '../../mail/mail-server.ts';
import { type Probe, probeMailServer, probePop3 } from '../../mail/probe-server.ts';
import { trySubmissionLogin } from '../../mail/submission.ts';
import { mailServerOf } from '../accounts/mail-server.ts';
import { type CheckLine, checkLine, type Found } from './check-line.ts';
import { checkIncoming, foundByProbe } from './check-relays.ts';

type Needs = Pick<Context, 'config' | 'database' | 'now'>;

/** Somebody's login, given for this check only and kept nowhere. */
export type TestLogin = { address: string; password: string };

/** Soon enough to get a new one. */
const CERTIFICATE_DAYS = 14;
const DAY_MS = 86_400_000;
const LINES_OF_A_SERVER = 5;

export function linesOfServers(servers: readonly MailServerRow[]): number {
  return servers.length * LINES_OF_A_SERVER + servers.filter(offersPop3).length;
}

function offersPop3({ hosted, pop3Port }: MailServerRow): boolean {
  return hosted && pop3Port !== null;
}

/** A server with those of its countries for which it is looked at: accounts of others are nobody's business here. */
export type CheckedServer = { row: MailServerRow; countries: readonly string[]; login: TestLogin | null };

/** The servers of one or several countries: connection, TLS and certificate, and signing in where there is somebody to sign in as. */
export async function checkMailServer(
  needs: Needs,
  { row, countries, login }: CheckedServer,
  told: (line: CheckLine) => Promise<void>,
): Promise<void> {
  for (const line of await checkPorts(needs, row)) await told(line);
  const server = mailServerOf(row);
  const who = await whoSignsIn(needs, { row, countries, login });
  await told(await signIn('imap-login', row, who, (credential) => imapLogin(server, credential)));
  await told(await signIn('submission-login', row, who, (credential) => submissionLogin(server, credential)));
}

/** Connection, TLS and certificate of IMAP, POP3 and submission, and the greeting where mail comes in. Nobody signs in. */
export async function checkPorts({ now }: Pick<Needs, 'now'>, row: MailServerRow): Promise<CheckLine[]> {
  const probe = await probeMailServer(mailServerOf(row), null);
  const place = { imap: [row.imapHost, row.imapPort], submission: [row.submissionHost, row.submissionPort] } as const;
  const lines: CheckLine[] = [];
  for (const subject of ['imap', 'submission'] as const) {
    const [host, port] = place[subject];
    const found = secured(probe[subject], now());
    const line = await checkLine(subject, row.name, { host, port: String(port) }, async () => found);
    lines.push({ ...line, milliseconds: probe[subject].milliseconds });
  }
  if (offersPop3(row)) lines.push(await checkPop3(row, now()));
  lines.push(await checkIncoming(row.name, row.incomingIp ?? row.incomingHost ?? row.submissionHost));
  return lines;
}

function secured(probe: Probe, now: Date): Found {
  if (!probe.ok || probe.secured === null) return foundByProbe(probe);
  const { protocol, cipher, subject, issuer, notAfter } = probe.secured;
  const facts = { protocol, cipher, certificate: subject, issuer, until: notAfter.toISOString() };
  const soon = notAfter.getTime() - now.getTime() < CERTIFICATE_DAYS * DAY_MS;
  return { state: soon ? 'notice' : 'ok', code: soon ? 'ends-soon' : 'ok', facts, said: probe.greeting };
}

/** Of hosted mailboxes, for classic clients. */
async function checkPop3({ name, imapHost: host, pop3Port, serverName, caPem }: MailServerRow, now: Date) {
  const port = pop3Port ?? 0;
  return checkLine('pop3', name, { host, port: String(port) }, async () =>
    secured(await probePop3({ host, port, tls: 'implicit', serverName, caPem }), now),
  );
}

type Signer = { ok: true; address: string; credential: Credential } | { ok: false; found: Found };

/** Whose sign-in is tried: the given one, or at a hosted server the service's for the first mailbox. */
async function whoSignsIn({ config, database }: Needs, { row, countries, login }: CheckedServer): Promise<Signer> {
  if (login !== null) {
    return { ok: true, address: login.address, credential: { user: login.address, password: login.password } };
  }
  if (!row.hosted) return { ok: false, found: { state: 'not-tried', code: 'own-server' } };
  if (config.serviceMail === null) return { ok: false, found: { state: 'failed', code: 'no-service' } };
  const account = await database.prisma.account.findFirst({
    where: { countryId: { in: [...countries] }, state: 'active' },
    orderBy: { createdAt: 'asc' },
    select: { address: true },
  });
  if (account === null) return { ok: false, found: { state: 'not-tried', code: 'no-account' } };
  const { address } = account;
  return { ok: true, address, credential: { ...config.serviceMail, authorizationUser: address } };
}

function signIn(
  subject: 'imap-login' | 'submission-login',
  row: MailServerRow,
  who: Signer,
  attempt: (credential: Credential) => Promise<Found>,
): Promise<CheckLine> {
  const host = subject === 'imap-login' ? row.imapHost : row.submissionHost;
  const facts = { host, address: who.ok ? who.address : '' };
  return checkLine(subject, row.name, facts, async () => (who.ok ? attempt(who.credential) : who.found));
}

async function imapLogin(server: MailServer, credential: Credential): Promise<Found> {
  const result = await connectMailbox(server, credential);
  if (!result.ok) return { state: 'failed', code: result.reason };
  await result.connection.close();
  return { state: 'ok', code: 'ok' };
}

async function submissionLogin(server: MailServer, credential: Credential): Promise<Found> {
  const result = await trySubmissionLogin(server, credential);
  if (result.ok) return { state: 'ok', code: 'ok' };
  return { state: 'failed', code: result.reason, said: result.answer.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200) };
}
