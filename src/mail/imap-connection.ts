import { ImapFlow, type MailboxObject } from 'imapflow';
import { InboxWatch } from './inbox-watch.ts';
import { type Credential, isSafeLogin, loginName, type MailServer, tlsOptions } from './mail-server.ts';
import { KnownMarks } from './structure-marks.ts';

/** Milliseconds. */
export interface ImapTimeouts {
  connectMs: number;
  greetingMs: number;
  /** Silence on the socket after which the connection counts as lost */
  socketMs: number;
}

export const DEFAULT_IMAP_TIMEOUTS: ImapTimeouts = { connectMs: 10_000, greetingMs: 10_000, socketMs: 120_000 };

/**
 * - `refused`: the server said no to the user name or password
 * - `unreachable`: no connection, or the server closed it or is temporarily out of order
 * - `tls`: no TLS, or the certificate was not accepted
 * - `timeout`: connected, but no answer in time
 * - `protocol`: what answered does not speak IMAP as it should
 */
export type ConnectFailure = 'refused' | 'unreachable' | 'tls' | 'timeout' | 'protocol';

export type ConnectResult = { ok: true; connection: MailboxConnection } | { ok: false; reason: ConnectFailure };

/**
 * - `gone`: folder or message no longer exists, or UIDVALIDITY changed
 * - `connection-lost`: no answer; whether a change was made is not known
 * - `over-quota`: no room for it
 * - `too-large`: larger than the caller's or the server's limit
 * - `refused`: the server said no for another reason
 */
export type MailboxFailure = 'gone' | 'connection-lost' | 'over-quota' | 'too-large' | 'refused';

export type MailboxResult<T> = { ok: true; value: T } | { ok: false; reason: MailboxFailure };

export interface ConnectOptions {
  timeouts?: Partial<ImapTimeouts>;
  /** Answers that are larger than this end the connection; bytes. Default 100 MiB */
  maxResponseBytes?: number;
}

/** An open folder, seen by a task that holds the connection. */
export interface OpenFolder {
  client: ImapFlow;
  mailbox: MailboxObject;
}

const MiB = 1024 * 1024;

/** Connects with TLS and signs in. Never throws for what a server or network can do. */
export async function connectMailbox(
  server: MailServer,
  credential: Credential,
  options: ConnectOptions = {},
): Promise<ConnectResult> {
  if (!isSafeLogin(credential)) return { ok: false, reason: 'refused' };
  const timeouts = { ...DEFAULT_IMAP_TIMEOUTS, ...options.timeouts };
  const maxResponseBytes = options.maxResponseBytes ?? 100 * MiB;
  const client = new ImapFlow({
    host: server.imapHost,
    port: server.imapPort,
    secure: server.imapTls === 'implicit',
    // true demands STARTTLS; imapflow would otherwise go on in clear with a server that does not offer it
    ...(server.imapTls === 'starttls' ? { doSTARTTLS: true } : {}),
    tls: tlsOptions(server, server.imapHost),
    auth: { user: loginName(credential), pass: credential.password },
    // it would log commands, and with them subjects and addresses
    logger: false,
    clientInfo: { name: 'Sealpost' },
    // COMPRESS costs a third of the CPU time of a mailbox page and saves nothing in one machine room
    disableCompression: true,
    // IDLE is entered only where someone waits for new mail
    disableAutoIdle: true,
    connectionTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.greetingMs,
    socketTimeout: timeouts.socketMs,
    maxLineLength: 8 * MiB,
    maxLiteralSize: maxResponseBytes,
    maxResponseSize: maxResponseBytes + 8 * MiB,
    // IDLE is renewed before the silence of a quiet folder counts as a lost connection
    maxIdleTime: Math.ceil(timeouts.socketMs / 2),
    maxLockHoldTime: false,
  });
  // without a listener a late socket error would end the process; each command reports its own failure
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    client.close();
    return { ok: false, reason: connectFailure(error) };
  }
  return { ok: true, connection: new MailboxConnection(client) };
}

/** One signed-in IMAP connection. Tasks run one after the other, in the order they were asked for. */
export class MailboxConnection {
  /** What the lists of this connection need not ask again */
  readonly knownMarks = new KnownMarks();
  readonly #client: ImapFlow;
  readonly #watch: InboxWatch;
  #tail: Promise<unknown> = Promise.resolve();
  #pending = 0;

  constructor(client: ImapFlow) {
    this.#client = client;
    this.#watch = new InboxWatch(client, (task) => this.run(task));
  }

  /** False as soon as the server or the network ended the connection. */
  get usable(): boolean {
    return this.#client.usable;
  }

  /** Asks the server. */
  async isAlive(): Promise<boolean> {
    const asked = await this.run(async (client) => {
      await client.noop();
      return { ok: true, value: null };
    });
    return asked.ok && this.usable;
  }

  /** Tasks that run or wait. */
  get pending(): number {
    return this.#pending;
  }

