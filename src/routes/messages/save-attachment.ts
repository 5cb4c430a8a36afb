import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { checkAttachment } from '../../services/scanning/message-scans.ts';
import { recordScan } from '../../services/scanning/record-scan.ts';
import { heldPage } from './held-attachment.ts';
import { attachmentIndexOf, messageOf } from './params.ts';
import { sendAttachment } from './send-attachment.ts';

/** Scanned each time; what was found or could not be scanned gives a page instead. */
export function saveAttachment(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { attachment, verdict } = await checkAttachment(
      context,
      session,
      messageOf(request),
      attachmentIndexOf(request),
    );
    if (verdict.state === 'off' || verdict.state === 'clean') return sendAttachment(reply, attachment);
    await attachment.release();
    if (verdict.state === 'infected') {
      const { sha256, finding } = verdict;
      await recordScan(context, session, { sha256, result: 'refused', reason: `save-infected ${finding}` });
      return heldPage(context, request, reply.code(403), { attachment, verdict });
    }
    return heldPage(context, request, reply.code(503), { attachment, verdict });
  };
}

/** Where the programme warns only: the holder was told that nobody scanned it, and saves it all the same. */
export function saveUnscanned(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { attachment, verdict } = await checkAttachment(
      context,
      session,
      messageOf(request),
      attachmentIndexOf(request),
    );
    if (verdict.state === 'off' || verdict.state === 'clean') return sendAttachment(reply, attachment);
    const mayPass = verdict.state === 'unscanned' && session.account.country.programme.scannerPolicy === 'warn';
    if (mayPass) {
      await recordScan(context, session, { sha256: verdict.sha256, result: 'done', reason: 'saved-unscanned' });
      return sendAttachment(reply, attachment);
    }
    await attachment.release();
    return heldPage(context, request, reply.code(verdict.state === 'infected' ? 403 : 503), { attachment, verdict });
  };
}
