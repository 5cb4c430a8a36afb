import { Resolver } from 'node:dns/promises';

/** A host that takes mail for a domain (RFC 5321 section 5.1). */
export type MailExchanger = { preference: number; host: string; addresses: string[] };

/**
 * - `none`: the domain has no MX record, or is not known
 * - `no-answer`: no name server answered, or it could not tell
 */
export type ExchangerFailure = 'none' | 'no-answer';

export type Exchangers =
  | { ok: true; exchangers: MailExchanger[]; servers: string[] }
  | { ok: false; reason: ExchangerFailure; detail: string; servers: string[] };

/** More records than any network needs are not followed. */
const EXCHANGERS_MOST = 20;

/**
 * The MX records of a domain, lowest preference first, with the addresses of their hosts.
 * @param servers addresses of the resolvers that are asked; empty: those of the system
 */
export async function findMailExchangers(
  domain: string,
  servers: readonly string[],
  patienceMs = 4000,
): Promise<Exchangers> {
  const resolver = new Resolver({ timeout: patienceMs, tries: 1 });
  if (servers.length > 0) resolver.setServers(servers);
  const asked = resolver.getServers();
  try {
    const records = (await resolver.resolveMx(domain)).slice(0, EXCHANGERS_MOST);
    const exchangers = await Promise.all(
      records.map(async ({ priority, exchange }) => {
        const host = exchange.toLowerCase().replace(/\.$/, '');
        // a host without address is told as one; that nobody answers was seen above
        const addresses = await resolver.resolve4(host).catch(() => []);
        return { preference: priority, host, addresses: addresses.sort() };
      }),
    );
    exchangers.sort((one, other) => one.preference - other.preference || one.host.localeCompare(other.host));
    return { ok: true, exchangers, servers: asked };
  } catch (error) {
    const detail = String((error as NodeJS.ErrnoException).code ?? '');
    const none = detail === 'ENOTFOUND' || detail === 'ENODATA';
    return { ok: false, reason: none ? 'none' : 'no-answer', detail, servers: asked };
  }
}