  /** Runs `task` alone on the connection; what the server refuses comes back as data. */
  async run<T>(task: (client: ImapFlow) => Promise<MailboxResult<T>>): Promise<MailboxResult<T>> {
    const before = this.#tail;
    let release = () => {};
    this.#tail = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#pending += 1;
    await before;
    try {
      if (!this.#client.usable) return { ok: false, reason: 'connection-lost' };
      return await task(this.#client);
    } catch (error) {
      return { ok: false, reason: mailboxFailure(error, this.#client) };
    } finally {
      this.#pending -= 1;
      release();
      if (this.#pending === 0) this.#watch.rest();
    }
  }

  /**
   * Opens `folder` and runs `task` in it.
   * @param uidValidity as it was when the UIDs were read (RFC 9051 section 2.3.1.1); null when no UID is used
   */
  inFolder<T>(
    folder: string,
    uidValidity: bigint | null,
    task: (open: OpenFolder) => Promise<MailboxResult<T>>,
  ): Promise<MailboxResult<T>> {
    if (!isSafeFolderName(folder)) return Promise.resolve({ ok: false, reason: 'gone' });
    return this.run(async (client) => {
      const mailbox = await openFolder(client, folder);
      if (mailbox === null) return { ok: false, reason: 'gone' };
      if (uidValidity !== null && mailbox.uidValidity !== uidValidity) return { ok: false, reason: 'gone' };
      return task({ client, mailbox });
    });
  }

  /**
   * Calls `listener` when mail arrives in INBOX, from IDLE while no task runs. A task of another folder interrupts it; what
   * came meanwhile is noticed afterwards. Gives a function that ends the watch.
   */
  watchInbox(listener: () => void): () => void {
    return this.#watch.add(listener);
  }

  /** Calls `listener` once when the connection ends, for whatever reason. Gives a function that takes it away again. */
  onClose(listener: () => void): () => void {
    this.#client.once('close', listener);
    return () => this.#client.off('close', listener);
  }

  /** Says LOGOUT if the server still listens, and ends the connection. */
  async close(): Promise<void> {
    this.#watch.end();
    if (!this.#client.usable) return this.#client.close();
    const timer = setTimeout(() => this.#client.close(), 2_000);
    try {
      await this.#client.logout();
    } catch {
      // the connection is already gone, which is what was asked for
    } finally {
      clearTimeout(timer);
      this.#client.close();
    }
  }
}

/** What may be sent as a folder name: imapflow quotes it, but a line end can not be quoted (RFC 9051 section 4.3). */
export function isSafeFolderName(folder: string): boolean {
  return folder !== '' && folder.length <= 1_000 && !/[\x00-\x1f\x7f]/.test(folder);
}

async function openFolder(client: ImapFlow, folder: string): Promise<MailboxObject | null> {
  const open = client.mailbox;
  // imapflow keeps the count of an open folder up to date from untagged answers; NOOP collects them (RFC 9051 section 6.1.2)
  if (open !== false && open.path === folder) {
    await client.noop();
    if (client.mailbox !== false && client.mailbox.path === folder) return client.mailbox;
  }
  try {
    return await client.mailboxOpen(folder);
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}

interface ErrorFields {
  code?: string;
  responseStatus?: string;
  serverResponseCode?: string;
  authenticationFailed?: boolean;
  tlsFailed?: boolean;
  cause?: unknown;
}

function fieldsOf(error: unknown): ErrorFields {
  return error instanceof Error ? (error as ErrorFields) : {};
}

function isRefusal(error: unknown): boolean {
  return fieldsOf(error).responseStatus === 'NO';
}

const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|HOSTNAME_MISMATCH|EPROTO|STARTTLS_|UPGRADE_TIMEOUT)/;
const TIMEOUT_CODES = new Set(['GREETING_TIMEOUT', 'ETIMEOUT']);
const UNREACHABLE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'CONNECT_TIMEOUT',
  'NoConnection',
  'EConnectionClosed',
  'ClosedAfterConnectText',
  'ClosedAfterConnectTLS',
  'ETHROTTLE',
]);

function connectFailure(error: unknown): ConnectFailure {
  const { code = '', authenticationFailed, serverResponseCode, tlsFailed } = fieldsOf(error);
  if (tlsFailed || TLS_CODES.test(code)) return 'tls';
  // RFC 5530: the password may be right, the server can not say now
  if (authenticationFailed) return serverResponseCode === 'UNAVAILABLE' ? 'unreachable' : 'refused';
  if (TIMEOUT_CODES.has(code)) return 'timeout';
  if (UNREACHABLE_CODES.has(code)) return 'unreachable';
  return 'protocol';
}

/** Sorts what a command threw; `client` tells a refusal from a lost connection. */
export function mailboxFailure(error: unknown, client: ImapFlow): MailboxFailure {
  const { responseStatus, serverResponseCode, code } = fieldsOf(error);
  if (serverResponseCode === 'OVERQUOTA') return 'over-quota';
  if (serverResponseCode === 'TRYCREATE' || serverResponseCode === 'NONEXISTENT') return 'gone';
  if (serverResponseCode === 'APPENDLIMIT' || serverResponseCode === 'TOOBIG') return 'too-large';
  if (code === 'LiteralTooLarge' || code === 'ResponseTooLarge') return 'too-large';
  if (responseStatus === 'NO' || responseStatus === 'BAD') return 'refused';
  return client.usable ? 'refused' : 'connection-lost';
}
