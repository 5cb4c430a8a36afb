import type { Formats } from '../../i18n/formats.ts';
import { addressKey } from '../../mail/address.ts';
import { type BodyView, bodyViews, mayShowRemote, namesRemote } from '../../services/mailbox/message-body.ts';
import { messageHref, messageId } from '../../services/mailbox/message-ref.ts';
import { folderId } from '../../services/mailbox/read-folders.ts';
import type { ReadMessage } from '../../services/mailbox/read-message.ts';
import { subjectBesideMarking } from '../../services/mailbox/said-marking.ts';
import type { AttachmentState } from '../../services/scanning/message-scans.ts';
import type { AttachmentSummary, MailAddress, OpenedMessage } from '../../smime/verdict.ts';
import { attachmentMark } from '../scan-words.ts';
import { chosenView } from './show-body.ts';

/** Signatures whose certificate may go into the contacts: intact ones, whether trusted yet or not (S04). */
const INTACT: readonly OpenedMessage['signature']['status'][] = ['trusted', 'untrusted', 'mismatch'];
const SHORT_TEXT = 900;
const LONG_TEXT = 4000;
const MOST_PEOPLE = 20;

/** Whose mailbox it is, and what they chose about pictures */
export type LetterReader = { address: string; remoteImages: boolean };

export type LetterQuery = { view?: BodyView | undefined; remote?: '1' | undefined };

/** The letter as the page shows it outside the frame: finished words, nothing of it markup. */
export function letterView(
  message: ReadMessage,
  query: LetterQuery,
  reader: LetterReader,
  formats: Formats,
  scans: readonly AttachmentState[] | null,
) {
  const { opened, ref, facts, closed } = message;
  const { t } = formats;
  const href = messageHref(ref);
  const views = bodyViews(opened);
  const view = chosenView(views, query.view);
  const reply = `/drafts/new?reply=${folderId(ref.folder)}/${messageId(ref)}`;
  const subject = formats.plainLine(subjectBesideMarking(opened));
  return {
    subject: subject === '' ? t('messages.subject.none') : subject,
    ownSubject: subject === '',
    marking: opened.marking,
    arrived: facts.internalDate,
    size: formats.size(facts.size),
    href,
    closed,
    isClaimShown: closed === 'none' && !(opened.encryption.status === 'failed' && opened.signature.status === 'none'),
    reply: { one: `${reply}&mode=reply`, all: `${reply}&mode=reply-all`, forward: `${reply}&mode=forward` },
    headers: headerLines(opened, reader.address, t),
    namesTwoSenders: opened.protectedFrom !== null,
    attachments: opened.attachments.map((attachment, at) => fileView(attachment, href, formats, scans?.[at])),
    attachmentsTitle: t(attachmentsKey(opened), { count: opened.attachments.length }),
    frame: frameView(message, view, query, reader.remoteImages),
    tabs: closed === 'none' ? tabsOf(views, view, href, t) : [],
    remote: remoteView(opened, view, query, reader.remoteImages, href),
    mayAddContact:
      INTACT.includes(opened.signature.status) &&
      opened.signature.signers.some((one) => one.certificate) &&
      !opened.from.some((one) => isOwn(one, reader.address)),
    certificatesOnly: opened.layers.some((layer) => layer.kind === 'certificates'),
    unlockHref: `/keys/unlock?next=${encodeURIComponent(href)}`,
  };
}

/** `Marja Virtanen <marja@…>`, where the name says more than the address; both as `plain` writes foreign names. */
export function addressLine({ name, address }: MailAddress, plain: (name: string) => string): string {
  return name === '' || name === address ? plain(address) : `${plain(name)} <${plain(address)}>`;
}

type HeaderView = {
  label: string;
  people: { name: string; address: string; own: boolean }[];
  more: number;
  text: string;
};

const isOwn = (one: MailAddress, own: string) => addressKey(one.address) === addressKey(own);

