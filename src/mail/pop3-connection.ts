/**
 * A POP3 client: what collecting needs and no more.
 *
 * | command | where it is said |
 * | --- | --- |
 * | USER, PASS, QUIT, LIST, RETR, DELE, UIDL | RFC 1939 sections 4 to 7 |
 * | CAPA, and the codes in answers | RFC 2449 sections 5 and 8, RFC 3206 |
 * | STLS | RFC 2595 section 4 |
 * | AUTH PLAIN | RFC 5034, RFC 4616 |
 *
 * APOP is left out: TLS always stands around it. Of the clients that npm has, none streams a message, bounds what it reads
 * and checks the address that it connects to (docs/decisions/029).
 */
import { MessageLines } from './pop3-message.ts';
import { DEFAULT_WIRE_TIMES, Wire, WireError, type WireFailure, type WirePlace, type WireTimes } from './wire.ts';

export type Pop3Server = WirePlace;

/**
 * Those of the wire, and:
 * - `refused`: the server said no to the name or password
 * - `busy`: another program has the mailbox open, or it was opened too short a time ago
 * - `out-of-order`: the server says that it cannot just now
 * - `no-uidl`: it gives messages no identifiers
 * - `gone`: it does not give this message
 */
export type Pop3Failure = WireFailure | 'refused' | 'busy' | 'out-of-order' | 'no-uidl' | 'gone';

export class Pop3Error extends Error {
  readonly code = 'pop3';
  readonly reason: Pop3Failure;
  constructor(reason: Pop3Failure) {
    super(reason);
    this.reason = reason;
  }
}

export interface Listed {
  /** Good in this session only */
  number: number;
  /** Good for ever, as the server promises */
  uidl: string;
  octets: number;
}

/** A mailbox with more is none that a clerk has. */
const MESSAGES_MAX = 200_000;
const CAPABILITIES_MAX = 200;
/** RFC 5034 section 4: a longer one does not fit on the line of the command. */
const INITIAL_RESPONSE_MAX = 255 - 'AUTH PLAIN \r\n'.length;

/** What is wrong about a name or password before it is sent: it would end the command (RFC 1939 section 3). */
export function isSafePop3Login(login: { user: string; password: string }): boolean {
  return [login.user, login.password].every((text) => text !== '' && !/[\x00-\x1f\x7f]/.test(text));
}

/** One signed-in session. Every failure is a Pop3Error or a WireError: afterwards there is nothing to do but to close. */
export class Pop3Connection {
  readonly #wire: Wire;

  private constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** @throws Pop3Error, WireError */
  static async open(
    server: Pop3Server,
    login: { user: string; password: string },
    times: WireTimes = DEFAULT_WIRE_TIMES,
  ): Promise<Pop3Connection> {
    if (!isSafePop3Login(login)) throw new Pop3Error('refused');
    const wire = await Wire.open(server, times);
    const connection = new Pop3Connection(wire);
    try {
      await connection.#greet(server);
      await connection.#signIn(login);
      return connection;
    } catch (error) {
      wire.close();
      throw error;
    }
  }

