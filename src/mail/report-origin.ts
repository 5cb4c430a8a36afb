/**
 * Through whose hands a message came into a mailbox: what the mailbox's own server wrote above everything else. Fields
 * further down are the word of whoever wrote them (RFC 5321 section 4.4), and are not read.
 */
import { isIP } from 'node:net';
import type { HeaderField, MimeEntity } from '../mime/entity.ts';

export interface ReportOrigin {
  /** The return path was empty, as that of every report is (RFC 3461 section 6.1) */
  readonly nullSender: boolean;
  /**
   * Who handed it to the mailbox's own server: the network address of a server, or `own` where that server wrote it itself.
   * Null where the fields do not tell.
   */
  readonly handedInBy: string | 'own' | null;
}

/** One Received field as far as it is believed: the host that wrote it, and whom it had it from. */
interface Hop {
  readonly by: string;
  readonly from: string | 'own' | null;
}

/** The hop inside one machine from its mail server to its mailboxes. No other form of the field looks so throughout. */
const LMTP_HOP =
  /^from [^\s()]+ by ([^\s();]+) with LMTP id [^\s();]+(?: \(envelope-from <[^<>]*>\))?(?: for <[^<>]*>)?;[^;()]*$/;
const LMTP_FROM = /^from ([^\s()]+) by/;
/** Without comments; the host stands last of all words of this kind: the name that the other side gave of itself comes before. */
const BY_HOST = /^.* by ([A-Za-z0-9.-]{1,255})( with [^;]*?)? id /;
const OWN_REPORT = /^by ([A-Za-z0-9.-]{1,255}) \([^()]*\) id [^\s;()]+;[^;]*$/;
const MAX_FIELD = 4_000;

/**
 * @param ownHosts names in lower case under which the mailbox's own server writes the field
 */
export function readReportOrigin(message: Pick<MimeEntity, 'headers'>, ownHosts: ReadonlySet<string>): ReportOrigin {
  const received = message.headers.filter((field) => field.name === 'received');
  const returnPath = message.headers.find((field) => field.name === 'return-path');
  const nullSender = returnPath !== undefined && returnPath.value.trim() === '<>' && isAbove(returnPath, received[0]);
  const written = received.slice(0, 2).map((field) => field.value.replace(/\s+/g, ' ').trim());
  const [first = '', second = ''] = written;
  const lmtp = LMTP_HOP.exec(first);
  const lmtpHosts = [lmtp?.[1], LMTP_FROM.exec(first)?.[1]].map((host) => host?.toLowerCase() ?? '');
  const throughLmtp = lmtp !== null && lmtpHosts.every((host) => ownHosts.has(host));
  const hop = readHop(throughLmtp ? second : first);
  return { nullSender, handedInBy: hop !== null && ownHosts.has(hop.by) ? hop.from : null };
}

function isAbove(field: HeaderField, other: HeaderField | undefined): boolean {
  return other === undefined || field.start < other.start;
}

function readHop(field: string): Hop | null {
  if (field.length > MAX_FIELD) return null;
  const own = OWN_REPORT.exec(field);
  // `(Postfix, from userid 1000)`: somebody on that machine wrote it, not the server.
  if (own !== null) return field.includes('userid') ? null : { by: (own[1] as string).toLowerCase(), from: 'own' };
  if (!field.startsWith('from ')) return null;
  const match = BY_HOST.exec(withoutAllComments(field));
  // Who signed in here may have written anything (RFC 3848: the A stands for that).
  if (match === null || /\bwith \w*SMTPS?A\b/i.test(match[2] ?? '')) return null;
  return { by: (match[1] as string).toLowerCase(), from: clientOf(field) };
}

function withoutAllComments(field: string): string {
  let left = field;
  for (let before = ''; left !== before; ) {
    before = left;
    left = left.replace(/ ?\([^()]*\)/g, '');
  }
  return left;
}

/**
 * `from said (name [192.0.2.1])`, `from name ([192.0.2.1] helo=said)`, `from said (192.0.2.1)`, `from [192.0.2.1] (helo=said)`.
 * What was said never stands inside the first round bracket, or only behind `helo=`.
 */
function clientOf(field: string): string | null {
  const comment = /\(([^()]*)\)/.exec(field);
  const by = field.indexOf(' by ');
  if (comment === null || by < comment.index) return null;
  const [said = ''] = (comment[1] as string).split('helo=');
  if (said === '' && comment[1] !== '')
    return address(/^from \[([^[\]]*)\] $/.exec(field.slice(0, comment.index))?.[1] ?? '');
  const told = /\[([^[\]]*)\]/.exec(said)?.[1] ?? said.trim();
  return address(told);
}

function address(told: string): string | null {
  const bare = told.replace(/^IPv6:/i, '');
  return isIP(bare) === 0 ? null : bare.toLowerCase();
}
