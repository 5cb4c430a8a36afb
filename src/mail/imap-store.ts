/**
 * Stores messages in a mailbox straight from where they lie, slice by slice: imapflow takes a message as one buffer. What is
 * needed of IMAP for it: AUTHENTICATE PLAIN, STATUS and APPEND (RFC 9051 sections 6.2.2, 6.3.11 and 6.3.12), and no more.
 */
import { type Credential, isSafeLogin, loginName, type MailServer } from './mail-server.ts';
import { Wire, WireError } from './wire.ts';

/** From here on a message that is stored now is found (RFC 9051 section 2.3.1.1). */
export interface StorePlace {
  uidValidity: bigint;
  uidNext: bigint;
}

/**
 * - `over-quota`: no room for it
 * - `too-large`: larger than the server takes
 * - `refused`: no for another reason
 */
export type StoreRefusal = 'over-quota' | 'too-large' | 'refused';

export type Stored = { ok: true; next: StorePlace | null } | { ok: false; reason: StoreRefusal };

const REFUSALS: Readonly<Record<string, StoreRefusal>> = {
  OVERQUOTA: 'over-quota',
  TOOBIG: 'too-large',
  LIMIT: 'too-large',
  APPENDLIMIT: 'too-large',
};

/** Where the service's sign-in is refused. */
export class StoreRefusedError extends Error {
  readonly code = 'store-refused';
}

/** Failures of the network are WireErrors: whether a message was stored is not known then. */
export class ImapStore {
  readonly #wire: Wire;
  #turn = 0;

  private constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** @throws StoreRefusedError, WireError */
  static async open(server: MailServer, credential: Credential): Promise<ImapStore> {
    if (!isSafeLogin(credential)) throw new StoreRefusedError('not a login');
    const place = { ...server, host: server.imapHost, port: server.imapPort, tls: server.imapTls };
    const wire = await Wire.open(place);
    const store = new ImapStore(wire);
    try {
      if (!/^\* OK\b/i.test(await wire.line())) throw new WireError('protocol');
      if (server.imapTls === 'starttls') {
        if (!(await store.#ask('STARTTLS')).ok) throw new WireError('tls');
        await wire.secure(place);
      }
      await store.#signIn(credential);
      return store;
    } catch (error) {
      wire.close();
      throw error;
    }
  }

  /** Of INBOX as it is now. */
  async place(): Promise<StorePlace> {
    let found: StorePlace | null = null;
    const answer = await this.#ask('STATUS INBOX (UIDVALIDITY UIDNEXT)', (line) => {
      const uidValidity = /^\* STATUS .*\bUIDVALIDITY (\d{1,10})\b/i.exec(line)?.[1];
      const uidNext = /^\* STATUS .*\bUIDNEXT (\d{1,10})\b/i.exec(line)?.[1];
      if (uidValidity && uidNext) found = { uidValidity: BigInt(uidValidity), uidNext: BigInt(uidNext) };
    });
    if (!answer.ok || found === null) throw new WireError('protocol');
    return found;
  }

  /**
   * Stores a message in INBOX as unread.
   * @param octets exactly as many as `bytes` gives
   */
  async append(octets: number, bytes: AsyncIterable<Uint8Array>): Promise<Stored> {
    const tag = this.#tag();
    await this.#wire.write(`${tag} APPEND INBOX {${octets}}\r\n`);
    const early = await this.#untilGoAhead(tag);
    if (early !== null) return early;
    let sent = 0;
    for await (const piece of bytes) {
      sent += piece.length;
      if (sent > octets) break;
      await this.#wire.write(piece);
    }
    if (sent !== octets) {
      // The server waits for the rest, or would take what comes next for it.
      this.#wire.close();
      throw new RangeError('a message of another size than was said');
    }
    await this.#wire.write('\r\n');
    return storedBy(await this.#answer(tag));
  }

  async close(): Promise<void> {
    try {
      await this.#ask('LOGOUT');
    } catch {
      // gone already, as was asked for
    } finally {
      this.#wire.close();
    }
  }

  /** Without a word, also in the middle of a message, which is not stored then. */
  abandon(): void {
    this.#wire.close();
  }

  async #signIn(credential: Credential): Promise<void> {
    const tag = this.#tag();
    await this.#wire.write(`${tag} AUTHENTICATE PLAIN\r\n`);
    if ((await this.#untilGoAhead(tag)) !== null) throw new StoreRefusedError('AUTHENTICATE PLAIN');
    const response = Buffer.from(`\0${loginName(credential)}\0${credential.password}`).toString('base64');
    await this.#wire.write(`${response}\r\n`);
    if (!(await this.#answer(tag)).ok) throw new StoreRefusedError('sign-in');
  }

  /** @returns null when the server wants what follows, or its answer */
  async #untilGoAhead(tag: string): Promise<Stored | null> {
    for (;;) {
      const line = await this.#wire.line();
      if (line.startsWith('+')) return null;
      const answer = readTagged(line, tag);
      if (answer !== null) return storedBy(answer);
    }
  }

  #tag(): string {
    this.#turn += 1;
    return `s${this.#turn}`;
  }

  async #ask(command: string, untagged?: (line: string) => void): Promise<Tagged> {
    const tag = this.#tag();
    await this.#wire.write(`${tag} ${command}\r\n`);
    return this.#answer(tag, untagged);
  }

  async #answer(tag: string, untagged: (line: string) => void = () => {}): Promise<Tagged> {
    for (;;) {
      const line = await this.#wire.line();
      const answer = readTagged(line, tag);
      if (answer !== null) return answer;
      untagged(line);
    }
  }
}

type Tagged = { ok: boolean; code: string; rest: string };

function readTagged(line: string, tag: string): Tagged | null {
  if (!line.startsWith(`${tag} `)) return null;
  const [, status, code = '', rest = ''] =
    /^(OK|NO|BAD)\b(?: \[([A-Z0-9-]+)([^\]]*)\])?/i.exec(line.slice(tag.length + 1)) ?? [];
  if (status === undefined) throw new WireError('protocol');
  return { ok: status.toUpperCase() === 'OK', code: code.toUpperCase(), rest };
}

/** APPENDUID says where it lies (RFC 4315); without it OK is as good. */
function storedBy({ ok, code, rest }: Tagged): Stored {
  if (!ok) return { ok: false, reason: REFUSALS[code] ?? 'refused' };
  const [, uidValidity, uid] = code === 'APPENDUID' ? (/^ (\d{1,10}) (\d{1,10})$/.exec(rest) ?? []) : [];
  if (uidValidity === undefined || uid === undefined) return { ok: true, next: null };
  return { ok: true, next: { uidValidity: BigInt(uidValidity), uidNext: BigInt(uid) + 1n } };
}
