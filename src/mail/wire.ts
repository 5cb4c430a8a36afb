/** One connection to a mail server, read line by line: bounded, with patience that ends, TLS checked. For POP3 and for storing by IMAP. */
import net from 'node:net';
import tls from 'node:tls';
import { HostError, mailAddressOf } from './host.ts';
import { type MailServer, type TlsMode, tlsOptions } from './mail-server.ts';

export interface WirePlace extends Pick<MailServer, 'caPem' | 'serverName'> {
  host: string;
  port: number;
  tls: TlsMode;
}

/**
 * - `no-name`: the host's name is not known
 * - `not-allowed`: no mail server can have its address
 * - `unreachable`: no connection
 * - `tls`: no TLS, or the certificate was not accepted
 * - `timeout`: connected, but no answer in time
 * - `closed`: the server ended the connection
 * - `protocol`: what answers does not speak as it should
 */
export type WireFailure = 'no-name' | 'not-allowed' | 'unreachable' | 'tls' | 'timeout' | 'closed' | 'protocol';

export class WireError extends Error {
  readonly code = 'wire';
  readonly reason: WireFailure;
  constructor(reason: WireFailure, cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

/** Milliseconds. */
export interface WireTimes {
  /** Name, TCP and TLS */
  connectMs: number;
  /** Silence after which the connection counts as lost */
  silenceMs: number;
}

export const DEFAULT_WIRE_TIMES: WireTimes = { connectMs: 15_000, silenceMs: 60_000 };

const KiB = 1024;
/** RFC 1939 section 3 and RFC 2449 section 4 have 512, IMAP servers' capabilities are longer. */
const LINE_MAX = 8 * KiB;
/** What is read ahead of who takes it. */
const AHEAD_BYTES = 256 * KiB;
const LF = 0x0a;

/** Bytes in both directions over one socket. Every failure is a WireError. */
export class Wire {
  #socket: net.Socket;
  readonly #times: WireTimes;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended: WireError | null = null;
  #wake: (() => void) | null = null;
  readonly #onData = (piece: Buffer) => {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.length;
    if (this.#waitingBytes > AHEAD_BYTES) this.#socket.pause();
    this.#wake?.();
  };
  readonly #onEnd = () => this.#fail(new WireError('closed'));
  readonly #onError = (error: Error) => this.#fail(new WireError('closed', error));

  private constructor(socket: net.Socket, times: WireTimes) {
    this.#socket = socket;
    this.#times = times;
    this.#listen(socket);
  }

  /**
   * Name, TCP, and TLS from the first byte where the place has it so; else `secure` is to be called before anything is said.
   * @throws WireError
   */
  static async open(place: WirePlace, times: WireTimes = DEFAULT_WIRE_TIMES): Promise<Wire> {
    const address = await within(mailAddressOf(place.host), times.connectMs).catch((error) => {
      throw error instanceof HostError ? new WireError(error.reason, error) : error;
    });
    const tcp = net.connect({ host: address, port: place.port });
    await ready(tcp, 'connect', times.connectMs, 'unreachable');
    if (place.tls === 'starttls') return new Wire(tcp, times);
    return new Wire(await secured(tcp, place, times), times);
  }

  /** The rest of the connection is under TLS (RFC 2595 section 4, RFC 9051 section 6.2.1). @throws WireError */
  async secure(place: WirePlace): Promise<void> {
    // What came before TLS would be read as if it had come under it.
    if (this.#waitingBytes > 0) throw new WireError('protocol');
    const plain = this.#socket;
    plain.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd).off('error', this.#onError);
    plain.on('error', () => {});
    plain.pause();
    this.#socket = await secured(plain, place, this.#times);
    this.#listen(this.#socket);
  }

  /** A line without its end. @throws WireError `protocol` for one that is longer than any may be */
  async line(most = LINE_MAX): Promise<string> {
    for (;;) {
      const bytes = this.#all();
      const end = bytes.indexOf(LF);
      if (end > most || (end < 0 && bytes.length > most)) throw this.#broken('protocol');
      if (end >= 0) {
        this.#putBack(bytes.subarray(end + 1));
        return bytes.subarray(0, end > 0 && bytes[end - 1] === 0x0d ? end - 1 : end).toString('utf8');
      }
      this.#putBack(bytes);
      await this.#more();
    }
  }

  /** What has come, at least one byte. */
  async piece(): Promise<Buffer> {
    while (this.#waitingBytes === 0) await this.#more();
    return this.#all();
  }

  /** For what was read too far. */
  putBack(bytes: Buffer): void {
    this.#putBack(bytes);
  }

  /** Writes, and waits while the other side does not take it. */
  async write(bytes: string | Uint8Array): Promise<void> {
    if (this.#ended) throw this.#ended;
    if (this.#socket.write(bytes)) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => finish(() => reject(this.#broken('timeout'))), this.#times.silenceMs);
      const done = () => finish(resolve);
      const closed = () => finish(() => reject(this.#ended ?? new WireError('closed')));
      const socket = this.#socket;
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        socket.off('drain', done).off('close', closed);
        settle();
      };
      socket.once('drain', done).once('close', closed);
    });
  }

  /** Ends it without a word. */
  close(): void {
    this.#socket.destroy();
    this.#fail(new WireError('closed'));
  }

  #listen(socket: net.Socket): void {
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd).on('error', this.#onError);
    socket.resume();
  }

  #all(): Buffer {
    const [only] = this.#waiting;
    const bytes = this.#waiting.length === 1 && only ? only : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    return bytes;
  }

  #putBack(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#waiting.unshift(bytes);
    this.#waitingBytes += bytes.length;
  }

  async #more(): Promise<void> {
    if (this.#ended) throw this.#ended;
    this.#socket.resume();
    let timer: NodeJS.Timeout | undefined;
    const before = this.#waitingBytes;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(() => {
        this.#broken('timeout');
      }, this.#times.silenceMs);
    });
    clearTimeout(timer);
    this.#wake = null;
    if (this.#waitingBytes === before) throw this.#ended ?? new WireError('closed');
  }

  #broken(reason: WireFailure): WireError {
    const error = new WireError(reason);
    this.#fail(error);
    this.#socket.destroy();
    return error;
  }

  #fail(error: WireError): void {
    this.#ended ??= error;
    this.#wake?.();
  }
}

async function secured(tcp: net.Socket, place: WirePlace, times: WireTimes): Promise<tls.TLSSocket> {
  const name = place.serverName ?? place.host;
  const socket = tls.connect({ ...tlsOptions(place, place.host), host: name, socket: tcp });
  await ready(socket, 'secureConnect', times.connectMs, 'tls');
  return socket;
}

function ready(
  socket: net.Socket,
  event: 'connect' | 'secureConnect',
  milliseconds: number,
  failure: 'unreachable' | 'tls',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      socket.off(event, done).off('error', fail).off('close', close);
      settle();
    };
    const end = (error: WireError) => {
      finish(() => reject(error));
      socket.on('error', () => {});
      socket.destroy();
    };
    const done = () => finish(resolve);
    const fail = (cause: Error) => end(new WireError(failure, cause));
    const close = () => end(new WireError(failure));
    const timer = setTimeout(() => end(new WireError('timeout')), milliseconds);
    socket.once(event, done).once('error', fail).once('close', close);
  });
}

function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new WireError('timeout')), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
