import http from 'node:http';
import https from 'node:https';

export type ClientTls = { ca: string; pfx?: Buffer; passphrase?: string; cert?: string; key?: string };

/** `fetch` of a browser with this certificate, or with none. Connections are new each time, TLS sessions are resumed as browsers do. */
export function certificateFetch(tls: ClientTls): typeof fetch {
  const agent = new https.Agent({ ...tls, keepAlive: false });
  return (input, init) => send(https, { agent }, input, init);
}

/** `fetch` from this local address, with these headers on every request and another origin than the address says. */
export function plainFetch(
  from: { localAddress: string; headers: Record<string, string> },
  origin: string,
): typeof fetch {
  return (input, init) => {
    const headers = { ...(init?.headers as Record<string, string>), ...from.headers, origin };
    return send(http, { localAddress: from.localAddress }, input, { ...init, headers });
  };
}

async function send(
  client: typeof http | typeof https,
  options: https.RequestOptions,
  input: Parameters<typeof fetch>[0],
  init: RequestInit = {},
): Promise<Response> {
  const given = new Request(input, init);
  const body = init.body ? Buffer.from(await given.arrayBuffer()) : null;
  // The class Request leaves out what browsers set themselves.
  const headers = { ...Object.fromEntries(given.headers), ...(init.headers as Record<string, string>) };
  return new Promise((resolve, reject) => {
    const request = client.request(given.url, { ...options, method: given.method, headers }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => {
        const received = new Headers();
        for (let at = 0; at < answer.rawHeaders.length; at += 2)
          received.append(answer.rawHeaders[at] ?? '', answer.rawHeaders[at + 1] ?? '');
        resolve(new Response(Buffer.concat(pieces), { status: answer.statusCode ?? 500, headers: received }));
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
