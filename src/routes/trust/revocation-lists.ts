import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { forgetVerdicts } from '../../services/mailbox/message-verdicts.ts';
import { importLists, MAX_IMPORTED, removeImportedList } from '../../services/revocation/revocation-lists.ts';
import type { SignedIn } from '../../services/sessions/session.ts';
import { readCertificateUploads } from '../certificate-uploads.ts';
import { listParam } from './params.ts';
import { trustPage } from './show-trust.ts';

const MiB = 1024 * 1024;
const LIST_FILE_BYTES = 8 * MiB;

/** Lists of a private authority, for this clerk's mail alone. Whose signature counts is decided where a certificate is judged. */
export function importRevocationLists(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { account } = session;
    const { t } = request.formats;
    const uploads = await readCertificateUploads(request, LIST_FILE_BYTES);
    const faults: string[] = uploads.tooLarge ? [t('trust.revocation.import.too-large')] : [];
    if (uploads.files.length === 0 && !uploads.tooLarge) faults.push(t('trust.import.no-file'));
    let count = 0;
    for (const { name, bytes } of uploads.files) {
      const imported = await importLists(context.database, account.id, bytes, context.now());
      if (imported.ok) count += imported.lists.length;
      else faults.push(t(`trust.revocation.import.${imported.reason}`, { file: name, most: MAX_IMPORTED }));
    }
    if (count > 0) await noteListChange(context, session, 'trust', `${count}`);
    if (faults.length > 0) return trustPage(context, request, reply.code(400), { lists: faults.join(' ') });
    leaveNotice(reply, context.config, 'done', 'trust.revocation.import.done', { count });
    return reply.redirect('/trust');
  };
}

export function removeRevocationList(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const id = listParam(request);
    const removed = await removeImportedList(context.database, session.account.id, id, context.now());
    if (!removed) throw new AppError('not-found');
    await noteListChange(context, session, 'trust-withdraw', id);
    leaveNotice(reply, context.config, 'done', 'trust.revocation.removed');
    return reply.redirect('/trust');
  };
}

/** What the lists of messages say was found by other evidence; and the trail keeps who brought it. */
async function noteListChange(
  context: Context,
  session: SignedIn,
  action: 'trust' | 'trust-withdraw',
  object: string,
): Promise<void> {
  await forgetVerdicts(context.database, session.account.id);
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action,
    object,
    result: 'done',
    reason: 'revocation-list',
  });
}
