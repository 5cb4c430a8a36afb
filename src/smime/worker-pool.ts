/** Worker threads for messages and for PKCS#12 files, each job with limits of time and memory (security.md, bars). */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type Answers, detachBytes, type Job, type JobResult, spooledBytes } from './worker-jobs.ts';

const MiB = 1024 * 1024;

export interface PoolLimits {
  /** Workers for messages; those for PKCS#12 are apart, so that nobody waits for an import. */
  readonly workers: number;
  readonly baseMs: number;
  readonly msPerMiB: number;
  readonly pkcs12Ms: number;
  /** Heap and buffers of one worker, with what was given to it in memory; what waits in spools is not there. */
  readonly memoryBytes: number;
  /** Where large content waits during a job, a folder that only this user may enter; null for memory. */
  readonly spoolFolder: string | null;
}

const DEFAULT_LIMITS: PoolLimits = {
  workers: Math.min(availableParallelism(), 4),
  baseMs: 2000,
  msPerMiB: 200,
  pkcs12Ms: 15_000,
  memoryBytes: 256 * MiB,
  spoolFolder: null,
};

/**
 * Slices of a large message are garbage at once, and memory outside the heap is only looked at when the young generation is
 * full: with the usual 32 MiB a job over 100 MB held 100 MiB of them, with this 20 MiB, in the same time.
 */
const YOUNG_MIB = 3;

/** How often a worker is asked for the memory it holds. */
const WATCH_MS = 25;

export type LaneLoad = { lane: 'messages' | 'files'; busy: number; idle: number; waiting: number };

export interface WorkerPool {
  /**
   * Runs one job. Large buffers of the job (128 KiB and up that are not views into larger ones) are given away and empty
   * afterwards. `owner` is any name of who waits: owners take turns, whatever the length of their queues. Never rejects.
   */
  run<K extends Job['kind']>(job: Extract<Job, { kind: K }>, owner?: string): Promise<JobResult<Answers[K]>>;
  /** What it does at the moment */
  load(): LaneLoad[];
  /** Ends the workers; jobs that wait or run answer `closed`. */
  close(): Promise<void>;
}

/** Workers start with the first job, and stay. */
export function createWorkerPool(limits: Partial<PoolLimits> = {}): WorkerPool {
  const all = { ...DEFAULT_LIMITS, ...limits };
  const messages = new Lane(all.workers, all);
  const files = new Lane(2, all);
  return {
    run: (job, owner = '') => {
      const lane = isLong(job) ? files : messages;
      return lane.run(job, owner) as Promise<JobResult<never>>;
    },
    load: () => [
      { lane: 'messages', ...messages.load() },
      { lane: 'files', ...files.load() },
    ],
    close: async () => {
      await Promise.all([messages.close(), files.close()]);
    },
  };
}

/** A file may ask for millions of rounds, and a key is drawn until it is prime. */
function isLong({ kind }: Job): boolean {
  return kind === 'pkcs12-read' || kind === 'pkcs12-write' || kind === 'request-key';
}

type AnyResult = JobResult<Answers[Job['kind']]>;

interface Waiting {
  job: Job;
  settle(result: AnyResult): void;
}

interface Seat {
  worker: Worker;
  ready: Promise<void>;
  current: ((result: AnyResult) => void) | null;
}

class Lane {
  readonly #size: number;
  readonly #limits: PoolLimits;
  readonly #idle: Seat[] = [];
  readonly #seats = new Set<Seat>();
  // Insertion order is the order of turns: an owner who was served goes to the end.
  readonly #queues = new Map<string, Waiting[]>();
  #closed = false;

  constructor(size: number, limits: PoolLimits) {
    this.#size = size;
    this.#limits = limits;
  }

