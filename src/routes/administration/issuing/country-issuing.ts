import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredCountry } from '../../../services/administration/administered.ts';
import { beginIssuing } from '../../../services/issuing/issuing-job.ts';
import { canIssue, readHolders } from '../../../services/issuing/read-issuing.ts';
import { idOf, passphrase } from '../authorities/authority-form.ts';
import { startFault } from './issuing-words.ts';
import { presentHolder } from './present-holder.ts';

/** One box gives one text, several a list. */
const Form = z.object({
  accounts: z.union([z.uuid().transform((one) => [one]), z.array(z.uuid()).max(10_000)]).catch([]),
  passphrase,
});

type Again = { chosen: readonly string[]; faults: Record<string, string> };

/** Everybody of a country in one step, or those that are chosen (T10). */
export function showCountryIssuing(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => countryPage(context, request, reply, null);
}

export function issueForCountry(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const form = Form.parse(request.body ?? {});
    const country = await administeredCountry(context, session, idOf(request, 'country'));
    const holders = await readHolders(context, session, country);
    const accounts = holders.map(({ account }) => account.id).filter((id) => form.accounts.includes(id));
    const started = await beginIssuing(context, session, { accounts, passphrase: form.passphrase });
    if (started.ok) return reply.redirect(`/administration/issuing/jobs/${started.jobId}`);
    const { status, faults } = startFault(request, started);
    return countryPage(context, request, reply.code(status), { chosen: accounts, faults });
  };
}

async function countryPage(context: Context, request: FastifyRequest, reply: FastifyReply, again: Again | null) {
  const session = signedIn(request);
  const { formats } = request;
  const country = await administeredCountry(context, session, idOf(request, 'country'));
  const [able, holders] = await Promise.all([canIssue(context, session), readHolders(context, session, country)]);
  const name = formats.country(country.isoCode);
  return reply.page('administration/issuing/country', {
    title: formats.t('issuing.country.title', { country: name }),
    place: 'administration',
    countryId: country.id,
    able,
    hasVault: session.hasVault,
    holders: holders.map((holder) => {
      const shown = presentHolder(formats, holder);
      return { ...shown, chosen: again ? again.chosen.includes(shown.id) : shown.mayIssue };
    }),
    anybody: holders.some((holder) => holder.mayIssue),
    faults: again?.faults ?? {},
  });
}