  /** All messages, in the server's order. @throws Pop3Error `no-uidl` */
  async list(): Promise<Listed[]> {
    const named = await this.#ask('UIDL');
    if (!named.ok) throw new Pop3Error('no-uidl');
    const uidls = new Map<number, string>();
    for await (const line of this.#lines(MESSAGES_MAX)) {
      // Up to 70 printable characters (RFC 1939 section 7); somewhat longer ones do exist.
      const [, number, uidl] = /^(\d{1,9}) ([\x21-\x7e]{1,255})\s*$/.exec(line) ?? [];
      if (number === undefined || uidl === undefined) throw new Pop3Error('no-uidl');
      uidls.set(Number(number), uidl);
    }
    if (!(await this.#ask('LIST')).ok) throw new WireError('protocol');
    const listed: Listed[] = [];
    for await (const line of this.#lines(MESSAGES_MAX)) {
      const [, number, octets] = /^(\d{1,9}) (\d{1,12})(?:\s|$)/.exec(line) ?? [];
      const uidl = uidls.get(Number(number));
      if (uidl === undefined) throw new WireError('protocol');
      listed.push({ number: Number(number), uidl, octets: Number(octets) });
    }
    if (listed.length !== uidls.size) throw new WireError('protocol');
    return listed;
  }

  /** The message byte for byte, with the CRLF of its last line. To be read to its end. @throws Pop3Error `gone` */
  async *retrieve(number: number): AsyncGenerator<Buffer> {
    if (!(await this.#ask(`RETR ${number}`)).ok) throw new Pop3Error('gone');
    const lines = new MessageLines();
    while (lines.rest === null) yield* lines.take(await this.#wire.piece());
    this.#wire.putBack(lines.rest);
  }

  /** Marks a message: it is deleted by `quit`, and not at all when that does not come. */
  async remove(number: number): Promise<void> {
    if (!(await this.#ask(`DELE ${number}`)).ok) throw new Pop3Error('gone');
  }

  /** Ends the session; marked messages are deleted now. @throws Pop3Error where the server could not delete them */
  async quit(): Promise<void> {
    try {
      if (!(await this.#ask('QUIT')).ok) throw new Pop3Error('out-of-order');
    } finally {
      this.#wire.close();
    }
  }

  /** Ends it without a word: nothing is deleted. */
  close(): void {
    this.#wire.close();
  }

  async #greet(server: Pop3Server): Promise<void> {
    if (!readAnswer(await this.#wire.line()).ok) throw new Pop3Error('out-of-order');
    if (server.tls === 'implicit') return;
    if (!(await this.#ask('STLS')).ok) throw new WireError('tls');
    await this.#wire.secure(server);
  }

  async #signIn({ user, password }: { user: string; password: string }): Promise<void> {
    const sasl = await this.#saslMechanisms();
    const response = Buffer.from(`\0${user}\0${password}`).toString('base64');
    let answer: Answer;
    if (sasl.has('PLAIN') && response.length <= INITIAL_RESPONSE_MAX) {
      answer = await this.#ask(`AUTH PLAIN ${response}`);
    } else {
      answer = await this.#ask(`USER ${user}`);
      if (answer.ok) answer = await this.#ask(`PASS ${password}`);
    }
    if (answer.ok) return;
    throw new Pop3Error(REFUSALS[answer.code] ?? 'refused');
  }

  /** A server need not know CAPA. */
  async #saslMechanisms(): Promise<ReadonlySet<string>> {
    const mechanisms = new Set<string>();
    if (!(await this.#ask('CAPA')).ok) return mechanisms;
    for await (const line of this.#lines(CAPABILITIES_MAX)) {
      const [name, ...rest] = line.toUpperCase().split(' ');
      if (name === 'SASL') for (const mechanism of rest) mechanisms.add(mechanism);
    }
    return mechanisms;
  }

  async #ask(command: string): Promise<Answer> {
    await this.#wire.write(`${command}\r\n`);
    return readAnswer(await this.#wire.line());
  }

  /** Lines up to the one with a dot alone. */
  async *#lines(most: number): AsyncGenerator<string> {
    for (let count = 0; ; count++) {
      const line = await this.#wire.line();
      if (line === '.') return;
      if (count === most) throw new WireError('protocol');
      yield line.startsWith('.') ? line.slice(1) : line;
    }
  }
}

/** What a code in an answer to a sign-in says that no wrong password is (RFC 2449 section 8.1, RFC 3206). */
const REFUSALS: Readonly<Record<string, Pop3Failure>> = {
  'IN-USE': 'busy',
  'LOGIN-DELAY': 'busy',
  'SYS/TEMP': 'out-of-order',
  'SYS/PERM': 'out-of-order',
};

type Answer = { ok: boolean; code: string };

/** RFC 1939 section 3. */
function readAnswer(line: string): Answer {
  const [, status, code = ''] = /^(\+OK|-ERR)(?:\s+\[([A-Z0-9/-]{1,40})\])?(?:\s|$)/i.exec(line) ?? [];
  if (status === undefined) throw new WireError('protocol');
  return { ok: status.toUpperCase() === '+OK', code: code.toUpperCase() };
}
