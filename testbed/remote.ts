import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { maildirOf } from './daemons.ts';
import { DEFAULT_NETWORK, layoutOf } from './layout.ts';
import type { ServerName, Testbed, TestbedDescription, TestbedOptions } from './testbed.ts';

const PROGRAM = fileURLToPath(new URL('./run.ts', import.meta.url));

type Call = 'addOwnAccount' | 'stopServer' | 'killServer' | 'startServer' | 'wireCopies' | 'stop';

export interface RemoteRequest {
  id: number;
  call: Call;
  args: string[];
}

export type RemoteReply = { id: number; value?: unknown; error?: string };

/** Starts the test bed in a process of root's, and speaks with it in lines of JSON. It ends with this process. */
export async function startThroughSudo(options: TestbedOptions): Promise<Testbed> {
  if (spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) {
    throw new Error('The mail servers need root: run this as root, or allow sudo without a password');
  }
  const child = spawn('sudo', ['-n', process.execPath, ...process.execArgv, PROGRAM, 'serve'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const caller = new RemoteCaller(child);
  const description = (await caller.start(options)) as TestbedDescription;
  const layout = layoutOf({ ...options, network: options.network ?? DEFAULT_NETWORK });
  return {
    ...description,
    addOwnAccount: async (...args) => void (await caller.call('addOwnAccount', args)),
    stopServer: async (name: ServerName) => void (await caller.call('stopServer', [name])),
    killServer: async (name: ServerName) => void (await caller.call('killServer', [name])),
    startServer: async (name: ServerName) => void (await caller.call('startServer', [name])),
    mailboxFolder: (address) => maildirOf(description.place, layout, address),
    wireCopies: async () => {
      const copies = (await caller.call('wireCopies', [])) as string[];
      return copies.map((copy) => Buffer.from(copy, 'base64'));
    },
    stop: async () => {
      await caller.call('stop', []);
      child.stdin?.end();
    },
  };
}

class RemoteCaller {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #lastId = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error('No output to read from');
    createInterface({ input: child.stdout }).on('line', (line) => this.#receive(JSON.parse(line) as RemoteReply));
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('The test bed ended'));
      this.#waiting.clear();
    });
  }

  start(options: TestbedOptions): Promise<unknown> {
    return this.#send(options);
  }

  call(call: Call, args: string[]): Promise<unknown> {
    return this.#send({ call, args });
  }

  #send(message: object): Promise<unknown> {
    const id = this.#lastId;
    this.#lastId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, ...message })}\n`);
    });
  }

  #receive({ id, value, error }: RemoteReply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }
}
