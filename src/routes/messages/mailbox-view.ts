import type { Formats } from '../../i18n/formats.ts';
import { formatLocale } from '../../i18n/translate.ts';
import type { ListedAddress, MessageRow } from '../../mail/message-list.ts';
import { hidesItsSubject } from '../../services/mailbox/hidden-subject.ts';
import type { ListedMessages } from '../../services/mailbox/list-messages.ts';
import { folderHref, messageHref, messageId } from '../../services/mailbox/message-ref.ts';
import type { KeptVerdict } from '../../services/mailbox/message-verdicts.ts';
import type { FolderPlace } from '../../services/mailbox/read-folders.ts';
import { saysSensitive } from '../../services/mailbox/said-marking.ts';

/** A word with its icon; `look` is a class of mark.css. */
export type Mark = { icon: string; text: string; look: string };

export type RowView = {
  id: string;
  href: string;
  who: string;
  subject: string;
  /** The subject is not known before the message was opened, or there is none: `subject` is our own text. */
  ownWords: boolean;
  unread: boolean;
  answered: boolean;
  attachment: boolean;
  size: string;
  arrived: Date;
  marks: Mark[];
};

export type DayGroup = { title: string; rows: RowView[] };

const PAGES_AROUND = 1;

/** Everything the list shows, as finished words. */
export function mailboxView(listed: ListedMessages, formats: Formats, now: Date) {
  const { page, folders } = listed;
  const here = folders?.find((folder) => folder.path === page.folder) ?? null;
  const name = here?.name ?? page.folder;
  const use = here?.specialUse ?? null;
  const toOthers = use === 'Sent' || use === 'Drafts';
  const unread = here?.unread ?? 0;
  return {
    title: unread > 0 ? formats.t('messages.list.title.unread', { name, count: unread }) : name,
    name,
    summary: formats.t('messages.list.summary', { total: page.total, unread }),
    action: `${folderHref(page.folder)}/actions`,
    page: page.page,
    groups: dayGroups(page.rows, (row) => rowView(row, listed, toOthers, formats), formats, now),
    empty: emptyView(use, formats),
    whoKey: toOthers ? 'messages.list.to' : 'messages.list.from',
    isBin: use === 'Trash',
    isArchive: use === 'Archive',
    moveTo: moveTargets(folders, page.folder),
    pager: page.pages > 1 ? pagerView(listed) : null,
  };
}

function rowView(
  row: MessageRow,
  listed: ListedMessages,
  toOthers: boolean,
  { t, size, list, plainName, plainLine }: Formats,
): RowView {
  const { folder, uidValidity } = listed.page;
  const ref = { folder, uidValidity, uid: row.uid };
  const opened = listed.subjects.get(row.uid);
  const inside = hidesItsSubject(row) && opened === undefined;
  const written = plainLine(opened ?? row.subject);
  const people = toOthers ? row.to : row.from === null ? [] : [row.from];
  return {
    id: messageId(ref),
    href: messageHref(ref),
    who:
      people.length === 0
        ? t('messages.list.nobody')
        : list(people.slice(0, 3).map((person) => plainName(nameOf(person)))),
    subject: inside ? t('messages.subject.inside') : written === '' ? t('messages.subject.none') : written,
    ownWords: inside || written === '',
    unread: row.unread,
    answered: row.answered,
    attachment: row.hasAttachment,
    size: size(row.size),
    arrived: row.internalDate,
    marks: [
      ...markingMarks(listed.markings.get(row.uid) ?? null, opened ?? row.subject, t),
      ...marksOf(row, listed.verdicts.get(row.uid) ?? null, t),
    ],
  };
}

function nameOf(person: ListedAddress): string {
  return person.name.trim() || person.address;
}

/** In grey what the subject says; the stamp only where a trusted signature bound the marking when the message was opened. */
export function markingMarks(bound: string | null, subject: string, t: Formats['t']): Mark[] {
  if (bound !== null) return [{ icon: 'stamp', text: 'SENSITIVE', look: 'blue boxed' }];
  return saysSensitive(subject) ? [{ icon: 'stamp', text: t('verdict.mark.sensitive'), look: '' }] : [];
}

/** Before a message was opened its MIME type speaks, in grey; afterwards what was found, and nothing else. */
export function marksOf(
  row: Pick<MessageRow, 'looksSigned' | 'looksEncrypted'>,
  verdict: KeptVerdict | null,
  t: Formats['t'],
): Mark[] {
  if (verdict === null) {
    return [
      ...(row.looksSigned ? [{ icon: 'seal', text: t('verdict.mark.signed'), look: '' }] : []),
      ...(row.looksEncrypted ? [{ icon: 'lock', text: t('verdict.mark.encrypted'), look: '' }] : []),
    ];
  }
  const closed = verdict.encryption === 'failed' && verdict.signature === 'none';
  return [
    ...(closed ? [] : [{ ...SIGNATURE_MARKS[verdict.signature], text: t(`verdict.mark.${verdict.signature}`) }]),
    ...(verdict.encryption === 'none'
      ? []
      : [{ ...ENCRYPTION_MARKS[verdict.encryption], text: t(`verdict.mark.${verdict.encryption}`) }]),
  ];
}

