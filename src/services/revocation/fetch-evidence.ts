import { type Dispatcher, ProxyAgent, request } from 'undici';

/** What one answer may weigh; lists are parsed by whoever opens a message, and kept as evidence. */
const LIST_BYTES = 10 * 1024 * 1024;
const ANSWER_BYTES = 256 * 1024;
const LIST_TIMEOUT_MS = 30_000;
const ANSWER_TIMEOUT_MS = 4000;

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

  constructor(proxy: string | null) {
    this.#dispatcher = proxy === null ? undefined : new ProxyAgent(proxy);
  }

  /** The bytes of a revocation list. @throws FetchFailedError */
  list(url: string): Promise<Buffer> {
    return this.#fetch(url, { method: 'GET' }, { bytes: LIST_BYTES, timeoutMs: LIST_TIMEOUT_MS });
  }

  /** The answer of a responder (RFC 6960 appendix A.1). @throws FetchFailedError */
  answer(url: string, body: Buffer): Promise<Buffer> {
    const headers = { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' };
    const limits = { bytes: ANSWER_BYTES, timeoutMs: ANSWER_TIMEOUT_MS };
    return this.#fetch(url, { method: 'POST', headers, body }, limits);
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
