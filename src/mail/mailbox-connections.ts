import type {
  ConnectFailure,
  ConnectResult,
  MailboxConnection,
  MailboxFailure,
  MailboxResult,
} from './imap-connection.ts';

/** A connection that was used this short a time ago is taken to be there still. */
const LOOK_AFTER_MS = 1_000;

export interface ConnectionRegistryOptions {
  /** Milliseconds without a task after which a connection is closed */
  idleMs: number;
  /** Connections kept at once on this node; above it the one unused for longest is closed */
  limit?: number;
}

/** A connection could not be opened, or the task failed on it. */
export type SessionMailboxResult<T> = { ok: true; value: T } | { ok: false; reason: MailboxFailure | ConnectFailure };

interface Kept {
  /** Changes when the session gets a new id */
  sessionId: string;
  opening: Promise<ConnectResult>;
  connection: MailboxConnection | null;
  timer: NodeJS.Timeout | null;
  users: number;
  lastUsed: number;
}

/**
 * The IMAP connections that this node keeps open: at most one per session, opened when first needed, since a log-in costs
 * the mail server an argon2 computation. It holds no credential: the caller brings `connect` each time.
 */
export class MailboxConnections {
  readonly #kept = new Map<string, Kept>();
  readonly #idleMs: number;
  readonly #limit: number;
  #closed = false;

  constructor(options: ConnectionRegistryOptions) {
    this.#idleMs = options.idleMs;
    this.#limit = options.limit ?? 2_000;
  }

  /** Connections open or being opened. */
  get size(): number {
    return this.#kept.size;
  }

  /**
   * Runs a task on the session's connection. A connection that was lost while unused is replaced once; a task that failed
   * half-way is not repeated, since it may have been carried out.
   */
  async use<T>(
    sessionId: string,
    connect: () => Promise<ConnectResult>,
    task: (connection: MailboxConnection) => Promise<MailboxResult<T>>,
  ): Promise<SessionMailboxResult<T>> {
    if (this.#closed) return { ok: false, reason: 'unreachable' };
    await this.#look(sessionId);
    const kept = this.#find(sessionId) ?? this.#open(sessionId, connect);
    this.#hold(kept);
    try {
      const opened = await kept.opening;
      if (!opened.ok) return opened;
      return await task(opened.connection);
    } finally {
      this.#release(kept);
    }
  }

  /** The session got a new id (sign-in, unlock): its connection goes with it. */
  rename(from: string, to: string): void {
    const kept = this.#kept.get(from);
    if (kept === undefined) return;
    this.#kept.delete(from);
    kept.sessionId = to;
    this.#kept.set(to, kept);
  }

  /** Ends a session's connection, at sign-out. */
  async close(sessionId: string): Promise<void> {
    const kept = this.#kept.get(sessionId);
    if (kept !== undefined) await this.#drop(kept);
  }

  /** Ends all connections; nothing can be used afterwards. */
  async closeAll(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#kept.values()].map((kept) => this.#drop(kept)));
  }

  /** A server that ended a connection meanwhile, as it does when the open folder is removed, says so only when asked. */
  async #look(sessionId: string): Promise<void> {
    const kept = this.#find(sessionId);
    if (!kept?.connection || kept.users > 0 || performance.now() - kept.lastUsed < LOOK_AFTER_MS) return;
    this.#hold(kept);
    await kept.connection.isAlive();
    this.#release(kept);
  }

  #find(sessionId: string): Kept | undefined {
    const kept = this.#kept.get(sessionId);
    if (kept === undefined || kept.connection === null || kept.connection.usable) return kept;
    this.#forget(kept);
    return undefined;
  }

  #open(sessionId: string, connect: () => Promise<ConnectResult>): Kept {
    const kept: Kept = {
      sessionId,
      opening: connect(),
      connection: null,
      timer: null,
      users: 0,
      lastUsed: performance.now(),
    };
    this.#kept.set(sessionId, kept);
    this.#makeRoom();
    kept.opening.then(
      (opened) => {
        if (!opened.ok) return this.#forget(kept);
        kept.connection = opened.connection;
        opened.connection.onClose(() => this.#forget(kept));
      },
      () => this.#forget(kept),
    );
    return kept;
  }

  #hold(kept: Kept): void {
    kept.users += 1;
    if (kept.timer !== null) clearTimeout(kept.timer);
    kept.timer = null;
  }

  #release(kept: Kept): void {
    kept.users -= 1;
    kept.lastUsed = performance.now();
    if (kept.users > 0 || this.#kept.get(kept.sessionId) !== kept) return;
    kept.timer = setTimeout(() => void this.#drop(kept), this.#idleMs);
    kept.timer.unref();
  }

  #makeRoom(): void {
    if (this.#kept.size <= this.#limit) return;
    const unused = [...this.#kept.values()].filter((kept) => kept.users === 0 && kept.connection !== null);
    const oldest = unused.sort((a, b) => a.lastUsed - b.lastUsed)[0];
    if (oldest !== undefined) void this.#drop(oldest);
  }

  async #drop(kept: Kept): Promise<void> {
    this.#forget(kept);
    const opened = await kept.opening.catch(() => null);
    if (opened?.ok) await opened.connection.close();
  }

  #forget(kept: Kept): void {
    if (kept.timer !== null) clearTimeout(kept.timer);
    kept.timer = null;
    if (this.#kept.get(kept.sessionId) === kept) this.#kept.delete(kept.sessionId);
  }
}