  run(job: Job, owner: string): Promise<AnyResult> {
    if (this.#closed) return Promise.resolve(failure('closed', 'the pool is closed'));
    return new Promise((settle) => {
      const queue = this.#queues.get(owner) ?? [];
      queue.push({ job, settle });
      this.#queues.set(owner, queue);
      this.#dispatch();
    });
  }

  load(): Omit<LaneLoad, 'lane'> {
    const waiting = [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
    const busy = [...this.#seats].filter(({ current }) => current !== null).length;
    return { busy, idle: this.#seats.size - busy, waiting };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const queue of this.#queues.values()) {
      for (const waiting of queue) waiting.settle(failure('closed', 'the pool is closed'));
    }
    this.#queues.clear();
    const seats = [...this.#seats];
    this.#seats.clear();
    await Promise.all(
      seats.map(async (seat) => {
        const settle = seat.current;
        seat.current = null;
        await seat.worker.terminate();
        settle?.(failure('closed', 'the pool is closed'));
      }),
    );
  }

  #dispatch(): void {
    while (!this.#closed && this.#queues.size > 0) {
      const seat = this.#idle.pop() ?? (this.#seats.size < this.#size ? this.#open() : null);
      if (seat === null) return;
      const waiting = this.#next();
      if (waiting === null) return;
      void this.#serve(seat, waiting);
    }
  }

  #next(): Waiting | null {
    for (const [owner, queue] of this.#queues) {
      const waiting = queue.shift();
      this.#queues.delete(owner);
      if (queue.length > 0) this.#queues.set(owner, queue);
      if (waiting !== undefined) return waiting;
    }
    return null;
  }

  #open(): Seat {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { spoolFolder: this.#limits.spoolFolder },
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.memoryBytes / MiB, maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    worker.unref();
    const ready = new Promise<void>((resolve) => worker.once('message', () => resolve()));
    const seat: Seat = { worker, ready, current: null };
    worker.on('error', (error) => this.#lose(seat, error));
    worker.on('exit', () => this.#lose(seat, new Error('the worker ended')));
    this.#seats.add(seat);
    return seat;
  }

  // Out of memory ends a worker with an error; whoever waited for it is told, and the seat is free for a new worker.
  #lose(seat: Seat, error: Error): void {
    const settle = seat.current;
    seat.current = null;
    this.#seats.delete(seat);
    const index = this.#idle.indexOf(seat);
    if (index >= 0) this.#idle.splice(index, 1);
    const outOfMemory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
    settle?.(failure(outOfMemory ? 'too-complex' : 'failed', error.message));
    this.#dispatch();
  }

  async #serve(seat: Seat, waiting: Waiting): Promise<void> {
    const outcome = new Promise<AnyResult>((resolve) => {
      seat.current = resolve;
    });
    seat.worker.ref();
    const started = await Promise.race([seat.ready.then(() => true), outcome.then(() => false)]);
    if (started) this.#start(seat, waiting.job);
    const result = await outcome;
    waiting.settle(result);
    if (this.#seats.has(seat)) {
      seat.worker.unref();
      this.#idle.push(seat);
    }
    this.#dispatch();
  }

  #start(seat: Seat, job: Job): void {
    const finish = seat.current;
    let timer: NodeJS.Timeout | undefined;
    let watch: NodeJS.Timeout | undefined;
    const settle = (result: AnyResult) => {
      clearTimeout(timer);
      clearInterval(watch);
      seat.worker.off('message', settle);
      seat.current = null;
      finish?.(result);
    };
    seat.current = settle;
    try {
      const { data, transfer } = detachBytes(job, true);
      const bytes = transfer.reduce((sum, buffer) => sum + buffer.byteLength, 0);
      if (bytes > this.#limits.memoryBytes) {
        data.masterKey?.fill(0);
        settle(failure('too-complex', 'more was given than the memory limit'));
        return;
      }
      seat.worker.on('message', settle);
      seat.worker.postMessage(data, transfer);
      timer = setTimeout(
        () => this.#stop(seat, 'the time limit was passed'),
        this.#timeLimit(job, bytes + spooledBytes(job)),
      );
      watch = this.#watchMemory(seat);
    } catch (error) {
      // A buffer that was given away before: the caller's fault, told to the caller.
      settle(failure('failed', (error as Error).message));
    }
  }

  #timeLimit(job: Job, bytes: number): number {
    if (isLong(job)) return this.#limits.pkcs12Ms;
    return this.#limits.baseMs + (bytes / MiB) * this.#limits.msPerMiB;
  }

  /** Buffers lie outside the heap that `resourceLimits` bounds. A worker in a long native call answers after it. */
  #watchMemory(seat: Seat): NodeJS.Timeout {
    let asking = false;
    const check = async () => {
      if (asking) return;
      asking = true;
      const job = seat.current;
      try {
        const { used_heap_size: heap, external_memory: external } = await seat.worker.getHeapStatistics();
        const passed = heap + external > this.#limits.memoryBytes;
        if (passed && seat.current === job) this.#stop(seat, 'the memory limit was passed');
      } catch {
        // The worker ended between the timer and the question.
      }
      asking = false;
    };
    return setInterval(() => void check(), WATCH_MS);
  }

  #stop(seat: Seat, message: string): void {
    const settle = seat.current;
    if (settle === null) return;
    seat.current = null;
    this.#seats.delete(seat);
    // Whoever waits closes the files of this job next, and their numbers are used again: the worker must be gone by then.
    void seat.worker.terminate().then(() => settle(failure('too-complex', message)));
  }
}

function failure(code: 'too-complex' | 'failed' | 'closed', message: string): AnyResult {
  return { ok: false, code, message };
}
