import type { Formats } from '../i18n/formats.ts';
import type { TrailEntry } from '../services/audit/search-trail.ts';
import { AUDIT_ACTIONS } from '../services/audit.ts';

/** One entry of the trail as a person reads it. */
export type ShownEntry = {
  at: Date;
  actor: string;
  network: string;
  action: string;
  /** Of the results the pages know a mark for; any other is shown as it is */
  result: string;
  resultText: string;
  reason: string;
  object: string;
  node: string;
  number: number;
  hash: string;
  previousHash: string;
  objectInFull: string;
};

/** Reasons that carry a number or names with them. */
const COMPOSED: [pattern: RegExp, key: string, parameter: 'count' | 'names'][] = [
  [/^ended (\d{1,6})$/, 'audit.reason.ended', 'count'],
  [/^collected (\d{1,9})$/, 'audit.reason.collected', 'count'],
  [/^collected-deleted (\d{1,9})$/, 'audit.reason.collected-deleted', 'count'],
  [/^pop3-stopped (\d{1,9})$/, 'audit.reason.pop3-stopped', 'count'],
  [/^programme: (.+)$/, 'audit.reason.programme', 'names'],
  [/^programme-granted: (.+)$/, 'audit.reason.programme-granted', 'names'],
  [/^programme-withdrawn: (.+)$/, 'audit.reason.programme-withdrawn', 'names'],
  [/^mail-server-chosen: (.+)$/, 'audit.reason.mail-server-chosen', 'names'],
  [/^settings: (.+)$/, 'audit.reason.settings', 'names'],
  [/^account: (.+)$/, 'audit.reason.account', 'names'],
];

/** @param accounts addresses of accounts by id, for entries that are about one */
export function presentEntry(formats: Formats, entry: TrailEntry, accounts: ReadonlyMap<string, string>): ShownEntry {
  const { at, actor, network, result, object, node, number } = entry;
  return {
    at,
    actor,
    network: known(formats, 'audit.network', network) ?? network,
    action: actionText(formats, entry.action),
    result,
    resultText: known(formats, 'audit.result', result) ?? result,
    reason: entry.reason === null ? '' : reasonText(formats, entry.reason),
    object: accounts.get(object) ?? known(formats, 'audit.object', object) ?? short(formats, object),
    node,
    number,
    hash: entry.hash.toString('hex'),
    previousHash: entry.previousHash.toString('hex'),
    objectInFull: object,
  };
}

/** What is in no language yet is shown as it was recorded. */
export function actionText(formats: Formats, action: string): string {
  return known(formats, 'audit.action', action) ?? action;
}

export function actionOptions(formats: Formats): { value: string; text: string }[] {
  const all = AUDIT_ACTIONS.map((value) => ({ value, text: actionText(formats, value) }));
  return all.toSorted((a, b) => a.text.localeCompare(b.text, formats.locale));
}

function reasonText(formats: Formats, reason: string): string {
  for (const [pattern, key, parameter] of COMPOSED) {
    const found = pattern.exec(reason)?.[1];
    if (found === undefined) continue;
    if (parameter === 'count') return formats.t(key, { count: Number(found) });
    const names = found.split(', ').map((name) => known(formats, 'audit.rule', name) ?? name);
    return formats.t(key, { names: formats.list(names) });
  }
  const whole = known(formats, 'audit.reason', reason.replaceAll(' ', '-'));
  if (whole !== null) return whole;
  // What happened, and then a detail: why it was refused, or the id of what it is about.
  const [first = '', ...rest] = reason.split(' ');
  const what = known(formats, 'audit.reason', first);
  if (what === null || rest.length === 0) return reason;
  const detail = rest.join(' ');
  return `${what}: ${known(formats, 'audit.reason', detail) ?? detail}`;
}

function known({ has, t }: Formats, area: string, name: string): string | null {
  if (!/^[\w-]{1,60}$/.test(name) || !has(`${area}.${name}`)) return null;
  return t(`${area}.${name}`);
}

/** The beginning of a thumbprint tells it from others; the whole stands in the details. */
function short({ thumbprint }: Formats, object: string): string {
  return /^[0-9a-f]{64}$/.test(object) ? `${thumbprint(object.slice(0, 16))} …` : object;
}
