import net from 'node:net';
import tls from 'node:tls';
import { HostError, mailAddressOf } from './host.ts';
import { type MailServer, type TlsMode, tlsOptions } from './mail-server.ts';
import type { WirePlace } from './wire.ts';

/** What a look at one server from outside gave: nobody signs in. */
export type Probe =
  | { ok: true; address: string; greeting: string; secured: Secured | null }
  | { ok: false; address: string; reason: ProbeFailure; said: string; detail: string };

/** The connection under TLS, with what its certificate says; it was checked. */
export type Secured = { protocol: string; cipher: string; subject: string; issuer: string; notAfter: Date };

/**
 * - `no-name`: the host's name is not known
 * - `not-allowed`: no mail server can have its address
 * - `refused`, `unreachable`, `timeout`, `closed`: no connection, or none that says anything
 * - `protocol`: what answers is not the server that was asked for
 * - `no-starttls`: the server does not offer TLS
 * - `untrusted`, `expired`, `wrong-name`: its certificate is not accepted
 * - `tls`: no TLS came about for another reason
 */
export type ProbeFailure =
  | 'no-name'
  | 'not-allowed'
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'closed'
  | 'protocol'
  | 'no-starttls'
  | 'untrusted'
  | 'expired'
  | 'wrong-name'
  | 'tls';

/** How long the look took */
type Timed = { milliseconds: number };

export type MailServerProbe = { imap: Probe & Timed; submission: Probe & Timed; incoming: Probe | null };

/** `answer`: what a relay says to a letter that is offered; `takes`: whether it would take one now (it may refuse us all the same). */
export type RelayProbe = { probe: Probe; offer: { takes: boolean; answer: string } | null };

type Talk = 'imap' | 'smtp' | 'pop3';
type Place = { host: string; port: number; talk: Talk; mode: TlsMode | 'none' };

const PATIENCE_MS = 8000;
const SMTP_PORT = 25;
const LINE_MAX = 4096;
const SHOWN_MAX = 200;

class ProbeError extends Error {
  readonly reason: ProbeFailure;
  constructor(reason: ProbeFailure, said = '') {
    super(said);
    this.reason = reason;
  }
}

/**
 * Connects to the servers of one country: name, TCP, TLS with the certificate checked, and the greeting. Of the one where mail
 * comes in only the greeting is looked at: it takes mail from anywhere, with TLS or without.
 * @param incomingHost name or address of the server where mail comes in; null where none is known
 */
export async function probeMailServer(
  server: MailServer,
  incomingHost: string | null,
  patienceMs = PATIENCE_MS,
): Promise<MailServerProbe> {
  const { imapHost, imapPort, imapTls, submissionHost, submissionPort, submissionTls } = server;
  const look = (place: Place) => probe(server, place, patienceMs);
  const begun = performance.now();
  const timed = async (looking: Promise<Probe>) => {
    const found = await looking;
    return { ...found, milliseconds: Math.round(performance.now() - begun) };
  };
  const [imap, submission, incoming] = await Promise.all([
    timed(look({ host: imapHost, port: imapPort, mode: imapTls, talk: 'imap' })),
    timed(look({ host: submissionHost, port: submissionPort, mode: submissionTls, talk: 'smtp' })),
    incomingHost === null ? null : look({ host: incomingHost, port: SMTP_PORT, mode: 'none', talk: 'smtp' }),
  ]);
  return { imap, submission, incoming };
}

/** Only the greeting of what takes mail in on port 25 of this host, such as a relay. */
export function probeIncoming(host: string, patienceMs = PATIENCE_MS): Promise<Probe> {
  return probe(null, { host, port: SMTP_PORT, mode: 'none', talk: 'smtp' }, patienceMs);
}

/**
 * The greeting of a relay, and whether it would take a letter now: one whose scanner is away answers MAIL with "later" (4xx). No
 * recipient is named and nothing is sent; that a relay takes letters of member states' servers only shows at the recipient.
 */
export async function probeRelay(host: string, patienceMs = PATIENCE_MS): Promise<RelayProbe> {
  let offer: RelayProbe['offer'] = null;
  const place = { host, port: SMTP_PORT, mode: 'none', talk: 'smtp' } as const;
  const found = await probe(null, place, patienceMs, async (socket, end) => {
    const answer = await answerToOffer(socket, end).catch((error) => failureOf(error).said);
    offer = { takes: answer.startsWith('2'), answer: shown(answer) };
  });
  return { probe: found, offer: found.ok ? offer : null };
}

async function answerToOffer(socket: net.Socket, end: AbortSignal): Promise<string> {
  const hello = await ask(socket, 'EHLO sealpost.invalid', /^\d{3} /, end);
  return hello.startsWith('250') ? await ask(socket, 'MAIL FROM:<>', /^\d{3} /, end) : hello;
}

/** The same for a POP3 server (RFC 1939, RFC 2595 section 4), up to its answer to QUIT. */
export function probePop3(server: WirePlace, patienceMs = PATIENCE_MS): Promise<Probe> {
  const { host, port, tls: mode } = server;
  return probe(server, { host, port, talk: 'pop3', mode }, patienceMs, async (socket, end) => {
    const answer = await ask(socket, 'QUIT', /^[+-]/, end);
    if (!/^\+OK/i.test(answer)) throw new ProbeError('protocol', answer);
  });
}

type Checked = Pick<MailServer, 'caPem' | 'serverName'>;

