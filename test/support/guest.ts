import { type TestApp, tokenOf } from './app.ts';
import type { Answer } from './clerk.ts';

const ORIGIN = 'http://localhost:8460';

/** Somebody without an account at a browser without a window: cookies, and the token of the page that the form stands on. */
export class Guest {
  readonly #world: TestApp;
  readonly #cookies = new Map<string, string>();
  readonly #network: string;

  constructor(world: TestApp, network = '192.0.2.1') {
    this.#world = world;
    this.#network = network;
  }

  get cookies(): Map<string, string> {
    return this.#cookies;
  }

  get(url: string): Promise<Answer> {
    return this.#send({ method: 'GET', url });
  }

  /** Sends the form that stands on `page`. */
  async post(page: string, url: string, fields: Record<string, string>): Promise<Answer> {
    const token = tokenOf((await this.get(page)).body);
    const headers = { origin: ORIGIN, 'content-type': 'application/x-www-form-urlencoded' };
    const payload = new URLSearchParams({ _csrf: token, ...fields }).toString();
    return this.#send({ method: 'POST', url, headers, payload });
  }

  async #send(request: {
    method: 'GET' | 'POST';
    url: string;
    headers?: Record<string, string>;
    payload?: string;
  }): Promise<Answer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...request.headers, cookie };
    const answer = await this.#world.app.inject({ ...request, headers, remoteAddress: this.#network });
    for (const { name, value } of answer.cookies) {
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return {
      status: answer.statusCode,
      body: answer.body,
      bytes: answer.rawPayload,
      location: answer.headers.location,
      headers: answer.headers,
    };
  }
}
