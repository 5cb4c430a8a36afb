import type { Config } from '../../config.ts';
import { isListed } from '../evidence/report-servers.ts';
import { type CheckLine, checkLine, type Found } from './check-line.ts';
import type { RelayPlace } from './check-relays.ts';

type Needs = Pick<Config, 'relays' | 'reportServers'>;

/** What is known of the relays. */
export type KnownRelays = {
  places: readonly RelayPlace[];
  /** Those of the lowest preference. A balancer hands on what comes in, and never writes a report itself: those behind it do */
  first: readonly RelayPlace[];
};

/** Whether reports of the relays would be believed (T05, T24); of the settings alone, nobody is asked. */
export function checkReports(config: Needs, relays: KnownRelays): Promise<CheckLine> {
  return checkLine('reports', '', {}, async () => judgeReports(config, relays));
}

/**
 * Every relay must be in REPORT_SERVERS; the first may be missing where there are others that are in it.
 * What only DNS names is a notice: those may be the countries' own servers, whose own reports count anyway.
 */
export function judgeReports({ relays, reportServers }: Needs, { places, first }: KnownRelays): Found {
  const wrong = relays.length > 0 ? 'failed' : 'notice';
  if (reportServers.length === 0) return { state: wrong, code: 'empty' };
  const facts = { found: reportServers.map(({ address, bits }) => written(address, bits)).join(', ') };
  const isFirst = ({ address }: RelayPlace) => first.some((each) => each.address === address);
  const hasOthers = places.some((place) => !isFirst(place));
  const unlisted = places.filter(({ address }) => !isListed(address, reportServers));
  const missing = unlisted.filter((place) => !hasOthers || !isFirst(place));
  if (missing.length > 0) return { state: wrong, code: 'missing', facts: { ...facts, expected: namesOf(missing) } };
  if (unlisted.length > 0) return { state: 'ok', code: 'balanced', facts: { ...facts, host: namesOf(unlisted) } };
  return { state: 'ok', code: 'ok', facts };
}

function namesOf(places: readonly RelayPlace[]): string {
  return places.map(({ host, address }) => `${host} (${address})`).join(', ');
}

function written(address: string, bits: number): string {
  return bits === (address.includes(':') ? 128 : 32) ? address : `${address}/${bits}`;
}
