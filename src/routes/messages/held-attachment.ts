import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { folderHref, messageHref } from '../../services/mailbox/message-ref.ts';
import { readMessage } from '../../services/mailbox/read-message.ts';
import { type CheckedAttachment, checkAttachment } from '../../services/scanning/message-scans.ts';
import { askForRelease, readReleases, takeRelease } from '../../services/scanning/releases.ts';
import type { Verdict } from '../../services/scanning/scan-content.ts';
import { megabytes } from '../drafts/compose-checks.ts';
import { RELEASE_LOOK } from '../scan-words.ts';
import { attachmentIndexOf, messageOf } from './params.ts';
import { sendAttachment } from './send-attachment.ts';

type Held = Extract<Verdict, { state: 'infected' | 'unscanned' }>;

/** What was found in an attachment, and how far a request for it is. */
export function showFinding(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { attachment, verdict } = await checked(context, request);
    await attachment.release();
    if (verdict.state === 'off' || verdict.state === 'clean') return nothingFound(context, request, reply);
    return heldPage(context, request, reply, { attachment, verdict });
  };
}

/** Asks an administrator, once. */
export function askRelease(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { attachment, verdict } = await checked(context, request);
    await attachment.release();
    if (verdict.state === 'off' || verdict.state === 'clean') return nothingFound(context, request, reply);
    if (verdict.state === 'unscanned') return heldPage(context, request, reply.code(503), { attachment, verdict });
    const message = await readMessage(context, session, messageOf(request), { recorded: true });
    const { sha256, finding } = verdict;
    const asked = await askForRelease(context, session, message, { sha256, finding, size: attachment.size });
    if (asked) leaveNotice(reply, context.config, 'done', 'scanning.release.askedNow');
    else leaveNotice(reply, context.config, 'info', 'scanning.release.askedBefore');
    return reply.redirect(`${attachmentHref(request)}/finding`);
  };
}

/** The one time that it may be saved after an administrator released it. */
export function saveReleased(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { attachment, verdict } = await checked(context, request);
    if (verdict.state === 'off' || verdict.state === 'clean') return sendAttachment(reply, attachment);
    let taken = false;
    try {
      taken = verdict.state === 'infected' && (await takeRelease(context, signedIn(request), verdict.sha256));
    } finally {
      if (!taken) await attachment.release();
    }
    if (taken) return sendAttachment(reply, attachment);
    return heldPage(context, request, reply.code(verdict.state === 'infected' ? 403 : 503), { attachment, verdict });
  };
}

/** Why an attachment is not given away: something was found, or nobody could look. */
export async function heldPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  { attachment, verdict }: { attachment: Pick<CheckedAttachment['attachment'], 'name' | 'size'>; verdict: Held },
) {
  const session = signedIn(request);
  const { t, plainLine, size } = request.formats;
  const ref = messageOf(request);
  const file = { name: plainLine(attachment.name), about: size(attachment.size) };
  const shared = {
    currentFolder: ref.folder,
    folderHref: folderHref(ref.folder),
    file,
    href: attachmentHref(request),
    back: messageHref(ref),
  };
  if (verdict.state === 'unscanned') {
    const policy = session.account.country.programme.scannerPolicy;
    const kind = verdict.reason === 'too-large' ? 'tooLarge' : 'noAnswer';
    return reply.page('messages/unscanned', {
      ...shared,
      title: t(`scanning.unscanned.${kind}.title`),
      text: t(`scanning.unscanned.${kind}.text`, { limit: megabytes(context.scanner?.maxBytes ?? 0) }),
      policy,
      advice: t(`scanning.unscanned.${policy}`),
    });
  }
  const releases = await readReleases(context.database, session.account.id, [verdict.sha256]);
  const release = releases.get(verdict.sha256) ?? null;
  return reply.page('messages/finding', {
    ...shared,
    title: t('scanning.finding.title'),
    finding: verdict.finding,
    sha256: verdict.sha256,
    release,
    releaseMark: release && { ...RELEASE_LOOK[release], text: t(`scanning.release.${release}`) },
  });
}

function checked(context: Context, request: FastifyRequest): Promise<CheckedAttachment> {
  return checkAttachment(context, signedIn(request), messageOf(request), attachmentIndexOf(request));
}

function attachmentHref(request: FastifyRequest): string {
  return `${messageHref(messageOf(request))}/attachments/${attachmentIndexOf(request)}`;
}

/** Other signatures may think otherwise. */
function nothingFound(context: Context, request: FastifyRequest, reply: FastifyReply) {
  leaveNotice(reply, context.config, 'info', 'scanning.finding.none');
  return reply.redirect(messageHref(messageOf(request)));
}
