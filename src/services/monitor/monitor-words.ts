import type { Formats } from '../../i18n/formats.ts';
import type { Subject } from '../setup-check/check-line.ts';
import { type LineWords, lineWords } from '../setup-check/check-words.ts';
import type { WatchedKind, WatchedLine, WatchedState } from './watched.ts';

/** What was tried, what came back and what to do, in the reader's language; those of the set-up check in its words. */
export function watchedWords(formats: Formats, kind: WatchedKind, state: WatchedState, line: WatchedLine): LineWords {
  const { t } = formats;
  const about = '';
  const asLine = (subject: Subject) =>
    lineWords(formats, { ...line, subject, about, state: state === 'unknown' ? 'not-tried' : state });
  if (kind === 'resolver' || kind === 'name-server') {
    const facts = { domain: formats.plainLine(String(line.facts['domain'] ?? '')), servers: '' };
    facts.servers = formats.plainLine(String(line.facts['servers'] ?? ''));
    const tried = t('monitor.tried.resolver', facts);
    if (line.code === 'ok') return { tried, result: t('monitor.result.resolver.ok'), advice: '' };
    const words = asLine('names');
    return { ...words, tried, advice: kind === 'resolver' ? words.advice : t('monitor.advice.name-server') };
  }
  if (kind !== 'relay-scanner') return asLine(kind);
  const [host, scanner] = [line.facts['host'], line.facts['scanner']].map((each) =>
    formats.plainLine(String(each ?? '')),
  );
  const facts = { host: host ?? '', scanner: scanner ?? '' };
  return {
    tried: t(scanner === '' ? 'monitor.tried.relay-scanner' : 'monitor.tried.relay-milter', facts),
    result: t(`monitor.result.relay-scanner.${line.code}`, facts),
    advice: state === 'ok' ? '' : t(`monitor.advice.relay-scanner.${line.code}`, facts),
  };
}

/** `Relay relay4.eu-admin.net` */
export function watchedName({ t, plainName }: Formats, kind: WatchedKind, about: string): string {
  const name = t(`monitor.kind.${kind}`);
  return about === '' ? name : t('monitor.name', { kind: name, about: plainName(about) });
}
