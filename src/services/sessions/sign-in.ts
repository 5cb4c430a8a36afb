import { randomUUID } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { Account, Country, MailServer, Programme } from '../../generated/prisma/client.ts';
import { connectMailbox } from '../../mail/imap-connection.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import { mailServerOf } from '../accounts/mail-server.ts';
import { countAttempt, forgetAttempts } from './attempts.ts';
import {
  type CertificateProblem,
  type ClientCertificate,
  judgeClientCertificate,
  needsCertificate,
} from './client-certificate.ts';
import { createSession, sessionIdOf } from './session.ts';

export type SignInResult =
  | { ok: true; cookie: string; accountId: string }
  | { ok: false; reason: 'refused' | 'unreachable' | 'tls' }
  | { ok: false; reason: 'too-many-attempts'; retryAt: Date }
  /** The password is right; the browser's certificate is not what the account needs (T22) */
  | { ok: false; reason: 'certificate'; problem: CertificateProblem };

export type SignInRequest = {
  address: string;
  password: string;
  network: string;
  userAgent: string;
  /** What the browser showed in the TLS handshake */
  certificate: ClientCertificate | null;
};

type Tools = Pick<Context, 'database' | 'config' | 'mail' | 'audit' | 'workers' | 'revocation' | 'now'>;

/**
 * Signs in against the mailbox. An address that is not listed, one that is suspended and a wrong password get the same
 * answer after the same time; limits that all nodes share are checked before the mail server is asked.
 */
export async function signIn(tools: Tools, request: SignInRequest): Promise<SignInResult> {
  const startedMs = performance.now();
  const result = await attemptSignIn(tools, request);
  if (!result.ok && result.reason === 'refused')
    await wait(tools.config.signInFailureMs - (performance.now() - startedMs));
  return result;
}

async function attemptSignIn(tools: Tools, request: SignInRequest): Promise<SignInResult> {
  const { database, config, audit } = tools;
  const at = tools.now();
  // The database takes no NUL; no account has a control character, so the replaced address is refused like any other.
  const addressKey = request.address
    .trim()
    .toLowerCase()
    .replace(/\p{Cc}/gu, '\ufffd');
  const attemptKey = keyOf(config.serverKeys, config.serverKeys.current);
  const refuse = async (reason: string, accountId: string | null) =>
    audit.record({
      accountId,
      actor: addressKey.slice(0, 254),
      network: request.network,
      action: 'sign-in',
      object: 'session',
      result: 'refused',
      reason,
    });

  const attempt = await countSignIn(tools, request.network, addressKey, at);
  if (!attempt.allowed) {
    await refuse('too-many-attempts', null);
    return { ok: false, reason: 'too-many-attempts', retryAt: attempt.retryAt };
  }
  const account = await database.prisma.account.findUnique({
    where: { addressKey },
    include: { country: { include: { mailServer: true, programme: true } } },
  });
  if (account?.state !== 'active' || account.country.suspendedAt !== null) {
    await refuse('refused', account?.id ?? null);
    return { ok: false, reason: 'refused' };
  }
  const server = mailServerOf(account.country.mailServer);
  const credential = { user: account.address, password: request.password };
  // The connection that proves the password becomes the session's: a second log-in would cost the server an argon2 again.
  const provisional = randomUUID();
  const connect = () => connectMailbox(server, credential);
  const answer = await tools.mail.use(provisional, connect, async () => ({ ok: true, value: null }));
  if (!answer.ok) {
    const reason = answer.reason === 'refused' || answer.reason === 'tls' ? answer.reason : 'unreachable';
    await refuse(reason, account.id);
    return { ok: false, reason };
  }
  // Only now: whoever does not know the password learns nothing about certificates.
  const certificate = await certificateOf(tools, account, request.certificate, at);
  if (!certificate.ok) {
    await tools.mail.close(provisional);
    await refuse(`certificate-${certificate.problem}`, account.id);
    return { ok: false, reason: 'certificate', problem: certificate.problem };
  }
  await forgetAttempts(database, 'sign-in-address', addressKey, attemptKey);
  const cookie = await createSession(
    database,
    config,
    {
      accountId: account.id,
      mailboxPassword: request.password,
      network: request.network,
      userAgent: request.userAgent,
      certificate: certificate.shown,
      ...(certificate.until ? { until: certificate.until } : {}),
    },
    at,
  );
  tools.mail.rename(provisional, sessionIdOf(cookie));
  await audit.record({
    accountId: account.id,
    actor: account.address,
    network: request.network,
    action: 'sign-in',
    object: 'session',
    result: 'done',
    ...(certificate.shown === null ? {} : { reason: 'certificate' }),
  });
  return { ok: true, cookie, accountId: account.id };
}

/** Wherever a mailbox password is tried, it counts here before a mail server is asked. */
export async function countSignIn(
  { database, config }: Pick<Tools, 'database' | 'config'>,
  network: string,
  addressKey: string,
  at: Date,
): Promise<{ allowed: boolean; retryAt: Date }> {
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const subscriber = subscriberOf(network);
  const all = await countAttempt(database, 'sign-in-network', subscriber, config.networkLimit, key, at);
  // A network that is shut out does not count against the addresses it names: it could keep their owners out for ever.
  if (!all.allowed) return all;
  return countAttempt(database, 'sign-in-address', addressKey, config.signInLimit, key, at);
}

type SigningInAccount = Account & { country: Country & { programme: Programme; mailServer: MailServer } };

/** The certificate that the session is bound to. One that does not fit is no obstacle where none is needed: browsers have others, too. */
async function certificateOf(
  tools: Tools,
  account: SigningInAccount,
  shown: ClientCertificate | null,
  at: Date,
): Promise<{ ok: true; shown: ClientCertificate | null; until?: Date } | { ok: false; problem: CertificateProblem }> {
  const problem = shown === null ? 'missing' : await judgeClientCertificate(tools, account, shown);
  if (shown === null || problem !== null)
    return needsCertificate(account, at) ? { ok: false, problem: problem ?? 'missing' } : { ok: true, shown: null };
  await tools.database.prisma.account.update({ where: { id: account.id }, data: { certificateSeenAt: at } });
  return { ok: true, shown, until: parseCertificate(shown.der).notAfter };
}

/** What one subscriber has: an IPv4 address, or the 64 bits in front of an IPv6 address, behind which he chooses at will. */
export function subscriberOf(network: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(network)?.[1];
  if (mapped !== undefined || !isIPv6(network)) return mapped ?? network;
  const [head = '', tail = ''] = network.toLowerCase().split('%')[0]?.split('::') ?? [];
  const [before, behind] = [head, tail].map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[]];
  const zeros = Array<string>(Math.max(0, 8 - before.length - behind.length)).fill('0');
  const groups = [...before, ...(network.includes('::') ? zeros : []), ...behind];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

function wait(ms: number): Promise<void> {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve();
}
