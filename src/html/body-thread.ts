import { Worker } from 'node:worker_threads';
import type { BodyQuestion } from './body-content.ts';

export interface BodyLimits {
  threads: number;
  baseMs: number;
  msPerMiB: number;
  /** Heap of one thread */
  memoryMiB: number;
  /** Questions that may wait; above it the answer is `busy`. */
  waiting: number;
}

const LIMITS: BodyLimits = { threads: 2, baseMs: 2000, msPerMiB: 200, memoryMiB: 256, waiting: 200 };
/** A thread that was just started first loads the sanitiser. */
const START_MS = 3000;
const MiB = 1024 * 1024;

export type BodyAnswer = { ok: true; content: string } | { ok: false; reason: 'too-complex' | 'busy' };

interface Waiting {
  question: BodyQuestion;
  settle(answer: BodyAnswer): void;
}

interface Seat {
  worker: Worker;
  started: boolean;
  current: Waiting | null;
  timer: NodeJS.Timeout | null;
}

/**
 * Makes the content of body documents in threads, each question with limits of time and memory (security.md, "Bars"):
 * two megabytes of HTML take the parser seconds, and the event loop must not wait for them.
 */
export class BodyThreads {
  readonly #limits: BodyLimits;
  readonly #seats = new Set<Seat>();
  readonly #waiting: Waiting[] = [];
  #closed = false;

  constructor(limits: Partial<BodyLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** Never rejects. */
  ask(question: BodyQuestion): Promise<BodyAnswer> {
    if (this.#closed || this.#waiting.length >= this.#limits.waiting) {
      return Promise.resolve({ ok: false, reason: 'busy' });
    }
    return new Promise((settle) => {
      this.#waiting.push({ question, settle });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting.settle({ ok: false, reason: 'busy' });
    await Promise.all([...this.#seats].map((seat) => this.#end(seat, 'busy')));
  }

  #dispatch(): void {
    while (!this.#closed && this.#waiting.length > 0) {
      const idle = [...this.#seats].find((seat) => seat.current === null);
      const seat = idle ?? (this.#seats.size < this.#limits.threads ? this.#open() : null);
      const waiting = seat === null ? undefined : this.#waiting.shift();
      if (seat === null || waiting === undefined) return;
      this.#start(seat, waiting);
    }
  }

  #open(): Seat {
    const worker = new Worker(new URL('./body-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.memoryMiB },
    });
    const seat: Seat = { worker, started: false, current: null, timer: null };
    worker.on('message', ({ content }: { content: string | null }) => {
      seat.started = true;
      this.#settle(seat, content === null ? { ok: false, reason: 'too-complex' } : { ok: true, content });
    });
    worker.on('error', () => void this.#end(seat, 'too-complex'));
    worker.on('exit', () => void this.#end(seat, 'too-complex'));
    worker.unref();
    this.#seats.add(seat);
    return seat;
  }

  #start(seat: Seat, waiting: Waiting): void {
    const { question } = waiting;
    const characters = question.kind === 'text' ? question.text.length : question.html.length;
    const ms = this.#limits.baseMs + (characters / MiB) * this.#limits.msPerMiB + (seat.started ? 0 : START_MS);
    seat.current = waiting;
    seat.timer = setTimeout(() => void this.#end(seat, 'too-complex'), ms);
    seat.worker.ref();
    seat.worker.postMessage(question);
  }

  #settle(seat: Seat, answer: BodyAnswer): void {
    if (seat.timer !== null) clearTimeout(seat.timer);
    seat.timer = null;
    const waiting = seat.current;
    seat.current = null;
    seat.worker.unref();
    waiting?.settle(answer);
    this.#dispatch();
  }

  async #end(seat: Seat, reason: 'too-complex' | 'busy'): Promise<void> {
    if (!this.#seats.delete(seat)) return;
    this.#settle(seat, { ok: false, reason });
    await seat.worker.terminate();
  }
}
