import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { continueSession, signedIn } from '../../plugins/session.ts';
import { admitKeys } from '../../services/sessions/unlock.ts';
import { createVault, passphraseProblem } from '../../services/sessions/vault.ts';

const Form = z.object({ passphrase: z.string().max(1000), repeated: z.string().max(1000) });

/** Makes the vault and shows the recovery code: the one page in which it ever stands. */
export function createPassphrase(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    if (session.hasVault) return reply.redirect('/keys/passphrase');
    const form = Form.safeParse(request.body);
    const { passphrase = '', repeated = '' } = form.data ?? {};
    const problem = passphraseProblem(passphrase, repeated, session.mailboxPassword());
    if (problem) {
      const faults = { [problem === 'not-repeated' ? 'repeated' : 'passphrase']: t(`keys.passphrase.${problem}`) };
      return reply.code(400).page('keys/create-passphrase', { title: t('keys.create.title'), faults });
    }
    const { database, config } = context;
    const created = await createVault(database, config, session.account.id, passphrase, context.now());
    if (!created) return reply.redirect('/keys/unlock');
    await context.audit.record({
      accountId: session.account.id,
      actor: session.account.address,
      network: request.ip,
      action: 'vault-create',
      object: 'vault',
      result: 'done',
    });
    const cookie = await admitKeys(context, session, created);
    created.masterKey.fill(0);
    // Another window gave this vault another passphrase already.
    if (cookie === null) return reply.redirect('/keys/unlock');
    await continueSession(context, request, reply, cookie);
    return reply.page('keys/recovery-code', {
      title: t('keys.code.title'),
      code: created.recoveryCode,
      changed: false,
    });
  };
}
