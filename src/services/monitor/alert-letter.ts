import { type Formats, formatsFor, isTimeZone } from '../../i18n/formats.ts';
import { FALLBACK_LOCALE, isLocale } from '../../i18n/translate.ts';
import type { Address } from '../../mail/address.ts';
import { composeMime, plainMessage } from '../../mail/compose-mime.ts';
import { watchedName, watchedWords } from './monitor-words.ts';
import type { WatchedKind, WatchedLine } from './watched.ts';

/** What one part of an alert tells of. */
export type ToldIncident = {
  targetId: string;
  kind: WatchedKind;
  about: string;
  beganAt: Date;
  endedAt: Date | null;
  line: WatchedLine;
};

export type AlertLetter = {
  id: string;
  from: Address;
  to: Address;
  locale: string | null;
  timeZone: string;
  incidents: readonly ToldIncident[];
  publicUrl: URL;
  at: Date;
};

/** The mail to one administrator, in the own language; RFC 3834: written by a program, and nobody answers it. */
export async function writeAlert(letter: AlertLetter): Promise<Buffer> {
  const zone = isTimeZone(letter.timeZone) ? letter.timeZone : 'UTC';
  const formats = formatsFor(isLocale(letter.locale) ? letter.locale : FALLBACK_LOCALE, zone);
  const down = letter.incidents.filter(({ endedAt }) => endedAt === null);
  const back = letter.incidents.filter(({ endedAt }) => endedAt !== null);
  const page = new URL('/administration/monitor', letter.publicUrl).href;
  const parts = [
    formats.t('monitor.mail.begin'),
    ...partOf(formats, 'down', down, page),
    ...partOf(formats, 'up', back, page),
    formats.t('monitor.mail.end', { page }),
  ];
  const composed = await composeMime({
    from: letter.from,
    to: [letter.to],
    cc: [],
    subject: subjectOf(formats, down, back),
    text: `${parts.join('\n\n')}\n`,
    attachments: [],
    messageId: `<${letter.id}@${letter.publicUrl.hostname}>`,
    inReplyTo: null,
    references: [],
    date: letter.at,
    extraHeaders: [
      { name: 'Auto-Submitted', value: 'auto-generated' },
      { name: 'X-Auto-Response-Suppress', value: 'All' },
    ],
  });
  return plainMessage(composed);
}

function subjectOf(formats: Formats, down: readonly ToldIncident[], back: readonly ToldIncident[]): string {
  const [only] = down.length > 0 ? down : back;
  const name = only === undefined ? '' : watchedName(formats, only.kind, only.about);
  if (down.length > 0) return formats.t('monitor.mail.subject.down', { count: down.length, name });
  return formats.t('monitor.mail.subject.up', { count: back.length, name });
}

function partOf(formats: Formats, part: 'down' | 'up', told: readonly ToldIncident[], page: string): string[] {
  if (told.length === 0) return [];
  const { t } = formats;
  const entries = told.map(({ targetId, kind, about, beganAt, endedAt, line }) => {
    const { tried, result, advice } = watchedWords(formats, kind, 'failed', line);
    const name = watchedName(formats, kind, about);
    const since = formats.dateTime(beganAt);
    if (endedAt !== null) return `* ${name}\n  ${t('monitor.mail.was', { since, until: formats.dateTime(endedAt) })}`;
    const lines = [
      t('monitor.mail.since', { since }),
      `${t('setupCheck.line.tried')} ${tried}`,
      `${t('setupCheck.line.result')} ${result}`,
      ...(line.said === '' ? [] : [`${t('setupCheck.line.said')} ${formats.plainLine(line.said)}`]),
      ...(advice === '' ? [] : [`${t('setupCheck.line.advice')} ${advice}`]),
      `${page}/${targetId}`,
    ];
    return `* ${name}\n  ${lines.join('\n  ')}`;
  });
  return [t(`monitor.mail.${part}`, { count: told.length }), ...entries];
}
