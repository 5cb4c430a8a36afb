import type { Config } from '../../config.ts';
import { askMilter, type MilterAnswer } from '../../mail/milter.ts';
import { probeRelay, type RelayProbe } from '../../mail/probe-server.ts';
import { checkLine, type Found } from '../setup-check/check-line.ts';
import { foundByProbe, type RelayPlace } from '../setup-check/check-relays.ts';
import { type Finding, findingOf } from './watched.ts';

type RelayScanner = Config['relayScanners'][number];

/**
 * Whether a relay answers, and whether it would take a letter: both on one connection. Where its milter may be asked, that looks at a
 * test message besides: a milter whose scanner is away only says so once there is something to scan.
 */
export async function lookAtRelay(
  config: Pick<Config, 'relayScanners'>,
  { host, address }: RelayPlace,
  listed: boolean,
): Promise<Finding[]> {
  const facts = { host, address };
  let answer: RelayProbe | undefined;
  const relay = await checkLine('relay', host, facts, async () => {
    answer = await probeRelay(address);
    return foundByProbe(answer.probe);
  });
  const offer = answer?.offer ?? null;
  const scanner = config.relayScanners.find((each) => each.relay === host);
  const asked = offer?.takes === true ? scanner : undefined;
  const line = await checkLine('relay', host, asked ? { ...facts, scanner: written(asked) } : facts, async () => {
    if (asked) return foundByMilter(await askMilter(asked));
    return foundByOffer(offer);
  });
  const whose = { key: `${host} ${address}`, listed };
  const milliseconds = asked ? line.milliseconds : relay.milliseconds;
  return [findingOf('relay', whose, relay), findingOf('relay-scanner', whose, { ...line, milliseconds })];
}

function foundByOffer(offer: RelayProbe['offer']): Found {
  if (offer === null) return { state: 'not-tried', code: 'no-relay' };
  return { state: offer.takes ? 'ok' : 'failed', code: offer.takes ? 'ok' : 'later', said: offer.answer };
}

/** Of a relay that takes letters. */
function foundByMilter({ verdict, said }: MilterAnswer): Found {
  if (verdict === 'takes') return { state: 'ok', code: 'scanned', said };
  if (verdict === 'later' || verdict === 'silent') return { state: 'failed', code: 'scanner-away', said };
  if (verdict === 'refuses') return { state: 'failed', code: 'refuses', said };
  // the relay reaches its milter, or it would say "later" itself: what is wrong is the way from here
  return { state: 'notice', code: verdict === 'early' ? 'not-scanned' : 'no-milter', said };
}

function written({ host, port }: RelayScanner): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
