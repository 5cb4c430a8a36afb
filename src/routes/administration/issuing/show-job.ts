import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { resumeIssuing } from '../../../services/issuing/issuing-job.ts';
import { readJob } from '../../../services/issuing/read-issuing.ts';
import { idOf, passphrase } from '../authorities/authority-form.ts';
import { startFault } from './issuing-words.ts';
import { jobState } from './list-issuing.ts';

const REFRESH_SECONDS = 3;

/** How far it is: the page asks again by itself until all had their turn. */
export function showJob(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => jobPage(context, request, reply, {});
}

/** The node that worked on it is gone: with the passphrase another one goes on. */
export function resumeJob(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { passphrase: typed } = z.object({ passphrase }).parse(request.body ?? {});
    const id = idOf(request, 'job');
    const session = signedIn(request);
    await readJob(context, session, id);
    const started = await resumeIssuing(context, session, id, typed);
    if (started.ok || started.problem === 'not-interrupted')
      return reply.redirect(`/administration/issuing/jobs/${id}`);
    const { status, faults } = startFault(request, started);
    return jobPage(context, request, reply.code(status), faults);
  };
}

async function jobPage(context: Context, request: FastifyRequest, reply: FastifyReply, faults: Record<string, string>) {
  const { t, plainName } = request.formats;
  const { job, tasks } = await readJob(context, signedIn(request), idOf(request, 'job'));
  const state = jobState(job, context.now());
  // RFC 9110 has no word for it, and every browser knows it: no script is needed.
  if (state === 'works') reply.header('refresh', String(REFRESH_SECONDS));
  const done = tasks.filter((task) => task.outcome !== null).length;
  return reply.page('administration/issuing/job', {
    title: t('issuing.job.title'),
    place: 'administration',
    job,
    state,
    done,
    total: tasks.length,
    progress: t('issuing.job.progress', { done, total: tasks.length }),
    tasks: tasks.map(({ account, outcome }) => ({
      name: plainName(`${account.firstName} ${account.surname}`),
      address: account.address,
      icon: outcome === null ? 'clock' : outcome === 'issued' ? 'tick' : 'cross',
      look: outcome === null ? 'open' : outcome === 'issued' ? '' : 'failed',
      text: t(`issuing.outcome.${outcome ?? 'pending'}`),
    })),
    faults,
  });
}
