import { Readable } from 'node:stream';
import SMTPConnection, { type SMTPConnectionOptions } from 'nodemailer/lib/smtp-connection';
import { LineEndCheck } from './line-end-check.ts';
import { type Credential, isSafeLogin, loginName, type MailServer, tlsOptions } from './mail-server.ts';

export interface SubmissionEnvelope {
  from: string;
  to: readonly string[];
  /** ENVID of RFC 3461: at most 100 printable characters; comes back in every report */
  envelopeId: string;
  /** Reports to ask for where the server offers DSN (RFC 3461); none for an empty list. Default all of them */
  reports?: readonly ('SUCCESS' | 'FAILURE' | 'DELAY')[];
  /** Bytes of the message where known: a server that finds it too large says so before it is sent (RFC 1870) */
  size?: number;
}

export interface RecipientAnswer {
  address: string;
  accepted: boolean;
  /** Reply code of RFC 5321; null when the server never answered for this recipient */
  code: number | null;
  /** The server's words; for an accepted recipient those after the message, with its queue id */
  answer: string;
}

/**
 * - `accepted`: for every recipient
 * - `partly`: taken for some; the others' answers say whether trying again makes sense
 * - `refused-permanently` (5xx) and `refused-temporarily` (4xx): taken for nobody
 * - `refused-login`: the credential was not accepted
 * - `unreachable`: no connection, no TLS, or it ended before the whole message was out: nothing was sent
 * - `unknown`: the connection ended between the last byte and the answer: the server may have taken it
 */
export type SubmissionOutcome =
  | 'accepted'
  | 'partly'
  | 'refused-permanently'
  | 'refused-temporarily'
  | 'refused-login'
  | 'unreachable'
  | 'unknown';

export interface SubmissionResult {
  outcome: SubmissionOutcome;
  recipients: RecipientAnswer[];
  /** The server's last words, or what went wrong; for the evidence, not for a page of its own */
  answer: string;
  /** Whether reports were asked for: false where the server does not offer DSN */
  dsnRequested: boolean;
}

export interface SubmissionOptions {
  signal?: AbortSignal;
  /** Milliseconds; defaults 10 s to connect, 5 min of silence (RFC 5321 section 4.5.3.2 asks for up to 10) */
  connectMs?: number;
  socketMs?: number;
  /** Name said in EHLO */
  clientName?: string;
}

/** Sends a message as it is to the submission server (RFC 6409). Never throws for what a server or network can do. */
export async function submit(
  server: MailServer,
  credential: Credential,
  envelope: SubmissionEnvelope,
  bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: SubmissionOptions = {},
): Promise<SubmissionResult> {
  if (!isSafeLogin(credential)) return failed('refused-login', envelope, null, 'The login name can not be sent');
  if (options.signal?.aborted) return failed('unreachable', envelope, null, 'Cancelled');
  const connection = new SMTPConnection(connectionOptions(server, options));
  // one listener for the whole life: an error between two steps has no callback that would hear of it
  const broken = new Promise<never>((_, reject) => {
    connection.on('error', reject);
    // a refusal that makes nodemailer hang up is told right after this event, and says more
    connection.on('end', () => setImmediate(reject, new Error('Connection closed')));
    options.signal?.addEventListener('abort', () => reject(new Error('Cancelled')), { once: true });
  });
  broken.catch(() => {});
  const source = new LineEndCheck();
  try {
    await Promise.race([step((done) => connection.connect(done)), broken]);
    const auth = { user: loginName(credential), pass: credential.password };
    await Promise.race([step((done) => connection.login(auth, done)), broken]);
    const info = await Promise.race([transmit(connection, envelope, bytes, source), broken]);
    connection.quit();
    return answered(envelope, info, offersDsn(connection, envelope));
  } catch (error) {
    return explain(envelope, error, source, offersDsn(connection, envelope));
  } finally {
    connection.close();
    source.destroy();
  }
}

/** As `ConnectFailure` of IMAP, for the part of submission until somebody is signed in. */
export type LoginFailure = 'refused' | 'unreachable';

/** Signs in at the submission server and leaves again; nothing is sent. Never throws for what a server or network can do. */
export async function trySubmissionLogin(
  server: MailServer,
  credential: Credential,
  options: SubmissionOptions = {},
): Promise<{ ok: true } | { ok: false; reason: LoginFailure; answer: string }> {
  if (!isSafeLogin(credential)) return { ok: false, reason: 'refused', answer: '' };
  const connection = new SMTPConnection(connectionOptions(server, options));
  const broken = new Promise<never>((_, reject) => {
    connection.on('error', reject);
    connection.on('end', () => setImmediate(reject, new Error('Connection closed')));
  });
  broken.catch(() => {});
  try {
    await Promise.race([step((done) => connection.connect(done)), broken]);
    const auth = { user: loginName(credential), pass: credential.password };
    await Promise.race([step((done) => connection.login(auth, done)), broken]);
    connection.quit();
    return { ok: true };
  } catch (error) {
    const { code, response, responseCode = 0, message } = error as SmtpFailure;
    const reason = code === 'EAUTH' && responseCode >= 500 ? 'refused' : 'unreachable';
    return { ok: false, reason, answer: response ?? message };
  } finally {
    connection.close();
  }
}

