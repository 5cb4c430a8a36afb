import type { Config } from '../../config.ts';
import { type Exchangers, findMailExchangers, type MailExchanger } from '../../mail/mail-exchangers.ts';
import { type Probe, probeIncoming } from '../../mail/probe-server.ts';
import { type CheckLine, checkLine, type Found } from './check-line.ts';

type Needs = Pick<Config, 'dnsServers' | 'relays'>;

/** So many relays the document names; fewer are fine where the settings say so. */
const RELAYS_OF_THE_DOCUMENT = 4;

/** Host and address of a relay: one that has two addresses is looked at twice. */
export type RelayPlace = { host: string; address: string };

/** MX records of a domain, against what the settings say; gives the relays found as well. */
export async function checkNames(config: Needs, domain: string): Promise<{ line: CheckLine; relays: RelayPlace[] }> {
  let relays: RelayPlace[] = [];
  const line = await checkLine('names', domain, { domain }, async () => {
    const found = await findMailExchangers(domain, config.dnsServers);
    if (found.ok) relays = placesOf(found.exchangers);
    return judgeNames(found, config.relays);
  });
  return { line, relays };
}

/** What came back from DNS, compared with the relays of the settings where there are any. */
export function judgeNames(found: Exchangers, expected: readonly RelayPlace[]): Found {
  const asked = { servers: found.servers.join(', ') };
  if (!found.ok) return { state: 'failed', code: found.reason, facts: { ...asked, detail: found.detail } };
  const { exchangers } = found;
  const facts = { ...asked, found: exchangers.map(written).join(', ') };
  const homeless = exchangers.find(({ addresses }) => addresses.length === 0);
  if (homeless) return { state: 'failed', code: 'no-address', facts: { ...facts, host: homeless.host } };
  const wanted = expected.map(({ host }) => host);
  if (expected.length > 0 && wanted.join() !== exchangers.map(({ host }) => host).join()) {
    return { state: 'failed', code: 'order', facts: { ...facts, expected: wanted.join(', ') } };
  }
  for (const { host, address } of expected) {
    const there = exchangers.find((exchanger) => exchanger.host === host)?.addresses ?? [];
    if (there.length === 1 && there[0] === address) continue;
    return {
      state: 'failed',
      code: 'address',
      facts: { ...facts, host, address: there.join(', '), expected: address },
    };
  }
  if (new Set(exchangers.map(({ preference }) => preference)).size < exchangers.length) {
    return { state: 'notice', code: 'equal', facts };
  }
  if (expected.length === 0 && exchangers.length < RELAYS_OF_THE_DOCUMENT) {
    return { state: 'notice', code: 'fewer', facts: { ...facts, count: exchangers.length } };
  }
  return { state: 'ok', code: 'ok', facts };
}

function written({ preference, host, addresses }: MailExchanger): string {
  return `${preference} ${host} (${addresses.join(', ')})`;
}

function placesOf(exchangers: readonly MailExchanger[]): RelayPlace[] {
  return exchangers.flatMap(({ host, addresses }) => addresses.map((address) => ({ host, address })));
}

/** Each relay once, in the order of first mention. */
export function distinctRelays(places: readonly RelayPlace[]): RelayPlace[] {
  return [...new Map(places.map((place) => [`${place.host} ${place.address}`, place])).values()];
}

/** The „telnet“ test of the document: is port 25 open, and does a mail server greet there? */
export function checkRelay({ host, address }: RelayPlace): Promise<CheckLine> {
  return checkLine('relay', host, { host, address }, async () => foundByProbe(await probeIncoming(address)));
}

/** The same at the server where a country's mail comes in. */
export function checkIncoming(about: string, host: string): Promise<CheckLine> {
  return checkLine('incoming', about, { host }, async () => foundByProbe(await probeIncoming(host)));
}

export function foundByProbe(probe: Probe): Found {
  if (probe.ok) return { state: 'ok', code: 'ok', said: probe.greeting };
  return { state: 'failed', code: probe.reason, said: probe.said, facts: { detail: probe.detail } };
}
