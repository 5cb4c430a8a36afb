/** A browser without a window: cookies, redirects and the token of the last form. For tests of what the server answers. */
export class Visitor {
  readonly #base: string;
  readonly #cookies = new Map<string, string>();
  readonly #fetch: typeof fetch;
  #token = '';

  /** @param fetcher what speaks to the server, where it is not to be the usual one */
  constructor(base: string, fetcher: typeof fetch = fetch) {
    this.#base = base;
    this.#fetch = fetcher;
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies;
  }

  async get(path: string): Promise<Answer> {
    return this.#send(path, { method: 'GET' });
  }

  /** Fields of a form; the token of the last page goes with it unless one is given. */
  async post(
    path: string,
    fields: Record<string, string | string[]> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const body = new URLSearchParams();
    body.set('_csrf', this.#token);
    for (const [name, value] of Object.entries(fields)) {
      body.delete(name);
      for (const each of [value].flat()) body.append(name, each);
    }
    return this.#send(path, { method: 'POST', body, headers });
  }

  /** A multipart form; the token comes first, as on the pages. */
  async upload(path: string, parts: [name: string, value: string | File][]): Promise<Answer> {
    const body = new FormData();
    body.set('_csrf', this.#token);
    for (const [name, value] of parts) body.append(name, value);
    return this.#send(path, { method: 'POST', body });
  }

  /** Follows redirects by hand, so that each sets its cookies. */
  async #send(
    path: string,
    init: { method: string; body?: URLSearchParams | FormData; headers?: Record<string, string> },
  ): Promise<Answer> {
    let url = new URL(path, this.#base);
    let request = init;
    const passed: string[] = [];
    for (let hop = 0; hop < 10; hop++) {
      const response = await this.#fetch(url, {
        ...request,
        redirect: 'manual',
        headers: {
          ...(request.method === 'POST' ? { origin: url.origin } : {}),
          cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          ...request.headers,
        },
      });
      this.#remember(response);
      const location = response.headers.get('location');
      if (location === null || response.status < 300 || response.status >= 400)
        return this.#answer(response, url, passed);
      await response.arrayBuffer();
      url = new URL(location, url);
      passed.push(url.pathname);
      request = { method: 'GET' };
    }
    throw new Error(`too many redirects from ${path}`);
  }

  #remember(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';');
      const at = pair.indexOf('=');
      const expired = attributes.some((each) => /max-age=0|expires=Thu, 01 Jan 1970/i.test(each));
      if (expired) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
  }

  async #answer(response: Response, url: URL, passed: string[]): Promise<Answer> {
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = bytes.toString('utf8');
    const token = /name="_csrf" value="([^"]+)"/.exec(text)?.[1];
    if (token) this.#token = token;
    return { status: response.status, headers: response.headers, url: url.pathname + url.search, text, bytes, passed };
  }
}

export type Answer = { status: number; headers: Headers; url: string; text: string; bytes: Buffer; passed: string[] };

/** Signs in as the page does. */
export async function signInAs(
  base: string,
  person: { address: string; password: string },
  fetcher?: typeof fetch,
): Promise<Visitor> {
  const visitor = new Visitor(base, fetcher);
  await visitor.get('/sign-in');
  const answer = await visitor.post('/sign-in', { address: person.address, password: person.password });
  if (answer.status !== 200 || answer.url.startsWith('/sign-in'))
    throw new Error(`sign-in answered ${answer.status} at ${answer.url}`);
  return visitor;
}
