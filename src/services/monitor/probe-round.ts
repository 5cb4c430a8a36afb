import { getServers } from 'node:dns';
import type { Context } from '../../context.ts';
import type { Country, MailServer } from '../../generated/prisma/client.ts';
import { findMailExchangers } from '../../mail/mail-exchangers.ts';
import { installationChecks } from '../setup-check/check-installation.ts';
import { type CheckLine, checkLine } from '../setup-check/check-line.ts';
import { checkPorts } from '../setup-check/check-mail-server.ts';
import { checkNames, distinctRelays, judgeNames, type RelayPlace } from '../setup-check/check-relays.ts';
import { eachOf } from '../setup-check/run-checks.ts';
import { lookAtRelay } from './look-at-relay.ts';
import { type Finding, findingOf, type WatchedKind } from './watched.ts';

type Needs = Pick<Context, 'config' | 'database' | 'now'>;
type CountryWithServer = Country & { mailServer: MailServer };

/** A relay that DNS named is looked at for so long after it was named last. */
export const REMEMBERED_MS = 24 * 3_600_000;
/** Asked for where no country is there yet: a resolver that does not know it answers all the same. */
const ANY_DOMAIN = 'eu-admin.net';

/** Looks once at everything that this installation rests on. What does not answer holds up nothing else; nobody signs in anywhere. */
export async function probeEverything(needs: Needs): Promise<Finding[]> {
  const { config, database, now } = needs;
  const found: Finding[] = [];
  for (const check of installationChecks(needs)) {
    const line = await check();
    // a scanner that nobody set up is a matter of the set-up check
    if (line.subject === 'scanner' && config.scanner === null) continue;
    found.push(findingOf(line.subject as WatchedKind, { key: '' }, line));
  }
  const countries = await database.prisma.country.findMany({
    include: { mailServer: true },
    orderBy: { domain: 'asc' },
  });
  const places = [...config.relays];
  await eachOf(countries, async (country) => {
    const { line, relays } = await checkNames(config, country.domain);
    places.push(...relays);
    found.push(findingOf('names', { key: country.id, countryId: country.id }, line));
  });
  const named = distinctRelays(places);
  const relays = distinctRelays([...named, ...(await rememberedRelays(needs, now()))]);
  await eachOf(relays, async (place) => {
    const listed = named.some(({ host, address }) => host === place.host && address === place.address);
    found.push(...(await lookAtRelay(config, place, listed)));
  });
  const domain = countries[0]?.domain ?? ANY_DOMAIN;
  for (const [kind, addresses] of [
    ['name-server', config.nameServers],
    ['resolver', resolversOf(config.dnsServers)],
  ] as const) {
    await eachOf(addresses, async (address) => {
      found.push(findingOf(kind, { key: address }, await askServer(address, domain)));
    });
  }
  await eachOf(serversOf(countries), async (server) => {
    for (const line of await checkPorts(needs, server)) {
      const whose = { key: server.id, mailServerId: server.id };
      found.push(findingOf(line.subject as WatchedKind, whose, line));
    }
  });
  return found;
}

/** Relays that the settings do not name are known from DNS; while DNS is away they are watched on. */
async function rememberedRelays({ database }: Needs, at: Date): Promise<RelayPlace[]> {
  const rows = await database.prisma.monitorTarget.findMany({
    where: { kind: 'relay', listedAt: { gt: new Date(at.getTime() - REMEMBERED_MS) } },
    select: { key: true },
  });
  return rows.map(({ key }) => {
    const [host = '', address = ''] = key.split(' ');
    return { host, address };
  });
}

/** Any of its answers will do: what stands in it is judged for each country. */
function askServer(address: string, domain: string): Promise<CheckLine> {
  return checkLine('names', address, { domain }, async () => {
    const found = await findMailExchangers(domain, [address]);
    if (found.ok) return { state: 'ok', code: 'ok', facts: { servers: address } };
    // that there is no such record is an answer too
    return found.reason === 'none' ? { state: 'ok', code: 'ok', facts: { servers: address } } : judgeNames(found, []);
  });
}

function resolversOf(configured: readonly string[]): string[] {
  return [...new Set(configured.length > 0 ? configured : getServers())];
}

function serversOf(countries: readonly CountryWithServer[]): MailServer[] {
  return [...new Map(countries.map(({ mailServer }) => [mailServer.id, mailServer])).values()];
}
