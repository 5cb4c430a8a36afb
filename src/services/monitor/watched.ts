import type { CheckLine, LineState } from '../setup-check/check-line.ts';

/**
 * What is watched (T24), in the order of the page. Those of the set-up check are looked at by its own checks; besides
 * - `relay-scanner`: whether a relay would take a letter now, which it does not while its virus scanner is away; where its milter may
 *   be asked, whether that looks at a test message
 * - `scanner`: the virus scanner of the node that looks, where it has one
 * - `name-server`: one of the network's own, behind the resolvers, which go on answering without it for days
 * - `resolver`: one of the resolvers that the nodes ask
 */
export const WATCHED_KINDS = [
  'database',
  'queue',
  'clock',
  'scanner',
  'relay',
  'relay-scanner',
  'name-server',
  'resolver',
  'names',
  'incoming',
  'submission',
  'imap',
  'pop3',
] as const;

export type WatchedKind = (typeof WATCHED_KINDS)[number];

/** What one look found, as it is kept; the words of each language come when it is read. */
export type WatchedLine = Pick<CheckLine, 'code' | 'facts' | 'said' | 'milliseconds'>;

/** `unknown`: what stands before it does not answer, so that nothing is known of it. */
export type WatchedState = Exclude<LineState, 'not-tried'> | 'unknown';

export type Finding = {
  kind: WatchedKind;
  /** Tells those of one kind apart */
  key: string;
  about: string;
  mailServerId: string | null;
  countryId: string | null;
  /** False for what nobody names at the moment */
  listed: boolean;
  state: WatchedState;
  line: WatchedLine;
};

/** @param whose `key` and the rows that it belongs to */
export function findingOf(
  kind: WatchedKind,
  whose: { key: string; mailServerId?: string; countryId?: string; listed?: boolean },
  line: CheckLine,
): Finding {
  const { about, state, code, facts, said, milliseconds } = line;
  return {
    kind,
    key: whose.key,
    about,
    mailServerId: whose.mailServerId ?? null,
    countryId: whose.countryId ?? null,
    listed: whose.listed ?? true,
    state: state === 'not-tried' ? 'unknown' : state,
    line: { code, facts, said, milliseconds },
  };
}
