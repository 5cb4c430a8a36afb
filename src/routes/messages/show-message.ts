import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { AppError, ERROR_STATUS } from '../../errors.ts';
import { sameAddress } from '../../mail/address.ts';
import { signedIn } from '../../plugins/session.ts';
import { noteHeaderProtection } from '../../services/contacts/contact-capabilities.ts';
import { noteLinkProgress } from '../../services/contacts/secure-link.ts';
import { noteSelfTest } from '../../services/identities/first-steps.ts';
import { letterOfMessageId } from '../../services/letters/letters.ts';
import { markSeen } from '../../services/mailbox/mark-seen.ts';
import { folderHref, type MessageRef, messageHref, messageId } from '../../services/mailbox/message-ref.ts';
import { keepVerdict } from '../../services/mailbox/message-verdicts.ts';
import { folderId, readFolderPlaces } from '../../services/mailbox/read-folders.ts';
import { type ReadMessage, readMessage, recordDecryption } from '../../services/mailbox/read-message.ts';
import { receiptRequestOf } from '../../services/receipts/receipt-request.ts';
import { evidenceKey, keepEvidence } from '../../services/revocation/signature-evidence.ts';
import { attachmentStates } from '../../services/scanning/message-scans.ts';
import type { SignedIn } from '../../services/sessions/session.ts';
import { explicitlyTrustedAt } from '../../services/trust/explicit-trust.ts';
import type { OpenedMessage } from '../../smime/verdict.ts';
import { letterView } from './letter-view.ts';
import { NEW_MAIL } from './list-messages.ts';
import { messageOf } from './params.ts';
import { securityView } from './security-view.ts';
import { BodyQuery } from './show-body.ts';

/** Failures for which the bytes can still be saved. */
const STILL_THERE = ['message-too-large', 'message-too-complex'] as const;

export function showMessage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const ref = messageOf(request);
    let message: ReadMessage;
    try {
      message = await readMessage(context, session, ref, { recorded: true });
    } catch (error) {
      const code = error instanceof AppError ? STILL_THERE.find((known) => known === error.code) : undefined;
      if (code === undefined) throw error;
      return unopenedPage(request, reply, ref, code);
    }
    const { formats } = request;
    const { opened } = message;
    const signer = opened.signature.signers[0];
    const isExplicit = opened.signature.reasons.includes('explicitly-trusted') && signer !== undefined;
    // Marked as read before the folders are counted: tasks of one mailbox run in the order in which they were asked for.
    const [suggestion, trustedAt, folders, evidenceOf, scans] = await Promise.all([
      noteOpened(context, session, message),
      isExplicit ? explicitlyTrustedAt(context, session, signer.sha256) : null,
      readFolderPlaces(context, session, formats, ref.folder),
      letterOfMessageId(context.database, session.account.id, opened.messageId),
      attachmentStates(context, session, message),
    ]);
    const letter = letterView(message, BodyQuery.parse(request.query), session.account, formats, scans);
    const security = securityView(opened, formats, context.now());
    const here = folders?.find((folder) => folder.path === ref.folder);
    return reply.page('messages/show', {
      title: formats.plainName(letter.subject),
      currentFolder: ref.folder,
      folders,
      folder: {
        id: folderId(ref.folder),
        name: here?.name ?? ref.folder,
        href: folderHref(ref.folder),
        isBin: here?.specialUse === 'Trash',
        isArchive: here?.specialUse === 'Archive',
      },
      message: messageId(ref),
      recheckAction: `${messageHref(ref)}/recheck`,
      letter,
      security,
      suggestion,
      receipt: receiptRequestOf(message, session),
      evidenceOf,
      newMail: NEW_MAIL,
      encryption: opened.encryption,
      ribbon: {
        signature: opened.signature,
        from: claimedFrom(opened),
        date: opened.date,
        trustedAt,
        trustHref:
          opened.signature.status === 'untrusted'
            ? `/trust/confirm?folder=${folderId(ref.folder)}&message=${messageId(ref)}`
            : null,
        checksHref: security.signatureCheckCount > 0 ? '#security' : null,
        checkCount: security.signatureCheckCount,
      },
    });
  };
}

/** Of two senders the one that the signer is not: the ribbon says both. */
function claimedFrom({ from, protectedFrom, signature }: OpenedMessage) {
  const isOuter = (address: string) => sameAddress(address, from[0]?.address ?? '');
  const shown = protectedFrom !== null && signature.signers[0]?.addresses.some(isOuter) ? protectedFrom : from;
  return shown[0] ?? null;
}

/** What follows from the opening: read, known to the list, and perhaps a step of a secure link. */
async function noteOpened(context: Context, session: SignedIn, message: ReadMessage) {
  const [, , suggestion] = await Promise.all([
    markSeen(context, session, message),
    keepVerdict(context.database, session.account.id, message, context.now()),
    noteLinkProgress(context, session, message.opened),
    noteHeaderProtection(context, session, message.opened),
    noteSelfTest(context, session, message.opened),
    keepEvidence(
      context.database,
      session.account.id,
      evidenceKey(message.facts),
      message.opened.signature,
      context.now(),
    ),
    // Nothing is shown before it stands in the trail; it only need not wait for the rest.
    recordDecryption(context, session, message),
  ]);
  return suggestion;
}

function unopenedPage(
  request: FastifyRequest,
  reply: FastifyReply,
  ref: MessageRef,
  code: (typeof STILL_THERE)[number],
) {
  const { t } = request.formats;
  return reply.code(ERROR_STATUS[code]).page('messages/unopened', {
    title: t(`errors.${code}.title`),
    text: t(`errors.${code}.text`),
    currentFolder: ref.folder,
    back: folderHref(ref.folder),
    download: `${messageHref(ref)}/message.eml`,
  });
}
