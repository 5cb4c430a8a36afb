import { type Dispatcher, ProxyAgent, request } from 'undici';

/** What one answer may weigh; lists are parsed by whoever opens a message, and kept as evidence. */
const LIST_BYTES = 10 * 1024 * 1024;
const ANSWER_BYTES = 256 * 1024;
const LIST_TIMEOUT_MS = 30_000;
const ANSWER_TIMEOUT_MS = 4000;
const SILENT_MS = 10 * 60_000;
const ASKED_MOST = 10_000;

/** Expected failures of fetching, in words for the administrator. */
export class FetchFailedError extends Error {
  readonly code = 'fetch-failed';
}

/**
 * Fetches from addresses that an administrator listed, through the proxy of the settings. Redirections are not followed: they would
 * lead to addresses that nobody listed.
 */
export class EvidenceFetcher {
  readonly #dispatcher: ProxyAgent | undefined;
  /** Certificates that are being asked about, or were without an answer, and since when */
  readonly #asked = new Map<string, number>();

  constructor(proxy: string | null) {
    this.#dispatcher = proxy === null ? undefined : new ProxyAgent(proxy);
  }

  /** The bytes of a revocation list. @throws FetchFailedError */
  list(url: string): Promise<Buffer> {
    return this.#fetch(url, { method: 'GET' }, { bytes: LIST_BYTES, timeoutMs: LIST_TIMEOUT_MS });
  }

  /** The answer of a responder about this certificate (RFC 6960 appendix A.1). @throws FetchFailedError */
  async answer(url: string, body: Buffer, about: string, now: Date): Promise<Buffer> {
    const headers = { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' };
    const limits = { bytes: ANSWER_BYTES, timeoutMs: ANSWER_TIMEOUT_MS };
    if (this.#asked.size >= ASKED_MOST) this.#asked.clear();
    this.#asked.set(about, now.getTime());
    const answer = await this.#fetch(url, { method: 'POST', headers, body }, limits);
    this.#asked.delete(about);
    return answer;
  }

  /** Whether a responder was asked about this lately and did not answer: pages do not wait for it again and again. */
  wasSilent(about: string, now: Date): boolean {
    const asked = this.#asked.get(about);
    return asked !== undefined && now.getTime() - asked < SILENT_MS;
  }

  /** Somebody wants to know now. */
  askAgain(about: readonly string[]): void {
    for (const one of about) this.#asked.delete(one);
  }

  async close(): Promise<void> {
    await this.#dispatcher?.close();
  }

  async #fetch(
    url: string,
    options: Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body'>,
    limits: { bytes: number; timeoutMs: number },
  ): Promise<Buffer> {
    try {
      const signal = AbortSignal.timeout(limits.timeoutMs);
      const { statusCode, body } = await request(url, { ...options, signal, dispatcher: this.#dispatcher });
      if (statusCode !== 200) {
        await body.dump();
        throw new FetchFailedError(`status ${statusCode}`);
      }
      return await bounded(body, limits.bytes);
    } catch (error) {
      if (error instanceof FetchFailedError) throw error;
      throw new FetchFailedError(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }
}

async function bounded(body: AsyncIterable<Buffer>, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > limit) throw new FetchFailedError(`more than ${limit} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