function connectionOptions(server: MailServer, options: SubmissionOptions): SMTPConnectionOptions {
  return {
    host: server.submissionHost,
    port: server.submissionPort,
    secure: server.submissionTls === 'implicit',
    requireTLS: server.submissionTls === 'starttls',
    tls: tlsOptions(server, server.submissionHost),
    name: options.clientName ?? 'sealpost.invalid',
    connectionTimeout: options.connectMs ?? 10_000,
    greetingTimeout: options.connectMs ?? 10_000,
    socketTimeout: options.socketMs ?? 300_000,
    // the servers of the test bed listen on loopback, and a host is only ever an administrator's choice
    allowInternalNetworkInterfaces: true,
    logger: false,
  };
}

interface SmtpFailure extends Error {
  code?: string;
  response?: string;
  responseCode?: number;
  rejectedErrors?: RecipientFailure[];
}

interface RecipientFailure extends Error {
  recipient?: string;
  response?: string;
  responseCode?: number;
}

interface SendInfo {
  accepted: string[];
  rejectedErrors?: RecipientFailure[];
  response: string;
}

function reportsOf(envelope: SubmissionEnvelope) {
  return envelope.reports ?? ['SUCCESS', 'FAILURE', 'DELAY'];
}

function step(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}

function transmit(
  connection: SMTPConnection,
  envelope: SubmissionEnvelope,
  bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  source: LineEndCheck,
): Promise<SendInfo> {
  const reports = reportsOf(envelope);
  const dsn = { ret: 'HDRS', envid: envelope.envelopeId, notify: [...reports] };
  const smtpEnvelope = {
    from: envelope.from,
    to: [...envelope.to],
    ...(envelope.size === undefined ? {} : { size: envelope.size }),
    ...(reports.length === 0 ? {} : { dsn }),
  };
  const reader = Readable.from(bytes, { objectMode: false });
  reader.on('error', (error) => source.destroy(error));
  reader.pipe(source);
  return new Promise((resolve, reject) => {
    connection.send(smtpEnvelope, source, (error, info) => {
      if (error || !info) return reject(error ?? new Error('No answer'));
      resolve(info as SendInfo);
    });
  });
}

function offersDsn(connection: SMTPConnection, envelope: SubmissionEnvelope): boolean {
  const { _supportedExtensions: extensions } = connection as unknown as { _supportedExtensions?: string[] };
  return reportsOf(envelope).length > 0 && (extensions ?? []).includes('DSN');
}

function answered(envelope: SubmissionEnvelope, info: SendInfo, dsnRequested: boolean): SubmissionResult {
  const recipients = envelope.to.map((address): RecipientAnswer => {
    const refusal = info.rejectedErrors?.find((failure) => failure.recipient === address);
    if (refusal !== undefined) return refused(address, refusal);
    return { address, accepted: true, code: replyCode(info.response), answer: info.response };
  });
  const outcome = recipients.every((recipient) => recipient.accepted) ? 'accepted' : 'partly';
  return { outcome, recipients, answer: info.response, dsnRequested };
}

function refused(address: string, failure: RecipientFailure): RecipientAnswer {
  const answer = failure.response ?? failure.message;
  return { address, accepted: false, code: failure.responseCode ?? null, answer };
}

/** Sorts a failure; the one that matters is whether the server may have the message all the same. */
function explain(
  envelope: SubmissionEnvelope,
  error: unknown,
  source: LineEndCheck,
  dsnRequested: boolean,
): SubmissionResult {
  const failure = error as SmtpFailure;
  const answer = failure.response ?? failure.message;
  const code = failure.responseCode ?? null;
  if (source.violation !== null) return failed('refused-permanently', envelope, null, source.violation);
  if (failure.code === 'EAUTH' && code !== null && code >= 500) return failed('refused-login', envelope, code, answer);
  // a message too large for the SIZE that the server announced, or an address that can not be written in a command
  const local = code === null && (failure.code === 'EMESSAGE' || failure.code === 'EENVELOPE');
  if (local) return failed('refused-permanently', envelope, null, answer);
  if (code === null || failure.code === 'EAUTH' || failure.code === 'ETLS') {
    // all was read from the source only after the server had asked for it (354): the last line may have reached it
    return { ...failed(source.readableEnded ? 'unknown' : 'unreachable', envelope, code, answer), dsnRequested };
  }
  const recipients = envelope.to.map((address) => {
    const own = failure.rejectedErrors?.find((rejected) => rejected.recipient === address);
    return own === undefined ? { address, accepted: false, code, answer } : refused(address, own);
  });
  const permanent = recipients.every((recipient) => (recipient.code ?? 0) >= 500);
  return { outcome: permanent ? 'refused-permanently' : 'refused-temporarily', recipients, answer, dsnRequested };
}

function failed(
  outcome: SubmissionOutcome,
  envelope: SubmissionEnvelope,
  code: number | null,
  answer: string,
): SubmissionResult {
  const recipients = envelope.to.map((address) => ({ address, accepted: false, code, answer }));
  return { outcome, recipients, answer, dsnRequested: false };
}

function replyCode(response: string): number | null {
  const code = Number.parseInt(response.slice(0, 3), 10);
  return Number.isNaN(code) ? null : code;
}