function headerLines(opened: OpenedMessage, own: string, t: Formats['t']): HeaderView[] {
  const line = (key: string, people: readonly MailAddress[]): HeaderView => ({
    label: t(`messages.header.${key}`),
    people: people.slice(0, MOST_PEOPLE).map((one) => ({
      name: one.name === one.address ? '' : one.name,
      address: one.address,
      own: isOwn(one, own),
    })),
    more: Math.max(0, people.length - MOST_PEOPLE),
    text: people.length === 0 ? t('messages.list.nobody') : '',
  });
  const differs = opened.sender !== null && opened.sender.address !== opened.from[0]?.address;
  return [
    line('from', opened.from),
    ...(opened.protectedFrom === null ? [] : [line('protectedFrom', opened.protectedFrom)]),
    ...(differs && opened.sender ? [line('sender', [opened.sender])] : []),
    line('to', opened.to),
    ...(opened.cc.length > 0 ? [line('cc', opened.cc)] : []),
    ...(opened.replyTo.length > 0 && opened.replyTo[0]?.address !== opened.from[0]?.address
      ? [line('replyTo', opened.replyTo)]
      : []),
  ];
}

function fileView(attachment: AttachmentSummary, href: string, formats: Formats, scan: AttachmentState | undefined) {
  const { t, size, plainLine } = formats;
  const name = plainLine(attachment.name);
  const extension = /\.([A-Za-z0-9]{1,8})$/.exec(name)?.[1]?.toUpperCase() ?? '';
  const facts = [extension, size(attachment.size)].filter((fact) => fact !== '').join(', ');
  return {
    name,
    about: attachment.encryptedPart ? `${facts}. ${t('messages.attachment.encryptedPart')}` : facts,
    href: `${href}/attachments/${attachment.index}`,
    scan: attachmentMark(formats, scan),
    isHeld: scan?.state === 'infected',
    release: scan?.state === 'infected' && scan.release !== null ? t(`scanning.release.${scan.release}`) : '',
  };
}

/** "Signed with the message" only where the signature holds for the whole of it. */
function attachmentsKey({ signature, encryption }: OpenedMessage): string {
  const isSigned = signature.status === 'trusted';
  const isEncrypted = encryption.status === 'encrypted';
  if (isSigned && isEncrypted) return 'messages.attachments.both';
  if (isSigned) return 'messages.attachments.signed';
  return isEncrypted ? 'messages.attachments.encrypted' : 'messages.attachments.plain';
}

/** Nothing can measure a sandboxed document: its height follows from the length of the text. */
function frameView({ opened, ref, closed }: ReadMessage, view: BodyView, query: LetterQuery, remoteByDefault: boolean) {
  if (closed !== 'none' || (view !== 'source' && opened.encryption.status === 'failed')) return null;
  const length = opened.text?.length ?? (opened.html === null ? 0 : opened.html.length / 3);
  const remote = view === 'html' && (query.remote === '1' || remoteByDefault) && mayShowRemote(opened);
  return {
    look: view === 'source' || length > LONG_TEXT ? 'long' : length < SHORT_TEXT && view === 'text' ? 'short' : '',
    source: `${messageHref(ref)}/body?view=${view}${remote ? '&remote=1' : ''}`,
    whole: view === 'source' ? `${messageHref(ref)}/source` : `${messageHref(ref)}/print?view=${view}`,
  };
}

function tabsOf(views: readonly BodyView[], current: BodyView, href: string, t: Formats['t']) {
  return (['text', 'html', 'source'] as const)
    .filter((view) => views.includes(view))
    .map((view) => ({ text: t(`messages.view.${view}`), href: `${href}?view=${view}`, current: view === current }));
}

/** The question whether to fetch pictures from elsewhere, or why they stay away; null where there are none. */
function remoteView(opened: OpenedMessage, view: BodyView, query: LetterQuery, byDefault: boolean, href: string) {
  if (view !== 'html' || !namesRemote(opened)) return null;
  if (!mayShowRemote(opened)) return { key: opened.encryption.status === 'none' ? 'invalid' : 'encrypted', href: null };
  if (query.remote === '1' || byDefault) return { key: 'shown', href: null };
  return { key: 'ask', href: `${href}?view=html&remote=1` };
}
