import net from 'node:net';

/** Where clamd listens. */
export type ScannerPlace = { kind: 'unix'; path: string } | { kind: 'tcp'; host: string; port: number };

export type ScannerBounds = {
  /** For one content, from the first byte to the answer */
  timeoutMs: number;
  /** Larger contents are not given to it (`StreamMaxLength` of clamd is at least this) */
  maxBytes: number;
  /** Conversations at the same time; further ones wait, for `timeoutMs` at most */
  atOnce: number;
};

/**
 * Why there is no result.
 * - `unreachable`: nobody listens; `timeout`: no answer in time; `busy`: others were scanned for so long
 * - `too-large`: more bytes than are scanned
 * - `broken`: what came back is no answer of clamd, or came before it had read everything
 */
export type ScanFailure = 'unreachable' | 'timeout' | 'busy' | 'too-large' | 'broken';

export type ScanAnswer = { ok: true; finding: string | null } | { ok: false; reason: ScanFailure };

/** `text` is the answer in full: it changes with the program and its signatures. */
export type ScannerVersion = { text: string; program: string; signatures: string | null; signedAt: Date | null };
export type VersionAnswer = { ok: true; version: ScannerVersion } | { ok: false; reason: ScanFailure };

/** Pieces of `INSTREAM`; clamd reads them as they come. */
const PIECE_BYTES = 64 * 1024;
/** The longest answer is a name of a signature. */
const ANSWER_BYTES = 1024;
/** A question that needs no scanning. */
const QUESTION_MS = 5_000;
const FINDING_CHARACTERS = 120;

type Said = { ok: true; text: string } | { ok: false; reason: ScanFailure };
type Write = (bytes: Uint8Array) => Promise<void>;

/** A client of clamd (clamd(8), "COMMANDS"): `INSTREAM` and `VERSION`, one connection each. What the other side says is believed as little as mail. */
export class Clamd {
  readonly place: ScannerPlace;
  readonly #bounds: ScannerBounds;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(place: ScannerPlace, bounds: ScannerBounds) {
    this.place = place;
    this.#bounds = bounds;
  }

  get maxBytes(): number {
    return this.#bounds.maxBytes;
  }

  /**
   * Has a content scanned while it is read.
   * @throws what reading `content` throws
   */
  async scan(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<ScanAnswer> {
    if (!(await this.#turn())) return { ok: false, reason: 'busy' };
    try {
      return await this.#scanNow(content);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** @param patienceMs for who would rather go on without the answer */
  async version(patienceMs = QUESTION_MS): Promise<VersionAnswer> {
    const timeoutMs = Math.min(patienceMs, this.#bounds.timeoutMs);
    const said = await converse(this.place, timeoutMs, (write) => write(Buffer.from('zVERSION\0')));
    if (!said.ok) return said;
    const version = readVersion(said.text);
    return version === null ? { ok: false, reason: 'broken' } : { ok: true, version };
  }

  async #scanNow(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<ScanAnswer> {
    const { timeoutMs, maxBytes } = this.#bounds;
    const state = { sent: false, tooLarge: false };
    const said = await converse(this.place, timeoutMs, async (write) => {
      await write(Buffer.from('zINSTREAM\0'));
      let size = 0;
      for await (const bytes of content) {
        size += bytes.length;
        if (size > maxBytes) {
          state.tooLarge = true;
          throw new EndedError();
        }
        for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
          const piece = bytes.subarray(at, at + PIECE_BYTES);
          await write(lengthOf(piece.length));
          await write(piece);
        }
      }
      state.sent = true;
      await write(lengthOf(0));
    });
    if (state.tooLarge) return { ok: false, reason: 'too-large' };
    if (!said.ok) return said;
    const answer = readScanAnswer(said.text);
    // Nobody can know that a content is clean who has not seen all of it.
    if (answer.ok && answer.finding === null && !state.sent) return { ok: false, reason: 'broken' };
    return answer;
  }

  /** @returns false when it took too long */
  #turn(): Promise<boolean> {
    if (this.#running < this.#bounds.atOnce) {
      this.#running += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const begin = () => {
        clearTimeout(timer);
        this.#running += 1;
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        resolve(false);
      }, this.#bounds.timeoutMs);
      this.#waiting.push(begin);
    });
  }
}

/** The conversation is over; nobody hears of it. */
class EndedError extends Error {}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes);
  return length;
}

/** `stream: OK`, `stream: NAME FOUND`, and what went wrong. */
export function readScanAnswer(text: string): ScanAnswer {
  if (text === 'stream: OK') return { ok: true, finding: null };
  const found = /^stream: (.{1,1000}) FOUND$/s.exec(text)?.[1];
  if (found !== undefined) return { ok: true, finding: plainFinding(found) };
  return { ok: false, reason: /size limit exceeded/i.test(text) ? 'too-large' : 'broken' };
}

/** Names of signatures are ASCII without blanks. */
function plainFinding(name: string): string {
  return name.replace(/[^\x21-\x7e]+/g, '_').slice(0, FINDING_CHARACTERS);
}

/** `ClamAV 1.4.3/27824/Thu Nov 27 09:41:02 2026`; without a signature database of ClamAV's own the name alone. */
export function readVersion(text: string): ScannerVersion | null {
  if (!/^[\x20-\x7e]{1,200}$/.test(text)) return null;
  const [program = '', signatures, date] = text.split('/');
  if (!/^ClamAV \d/.test(program)) return null;
  const time = date === undefined ? Number.NaN : Date.parse(date);
  const signedAt = Number.isNaN(time) ? null : new Date(time);
  return { text, program, signatures: signatures && /^\d+$/.test(signatures) ? signatures : null, signedAt };
}

/**
 * One connection: sends, and takes the answer up to the zero byte that ends it (the `z` form of commands).
 * @throws what `send` throws, unless the conversation was over before
 */
function converse(place: ScannerPlace, timeoutMs: number, send: (write: Write) => Promise<void>): Promise<Said> {
  return new Promise((resolve, reject) => {
    const socket =
      place.kind === 'unix' ? net.connect({ path: place.path }) : net.connect({ host: place.host, port: place.port });
    let isOver = false;
    let isConnected = false;
    let answer = Buffer.alloc(0);
    let wake = () => {};
    const over = (settle: () => void) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.destroy();
      wake();
      settle();
    };
    const fail = (reason: ScanFailure) => over(() => resolve({ ok: false, reason }));
    const timer = setTimeout(() => fail('timeout'), timeoutMs);
    const write: Write = async (bytes) => {
      if (isOver) throw new EndedError();
      if (socket.write(bytes)) return;
      await new Promise<void>((done) => {
        wake = done;
        socket.once('drain', done);
      });
      if (isOver) throw new EndedError();
    };
    socket.on('data', (piece: Buffer) => {
      const end = piece.indexOf(0);
      answer = Buffer.concat([answer, end < 0 ? piece : piece.subarray(0, end)]);
      if (answer.length > ANSWER_BYTES) return fail('broken');
      if (end >= 0) over(() => resolve({ ok: true, text: answer.toString('latin1') }));
    });
    socket.on('error', () => fail(isConnected ? 'broken' : 'unreachable'));
    socket.on('close', () => fail('broken'));
    socket.once('connect', () => {
      isConnected = true;
      send(write).catch((error: unknown) => {
        if (error instanceof EndedError) fail('broken');
        else over(() => reject(error));
      });
    });
  });
}
