import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { isInterrupted } from '../../../services/issuing/issuing-job.ts';
import { canIssue, readCountries, readJobs } from '../../../services/issuing/read-issuing.ts';
import { readWaiting } from '../../../services/issuing/releases.ts';

/** Who asks for a password, which countries wait for Digital IDs, and what was issued last. */
export function listIssuing(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t, country, plainName } = request.formats;
    const [able, countries, waiting, jobs] = await Promise.all([
      canIssue(context, session),
      readCountries(context, session),
      readWaiting(context, session),
      readJobs(context, session),
    ]);
    return reply.page('administration/issuing/list', {
      title: t('issuing.title'),
      place: 'administration',
      section: 'issuing',
      role: 'central',
      able,
      hasVault: session.hasVault,
      asked: waiting
        .filter((each) => each.requestedAt !== null && each.releasedAt === null)
        .map((each) => ({
          ...each,
          name: plainName(`${each.account.firstName} ${each.account.surname}`),
          releasers: each.releasers.map(plainName),
        })),
      countries: countries.map(({ id, code, isoCode, holders }) => ({
        ...{ id, code, name: country(isoCode), people: holders.length },
        lacking: holders.filter((each) => each.mayIssue).length,
        waiting: holders.filter((each) => ['waits', 'asked', 'released'].includes(each.state)).length,
        installed: holders.filter((each) => each.state === 'installed').length,
      })),
      jobs: jobs.map((job) => ({ ...job, state: jobState(job, context.now()) })),
    });
  };
}

export function jobState(job: Parameters<typeof isInterrupted>[0], at: Date): 'ended' | 'interrupted' | 'works' {
  if (job.endedAt !== null) return 'ended';
  return isInterrupted(job, at) ? 'interrupted' : 'works';
}
