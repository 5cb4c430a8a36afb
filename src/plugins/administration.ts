import fp from 'fastify-plugin';
import type { Context } from '../context.ts';
import { AppError } from '../errors.ts';
import { hasSecondFactor } from '../services/administration/second-factor.ts';
import { keepAdministrationOpen } from '../services/sessions/session.ts';

/** How long after the last page an administrator may go on without showing the second factor again. */
export const ADMINISTRATION_IDLE_MS = 30 * 60_000;
const EXTEND_EVERY_MS = 60_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Who may ask for this page: the central administrators, or those of the countries too. `entry` is the way in: for
     * both, before the second factor was shown.
     */
    administration?: 'central' | 'country' | 'entry';
  }
}

/**
 * Pages of the administration need the role, a second factor and that it was shown not long ago. For everybody else they are
 * not there.
 */
export const administrationPlugin = fp(
  async (app, { context }: { context: Context }) => {
    app.addHook('onRequest', async (request, reply) => {
      const needed = request.routeOptions.config.administration;
      if (needed === undefined) return;
      const session = request.signedIn;
      const role = session?.account.role ?? 'clerk';
      if (!session || role === 'clerk' || (needed === 'central' && role !== 'central')) throw new AppError('not-found');
      if (needed === 'entry') return;
      if (!(await hasSecondFactor(context.database, session.account.id)))
        return reply.redirect('/administration/second-factor');
      const at = context.now();
      const until = session.administrationUntil;
      if (until === null || until <= at) {
        const next = request.method === 'GET' ? `?next=${encodeURIComponent(request.url)}` : '';
        return reply.redirect(`/administration/enter${next}`);
      }
      const full = new Date(Math.min(at.getTime() + ADMINISTRATION_IDLE_MS, session.endsAt.getTime()));
      if (full.getTime() - until.getTime() > EXTEND_EVERY_MS)
        await keepAdministrationOpen(context.database, session.sessionId, full);
    });
  },
  { name: 'administration', dependencies: ['session'] },
);
