import net from 'node:net';

export type MilterPlace = { host: string; port: number };

/**
 * What a milter makes of a harmless message.
 * - `takes`: looked at to its end, and taken
 * - `early`: taken before it was looked at in full, so that nothing is known of what would look
 * - `later`: a temporary failure: what stands behind the milter does not do its work
 * - `refuses`: refused or made away with
 * - `silent`: it negotiates, and then does not answer in time
 * - `unreachable`, `protocol`: no connection, or what answers is no milter
 */
export type MilterVerdict = 'takes' | 'early' | 'later' | 'refuses' | 'silent' | 'unreachable' | 'protocol';

/** `said`: at which step, and with which words where it had some; foreign text. */
export type MilterAnswer = { verdict: MilterVerdict; said: string };

const PATIENCE_MS = 8000;
/** A milter has little to say: answers are names of headers and one line of text. */
const PACKET_MAX = 64 * 1024;
const SHOWN_MAX = 200;

/** Protocol of libmilter, version 6: all changes of a message are allowed to it (none is made), no step is left out by us. */
const VERSION = 6;
const ALL_CHANGES = 0x1ff;
/** A step that the milter does not want to hear of, by the bit of its answer. */
const UNWANTED = {
  connect: 0x01,
  helo: 0x02,
  mail: 0x04,
  rcpt: 0x08,
  body: 0x10,
  header: 0x20,
  'end of headers': 0x40,
};
const STEPS_OFFERED = 0x7f;

const text = (...parts: string[]) => Buffer.from(parts.map((part) => `${part}\0`).join(''), 'latin1');

type Step = { name: keyof typeof UNWANTED | 'end of message'; command: string; data: Buffer };

/** An address of documentation: scanners pass over what comes from their own network. */
const CLIENT = Buffer.concat([text('sealpost.invalid'), Buffer.from('4'), Buffer.from([0, 25]), text('192.0.2.1')]);
const HEADERS = [
  ['From', 'monitor@sealpost.invalid'],
  ['To', 'monitor@sealpost.invalid'],
  ['Subject', 'Does the scanner answer?'],
] as const;
const BODY = 'A look of the monitor. This message is scanned and goes nowhere.\r\n';

const STEPS: readonly Step[] = [
  { name: 'connect', command: 'C', data: CLIENT },
  { name: 'helo', command: 'H', data: text('sealpost.invalid') },
  { name: 'mail', command: 'M', data: text('<>') },
  { name: 'rcpt', command: 'R', data: text('<monitor@sealpost.invalid>') },
  ...HEADERS.map((header) => ({ name: 'header', command: 'L', data: text(...header) }) as const),
  { name: 'end of headers', command: 'N', data: Buffer.alloc(0) },
  { name: 'body', command: 'B', data: Buffer.from(BODY) },
  { name: 'end of message', command: 'E', data: Buffer.alloc(0) },
];

/**
 * Holds one whole conversation with a milter, as a mail server does for a letter: what it answers after the last byte says whether
 * the scanner behind it works. No mail server is in it, so nothing can be sent.
 */
export async function askMilter({ host, port }: MilterPlace, patienceMs = PATIENCE_MS): Promise<MilterAnswer> {
  const socket = net.connect({ host, port });
  const packets = new Packets(socket, AbortSignal.timeout(patienceMs));
  try {
    const wanted = await negotiate(packets);
    if (wanted === null) return { verdict: 'protocol', said: '' };
    for (const step of STEPS) {
      if (step.name !== 'end of message' && (wanted & UNWANTED[step.name]) !== 0) continue;
      packets.write(step.command, step.data);
      const verdict = judge(await finalAnswer(packets), step.name);
      if (verdict === null) continue;
      packets.write('Q');
      return verdict;
    }
    return { verdict: 'protocol', said: '' };
  } catch (error) {
    return { verdict: error instanceof MilterError ? error.verdict : 'protocol', said: '' };
  } finally {
    socket.on('error', () => {});
    socket.end();
    setTimeout(() => socket.destroy(), 1000).unref();
  }
}

/** The steps that it does not want to hear of; null where no milter answers. */
async function negotiate(packets: Packets): Promise<number | null> {
  const offer = Buffer.alloc(12);
  [VERSION, ALL_CHANGES, STEPS_OFFERED].forEach((value, index) => {
    offer.writeUInt32BE(value, index * 4);
  });
  packets.write('O', offer);
  const { command, data } = await packets.read();
  if (command !== 'O' || data.length < 12) return null;
  packets.negotiated = true;
  return data.readUInt32BE(8);
}

/** Passes over "still at work" and over changes, which nobody makes here. */
async function finalAnswer(packets: Packets): Promise<Packet> {
  for (;;) {
    const packet = await packets.read();
    if (!'p+-2hmibeq'.includes(packet.command)) return packet;
  }
}

/** Null: it wants to hear more. */
function judge({ command, data }: Packet, step: Step['name']): MilterAnswer | null {
  const words = shown(data.toString('latin1'));
  const said = words === '' ? step : `${step}: ${words}`;
  const last = step === 'end of message';
  if (command === 't' || (command === 'y' && words.startsWith('4'))) return { verdict: 'later', said };
  if (command === 'r' || command === 'd' || command === 'y') return { verdict: 'refuses', said };
  if (command === 'a') return { verdict: last ? 'takes' : 'early', said: last ? '' : said };
  if (command === 'c' || command === 's') return last ? { verdict: 'takes', said: '' } : null;
  return { verdict: 'protocol', said };
}

class MilterError extends Error {
  readonly verdict: MilterVerdict;
  constructor(verdict: MilterVerdict) {
    super(verdict);
    this.verdict = verdict;
  }
}

type Packet = { command: string; data: Buffer };

/** Length, command and data in both directions. */
class Packets {
  negotiated = false;
  readonly #socket: net.Socket;
  #bytes = Buffer.alloc(0);
  #failed = false;
  #wake: (() => void) | null = null;

  constructor(socket: net.Socket, end: AbortSignal) {
    this.#socket = socket;
    const fail = () => {
      this.#failed = true;
      this.#wake?.();
    };
    socket.on('data', (piece) => {
      this.#bytes = Buffer.concat([this.#bytes, piece]);
      this.#wake?.();
    });
    socket.on('error', fail).on('end', fail).on('close', fail);
    // what still comes is not waited for, however much it is
    end.addEventListener('abort', () => socket.destroy(), { once: true });
  }

  write(command: string, data: Buffer = Buffer.alloc(0)): void {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(data.length + 1);
    this.#socket.write(Buffer.concat([head, Buffer.from(command), data]));
  }

  /** @throws MilterError */
  async read(): Promise<Packet> {
    for (;;) {
      const length = this.#bytes.length >= 4 ? this.#bytes.readUInt32BE() : 0;
      if (this.#bytes.length >= 4 && (length < 1 || length > PACKET_MAX)) throw new MilterError('protocol');
      if (length > 0 && this.#bytes.length >= 4 + length) {
        const packet = this.#bytes.subarray(4, 4 + length);
        this.#bytes = this.#bytes.subarray(4 + length);
        return { command: String.fromCharCode(packet[0] ?? 0), data: packet.subarray(1) };
      }
      if (this.#failed) throw new MilterError(this.negotiated ? 'silent' : 'unreachable');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function shown(words: string): string {
  return words
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, SHOWN_MAX);
}
