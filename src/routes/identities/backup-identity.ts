import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { signedIn } from '../../plugins/session.ts';
import { exportBackup } from '../../services/identities/export-identity.ts';
import { findIdentity } from '../../services/identities/identities.ts';
import { sendFile } from './export-identity.ts';
import { identityIdOf } from './identity-id.ts';
import { presentIdentity } from './present-identity.ts';

const Form = z.object({
  passphrase: z.string().min(1).max(1000),
  password: z.string().max(1000),
  repeated: z.string().max(1000),
  form: z.enum(['modern', 'legacy']).default('modern'),
});

type Again = { status: number; faults: Record<string, string>; form: string };

export function showBackup(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => backupPage(context, request, reply);
}

/** The one way out for a private key: asks for the passphrase again, and goes into the audit trail. */
export function createBackup(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, time } = request.formats;
    const form = Form.safeParse(request.body);
    if (!form.success) {
      return backupPage(context, request, reply, {
        status: 400,
        faults: { passphrase: t('identities.backup.wrong-passphrase') },
        form: 'modern',
      });
    }
    const result = await exportBackup(context, signedIn(request), identityIdOf(request), form.data);
    if (result.ok) return sendFile(reply, result.file, 'pfx');
    const { problem } = result;
    const parameters: Record<string, string> = problem === 'too-many-attempts' ? { time: time(result.retryAt) } : {};
    const fields = {
      'wrong-passphrase': 'passphrase',
      'too-many-attempts': 'passphrase',
      'not-repeated': 'repeated',
    } as const;
    const field = problem in fields ? fields[problem as keyof typeof fields] : 'password';
    const status = { 'wrong-passphrase': 401, 'too-many-attempts': 429 }[problem as string] ?? 400;
    const faults = { [field]: t(`identities.backup.${problem}`, parameters) };
    return backupPage(context, request, reply, { status, faults, form: form.data.form });
  };
}

async function backupPage(context: Context, request: FastifyRequest, reply: FastifyReply, again?: Again) {
  const summary = await findIdentity(context, signedIn(request), identityIdOf(request));
  if (summary.row.lostVaultId !== null) throw new AppError('not-found');
  const { t } = request.formats;
  return reply.code(again?.status ?? 200).page('identities/backup', {
    title: t('identities.backup.title'),
    place: 'digital-ids',
    identity: presentIdentity(request.formats, summary),
    faults: again?.faults ?? {},
    form: again?.form ?? 'modern',
  });
}
