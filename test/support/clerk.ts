import { randomBytes } from 'node:crypto';
import type { Account } from '../../src/generated/prisma/client.ts';
import { type TestApp, tokenOf } from './app.ts';

const ORIGIN = 'http://localhost:8460';

export type Answer = {
  status: number;
  body: string;
  bytes: Buffer;
  location: string | undefined;
  headers: Record<string, unknown>;
};
export type Upload = { field: string; name: string; bytes: Buffer };

/** A clerk at a browser without a window: one session, and the token of the page that the form stands on. */
export class Clerk {
  readonly #world: TestApp;
  readonly #cookies: Map<string, string>;

  private constructor(world: TestApp, cookie: string) {
    this.#world = world;
    const [name = '', value = ''] = cookie.split('=');
    this.#cookies = new Map([[name, value]]);
  }

  static async signIn(world: TestApp, account: Account): Promise<Clerk> {
    return new Clerk(world, await world.cookieFor(account));
  }

  /** The session's cookie, for services that are asked directly. */
  get sid(): string {
    return this.#cookies.get('sid') ?? '';
  }

  /** Sets the key passphrase; the keys are open afterwards. */
  async choosePassphrase(passphrase: string): Promise<void> {
    const answer = await this.post('/keys/passphrase', '/keys/passphrase', { passphrase, repeated: passphrase });
    if (answer.status !== 200) throw new Error(`choosing a passphrase answered ${answer.status}`);
  }

  get(url: string): Promise<Answer> {
    return this.send({ method: 'GET', url, headers: {} });
  }

  /** Sends the form that stands on `page`. */
  async post(page: string, url: string, fields: Record<string, string>): Promise<Answer> {
    const token = tokenOf((await this.get(page)).body);
    const headers = {
      origin: ORIGIN,
      referer: `${ORIGIN}${page}`,
      'content-type': 'application/x-www-form-urlencoded',
    };
    return this.send({
      method: 'POST',
      url,
      headers,
      payload: new URLSearchParams({ _csrf: token, ...fields }).toString(),
    });
  }

  /** The same for a form with a file. */
  async upload(
    page: string,
    url: string,
    fields: Record<string, string>,
    files: Upload | Upload[] | null,
  ): Promise<Answer> {
    const token = tokenOf((await this.get(page)).body);
    const boundary = `----${randomBytes(12).toString('hex')}`;
    const head = (disposition: string) => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`;
    const parts: Buffer[] = Object.entries({ _csrf: token, ...fields }).map(([name, value]) =>
      Buffer.from(`${head(`name="${name}"`)}\r\n${value}\r\n`),
    );
    for (const file of files === null ? [] : [files].flat()) {
      const disposition = `name="${file.field}"; filename="${file.name}"`;
      parts.push(
        Buffer.from(`${head(disposition)}Content-Type: application/x-pkcs12\r\n\r\n`),
        file.bytes,
        Buffer.from('\r\n'),
      );
    }
    parts.push(Buffer.from(`--${boundary}--\r\n`));
    const headers = {
      origin: ORIGIN,
      referer: `${ORIGIN}${page}`,
      'content-type': `multipart/form-data; boundary=${boundary}`,
    };
    return this.send({ method: 'POST', url, headers, payload: Buffer.concat(parts) });
  }

  /** A request as it is, with or without a token: what a page of another site could send. */
  async send(request: {
    method: 'GET' | 'POST';
    url: string;
    headers: Record<string, string>;
    payload?: string | Buffer;
  }): Promise<Answer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.#world.app.inject({ ...request, headers: { ...request.headers, cookie } });
    for (const { name, value } of answer.cookies) {
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const location = answer.headers.location;
    return {
      status: answer.statusCode,
      body: answer.body,
      bytes: answer.rawPayload,
      location,
      headers: answer.headers,
    };
  }
}
