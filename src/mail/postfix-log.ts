/** Lines of Postfix's log (also as rsyslog writes them): which message, which step, what became of it. */

export interface LogLine {
  readonly at: Date;
  /** `smtpd`, `cleanup`, `qmgr`, `smtp`, `bounce` … */
  readonly service: string;
  readonly queueId: string;
  readonly text: string;
  /** With its brackets, on the one line that names it */
  readonly messageId: string | null;
}

/** One attempt for one recipient. */
export interface LoggedDelivery {
  readonly to: string;
  /** As the sender named the recipient where that differs */
  readonly originalTo: string | null;
  /** The next server, `none` where none was reached */
  readonly relay: string;
  /** RFC 3463 */
  readonly status: string;
  readonly outcome: 'sent' | 'deferred' | 'bounced' | 'expired' | 'other';
  readonly answer: string;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MAX_LINE = 4_000;
const DAY_MS = 24 * 3_600_000;
const LINE =
  /^(?:([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d))) \S+ [^\s[\]]*?([a-z-]+)\[\d+\]: ([0-9A-Za-z]{5,20}): (.*)$/;
const DELIVERY =
  /^to=<([^<>]*)>,(?: orig_to=<([^<>]*)>,)? relay=([^,]*),.*? dsn=(\d\.\d{1,3}\.\d{1,3}), status=(\w+) \((.*)\)$/;
const OUTCOMES: ReadonlySet<string> = new Set(['sent', 'deferred', 'bounced', 'expired']);

/**
 * Null for lines about no message.
 * @param readAt the year of the old form, which has none, is taken so that no line is of the future; its hours are those of
 * this machine
 */
export function readLogLine(line: string, readAt: Date): LogLine | null {
  if (line.length > MAX_LINE) return null;
  const match = LINE.exec(line);
  if (match === null) return null;
  const [, month, day, hour, minute, second, iso, service = '', queueId = '', text = ''] = match;
  const at = iso === undefined ? withoutYear([month, day, hour, minute, second], readAt) : new Date(iso);
  // Words that are no queue id stand in the same place: `warning: …`, `disconnect from …`.
  if (at === null || Number.isNaN(at.getTime()) || !/[0-9A-Z]/.test(queueId) || queueId === 'NOQUEUE') return null;
  const named = service === 'cleanup' ? /^(?:resent-)?message-id=(<[^<>\s]{1,990}>)$/.exec(text) : null;
  return { at, service, queueId, text, messageId: named?.[1] ?? null };
}

function withoutYear(parts: (string | undefined)[], readAt: Date): Date | null {
  const month = MONTHS.indexOf(parts[0] ?? '');
  const [day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  if (month < 0) return null;
  const inYear = (year: number) => new Date(year, month, day, hour, minute, second);
  const at = inYear(readAt.getFullYear());
  return at.getTime() > readAt.getTime() + DAY_MS ? inYear(readAt.getFullYear() - 1) : at;
}

/** What an attempt came to; null for other lines. */
export function readDelivery(text: string): LoggedDelivery | null {
  const match = DELIVERY.exec(text);
  if (match === null) return null;
  const [, to = '', originalTo, relay = '', status = '', outcome = '', answer = ''] = match;
  return {
    to,
    originalTo: originalTo ?? null,
    relay,
    status,
    outcome: OUTCOMES.has(outcome) ? (outcome as LoggedDelivery['outcome']) : 'other',
    answer,
  };
}

/** `mail.example[192.0.2.2]` of the line with which a message came in. */
export function readClient({ service, text }: Pick<LogLine, 'service' | 'text'>): string | null {
  return /smtpd$/.test(service) ? (/^client=([^\s,]+)/.exec(text)?.[1] ?? null) : null;
}

/** The queue id of the report that was written about a message, and of which kind. */
export function readNotification({
  text,
}: Pick<LogLine, 'text'>): { kind: 'failed' | 'delayed' | 'success'; queueId: string } | null {
  const match = /^sender (non-delivery|delay|delivery status) notification: ([0-9A-Za-z]{5,20})$/.exec(text);
  if (match === null) return null;
  const kind = match[1] === 'non-delivery' ? 'failed' : match[1] === 'delay' ? 'delayed' : 'success';
  return { kind, queueId: match[2] as string };
}