const SIGNATURE_MARKS: Record<KeptVerdict['signature'], Omit<Mark, 'text'>> = {
  trusted: { icon: 'seal-trusted', look: 'trusted' },
  untrusted: { icon: 'warning', look: 'seal boxed' },
  mismatch: { icon: 'mismatch', look: 'seal boxed' },
  invalid: { icon: 'seal-broken', look: 'seal boxed' },
  partial: { icon: 'seal-part', look: '' },
  none: { icon: 'dash', look: '' },
};

const ENCRYPTION_MARKS: Record<Exclude<KeptVerdict['encryption'], 'none'>, Omit<Mark, 'text'>> = {
  encrypted: { icon: 'lock', look: 'blue' },
  weak: { icon: 'lock-open', look: 'wait' },
  failed: { icon: 'key', look: 'wait' },
};

const DAY_MS = 86_400_000;

/** Rows come newest first; a title stands wherever the day's name changes. Days are those of the reader. */
export function dayGroups(
  rows: readonly MessageRow[],
  view: (row: MessageRow) => RowView,
  formats: Formats,
  now: Date,
): DayGroup[] {
  const month = new Intl.DateTimeFormat(formatLocale(formats.locale), {
    month: 'long',
    year: 'numeric',
    timeZone: formats.timeZone,
  });
  const today = dayNumber(formats.day(now));
  const groups: DayGroup[] = [];
  for (const row of rows) {
    const title =
      dayTitle(dayNumber(formats.day(row.internalDate)), today, formats.t) ?? month.format(row.internalDate);
    const last = groups.at(-1);
    if (last?.title === title) last.rows.push(view(row));
    else groups.push({ title, rows: [view(row)] });
  }
  return groups;
}

function dayNumber(day: string): number {
  return Math.round(Date.parse(`${day}T00:00:00Z`) / DAY_MS);
}

/** Weeks begin on Monday; day 4 since 1970 was one. */
function dayTitle(day: number, today: number, t: Formats['t']): string | null {
  const age = today - day;
  const week = (number: number) => Math.floor((number - 4) / 7);
  if (age === 0) return t('messages.day.today');
  if (age === 1) return t('messages.day.yesterday');
  if (age > 0 && week(day) === week(today)) return t('messages.day.thisWeek');
  if (week(day) === week(today) - 1) return t('messages.day.lastWeek');
  return null;
}

function emptyView(use: FolderPlace['specialUse'], { t }: Formats) {
  const kind =
    use === 'Inbox' || use === 'Sent' || use === 'Trash' || use === 'Archive' || use === 'Junk' ? use : 'other';
  const compose = kind === 'Inbox' || kind === 'Sent';
  return {
    icon: { Inbox: 'inbox', Sent: 'sent', Trash: 'bin', Archive: 'archive', Junk: 'junk', other: 'folder' }[kind],
    title: t(`messages.empty.${kind}.title`),
    text: t(`messages.empty.${kind}.text`),
    href: compose ? '/drafts/new' : folderHref('INBOX'),
    action: t(compose ? 'common.nav.compose' : 'messages.empty.toInbox'),
  };
}

/** Drafts of other programs are no place to file mail. */
function moveTargets(folders: readonly FolderPlace[] | null, current: string) {
  return (folders ?? [])
    .filter((folder) => folder.path !== current && folder.specialUse !== 'Drafts')
    .map((folder) => ({ value: folder.id, text: folder.name }));
}

function pagerView({ page }: ListedMessages) {
  const href = (number: number) => `${folderHref(page.folder)}${number > 1 ? `?page=${number}` : ''}`;
  const shown = [...new Set([1, ...around(page.page), page.pages])].filter(
    (number) => number >= 1 && number <= page.pages,
  );
  const pages: { number: number; current?: boolean; href?: string }[] = [];
  for (const number of shown.sort((a, b) => a - b)) {
    if (number - (pages.at(-1)?.number ?? 0) > 1) pages.push({ number: 0 });
    pages.push(number === page.page ? { number, current: true } : { number, href: href(number) });
  }
  const from = (page.page - 1) * 50 + 1;
  return {
    from,
    to: from + page.rows.length - 1,
    total: page.total,
    newer: page.page > 1 ? href(page.page - 1) : null,
    older: page.page < page.pages ? href(page.page + 1) : null,
    pages,
  };
}

function around(page: number): number[] {
  return Array.from({ length: 2 * PAGES_AROUND + 1 }, (_, index) => page - PAGES_AROUND + index);
}
