import { type Formats, formatsFor } from '../../i18n/formats.ts';
import type { CheckLine, Subject } from './check-line.ts';

/** A line as a person reads it: what was tried, what came back, what to do. */
export type LineWords = { tried: string; result: string; advice: string };

/** Where the sentences stand of what came back, and of what to do about it. */
const AREAS: Readonly<Record<Subject, [results: string, advice: string]>> = {
  clock: ['clock', 'clock'],
  database: ['database', 'database'],
  queue: ['queue', 'queue'],
  scanner: ['scanner', 'scanner'],
  names: ['names', 'names'],
  relay: ['connection', 'port25'],
  reports: ['reports', 'reports'],
  incoming: ['connection', 'port25'],
  imap: ['connection', 'tls'],
  submission: ['connection', 'tls'],
  pop3: ['connection', 'tls'],
  'imap-login': ['login', 'login'],
  'submission-login': ['login', 'login'],
};

export function lineWords(formats: Formats, line: CheckLine): LineWords {
  const { t } = formats;
  const facts = writtenFacts(formats, line.facts);
  const [results, advice] = AREAS[line.subject];
  const tried = t(`setupCheck.tried.${line.subject}`, facts);
  if (line.code === 'broken')
    return { tried, result: t('setupCheck.result.broken'), advice: t('setupCheck.advice.broken') };
  const code = line.code === 'ok' && 'cipher' in line.facts ? 'secured' : line.code;
  return {
    tried,
    result: t(`setupCheck.result.${results}.${code}`, facts),
    advice: line.state === 'ok' ? '' : t(`setupCheck.advice.${advice}.${line.code}`, facts),
  };
}

/** For the command, which speaks English. */
export function englishWords(line: CheckLine): LineWords & { title: string } {
  const formats = formatsFor('en', 'UTC');
  return { title: formats.t(`setupCheck.subject.${line.subject}`), ...lineWords(formats, line) };
}

/** Names come from DNS and from certificates: foreign text. */
function writtenFacts(formats: Formats, facts: CheckLine['facts']): CheckLine['facts'] {
  const written = Object.entries(facts).map(([name, value]): [string, string | number] => {
    if (name === 'until') return [name, formats.date(new Date(value))];
    if (name === 'since') return [name, formats.dateTime(new Date(value))];
    // a list of four relays is longer than a name
    return [name, typeof value === 'string' ? formats.plainLine(value) : value];
  });
  return Object.fromEntries(written);
}
