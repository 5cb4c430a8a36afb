/**
 * What a set-up check tried, in the order in which a page shows it.
 * - `scanner`: the virus scanner
 * - `names`: MX records of a country's domain
 * - `relay`: port 25 of a relay
 * - `reports`: whether reports of the relays would be believed
 * - `incoming`: port 25 of the server where a country's mail comes in
 * - `pop3`: the same for classic clients, at servers that offer it
 * - `imap`, `submission`: connection, TLS and certificate; `imap-login`, `submission-login`: signing in there
 */
export const SUBJECTS = [
  'clock',
  'database',
  'queue',
  'scanner',
  'names',
  'relay',
  'reports',
  'incoming',
  'imap',
  'imap-login',
  'submission',
  'submission-login',
  'pop3',
] as const;

export type Subject = (typeof SUBJECTS)[number];

/** `notice`: works, but something is to be seen to; `not-tried`: says why not. */
export type LineState = 'ok' | 'notice' | 'failed' | 'not-tried';

/** One line as it is kept: codes and facts; the words of each language come when it is read. */
export type CheckLine = {
  subject: Subject;
  /** Name of what was looked at: a domain, a host, nothing for this installation's own */
  about: string;
  state: LineState;
  /** Key of the sentence that says what came back */
  code: string;
  /** What the sentences of tried, result and advice mention; moments as ISO texts under `until` and `since` */
  facts: Record<string, string | number>;
  /** What the other side said, as it said it; foreign text */
  said: string;
  milliseconds: number;
};

export type Found = Pick<CheckLine, 'state' | 'code'> & Partial<Pick<CheckLine, 'facts' | 'said'>>;

/** Measures how long `find` takes; what it throws becomes a line as well, so that one broken check does not hide the others. */
export async function checkLine(
  subject: Subject,
  about: string,
  facts: CheckLine['facts'],
  find: () => Promise<Found>,
): Promise<CheckLine> {
  const begin = performance.now();
  let found: Found;
  try {
    found = await find();
  } catch {
    found = { state: 'failed', code: 'broken' };
  }
  const milliseconds = Math.round(performance.now() - begin);
  return {
    subject,
    about,
    state: found.state,
    code: found.code,
    facts: { ...facts, ...found.facts },
    said: found.said ?? '',
    milliseconds,
  };
}