async function probe(
  server: Checked | null,
  { host, port, talk, mode }: Place,
  patienceMs: number,
  more: (socket: net.Socket, end: AbortSignal) => Promise<void> = async () => {},
): Promise<Probe> {
  const end = AbortSignal.timeout(patienceMs);
  let address = '';
  let tcp: net.Socket | undefined;
  try {
    address = await Promise.race([mailAddressOf(host), ended(end)]);
    tcp = net.connect({ host: address, port });
    await event(tcp, 'connect', end);
    if (mode === 'none' || server === null) {
      const greeting = await greetingOf(tcp, talk, end);
      await more(tcp, end);
      return { ok: true, address, greeting, secured: null };
    }
    const early = mode === 'starttls' ? await askForTls(tcp, talk, end) : null;
    const secured = tls.connect({ ...tlsOptions(server, host), host: server.serverName ?? host, socket: tcp });
    secured.on('error', () => {});
    await event(secured, 'secureConnect', end);
    const greeting = early ?? (await greetingOf(secured, talk, end));
    await more(secured, end);
    return { ok: true, address, greeting, secured: securedOf(secured) };
  } catch (error) {
    return { ok: false, address, ...failureOf(error) };
  } finally {
    tcp?.on('error', () => {});
    tcp?.destroy();
  }
}

function ended(end: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    end.addEventListener('abort', () => reject(new ProbeError('timeout')), { once: true });
  });
}

function securedOf(socket: tls.TLSSocket): Secured {
  const { subject, issuer, valid_to: notAfter } = socket.getPeerCertificate();
  return {
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    subject: nameOf(subject),
    issuer: nameOf(issuer),
    notAfter: new Date(notAfter),
  };
}

/** Greeting, then the command that upgrades the connection (RFC 9051 section 6.2.1, RFC 3207). */
async function askForTls(socket: net.Socket, talk: Talk, end: AbortSignal): Promise<string> {
  const greeting = await greetingOf(socket, talk, end);
  if (talk === 'imap') {
    const answer = await ask(socket, 'a1 STARTTLS', /^a1 /i, end);
    if (!/^a1 OK/i.test(answer)) throw new ProbeError('no-starttls', answer);
    return greeting;
  }
  if (talk === 'pop3') {
    const answer = await ask(socket, 'STLS', /^[+-]/, end);
    if (!/^\+OK/i.test(answer)) throw new ProbeError('no-starttls', answer);
    return greeting;
  }
  const hello = await ask(socket, 'EHLO sealpost.invalid', /^\d{3} /, end);
  if (!hello.startsWith('250')) throw new ProbeError('protocol', hello);
  const answer = await ask(socket, 'STARTTLS', /^\d{3} /, end);
  if (!answer.startsWith('220')) throw new ProbeError('no-starttls', answer);
  return greeting;
}

const GREETINGS: Record<Talk, RegExp> = { imap: /^\* (OK|PREAUTH)/i, smtp: /^220/, pop3: /^\+OK/i };

async function greetingOf(socket: net.Socket, talk: Talk, end: AbortSignal): Promise<string> {
  const line = await lineOf(socket, talk === 'smtp' ? /^\d{3} |^(?!\d{3}-)/ : /^/, end);
  if (!GREETINGS[talk].test(line)) throw new ProbeError('protocol', line);
  return shown(line);
}

function ask(socket: net.Socket, command: string, last: RegExp, end: AbortSignal): Promise<string> {
  socket.write(`${command}\r\n`);
  return lineOf(socket, last, end);
}

/** The first whole line that matches; those before it are passed over. */
function lineOf(socket: net.Socket, wanted: RegExp, end: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (settle: () => void) => {
      socket.off('data', read).off('error', fail).off('close', close);
      end.removeEventListener('abort', timeOut);
      socket.pause();
      settle();
    };
    const fail = (error: Error) => finish(() => reject(error));
    const close = () => fail(new ProbeError('closed', shown(text)));
    const timeOut = () => fail(new ProbeError('timeout', shown(text)));
    const read = (piece: Buffer) => {
      text += piece.toString('latin1');
      const line = text
        .split('\n')
        .slice(0, -1)
        .find((each) => wanted.test(each));
      if (line !== undefined) finish(() => resolve(line.trim()));
      else if (text.length > LINE_MAX) fail(new ProbeError('protocol', shown(text)));
    };
    socket.on('data', read).on('error', fail).on('close', close);
    end.addEventListener('abort', timeOut);
    if (end.aborted) timeOut();
    else socket.resume();
  });
}

function event(socket: net.Socket, name: 'connect' | 'secureConnect', end: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      socket.off(name, done).off('error', fail).off('close', close);
      end.removeEventListener('abort', timeOut);
      settle();
    };
    const done = () => finish(resolve);
    const fail = (error: Error) => finish(() => reject(error));
    const close = () => fail(new ProbeError('closed'));
    const timeOut = () => fail(new ProbeError('timeout'));
    socket.once(name, done).once('error', fail).once('close', close);
    end.addEventListener('abort', timeOut);
    if (end.aborted) timeOut();
  });
}

const BY_CODE: Readonly<Record<string, ProbeFailure>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
  CERT_HAS_EXPIRED: 'expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'wrong-name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
};

function failureOf(error: unknown): Omit<Extract<Probe, { ok: false }>, 'ok' | 'address'> {
  if (error instanceof ProbeError) return { reason: error.reason, said: shown(error.message), detail: '' };
  if (error instanceof HostError) {
    const { code = '' } = (error.cause ?? {}) as { code?: string };
    return { reason: error.reason, said: shown(error.said), detail: shown(code) };
  }
  const code = String((error as { code?: unknown }).code ?? '');
  return { reason: BY_CODE[code] ?? 'tls', said: '', detail: shown(code) };
}

function nameOf(name: tls.Certificate | undefined): string {
  return [name?.CN ?? name?.O ?? ''].flat().join(', ').slice(0, SHOWN_MAX);
}

/** What a server says is foreign text. */
function shown(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, SHOWN_MAX);
}
