import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { EXPORT_MOST } from '../../../services/audit/export-trail.ts';
import { accountsNamed, searchTrail, trailCountries, trailScope } from '../../../services/audit/search-trail.ts';
import { actionOptions, actionText, presentEntry } from '../../audit-words.ts';
import { readCursor, readFilter, trailAddress } from '../../trail-form.ts';

const PAGE = '/administration/audit';
const ENTRIES = 50;
const RESULTS = ['done', 'refused', 'failed'];

/** Who did what, newest first. A country's administrator sees what concerns accounts of the own country. */
export function showTrail(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { formats } = request;
    const { t } = formats;
    const session = signedIn(request);
    const { fields, filter, faults } = readFilter(request.query, formats.timeZone);
    const after = readCursor(request.query);
    const scope = await trailScope(context, session, filter.country);
    const found = await searchTrail(context.database, scope, filter, { after, limit: ENTRIES + 1 });
    const shown = found.slice(0, ENTRIES);
    const accounts = await accountsNamed(context.database, scope, shown);
    const last = shown.at(-1);
    const countries = await trailCountries(context, session);
    const unlisted = fields.action !== '' && !actionOptions(formats).some(({ value }) => value === fields.action);
    return reply.code(faults.length > 0 ? 400 : 200).page('administration/audit/trail', {
      title: t('audit.title'),
      place: 'administration',
      section: 'audit',
      role: session.account.role,
      fields,
      faults: Object.fromEntries(faults.map((name) => [name, t('audit.filter.noDay')])),
      actions: [
        { value: '', text: t('audit.filter.all') },
        ...actionOptions(formats),
        ...(unlisted ? [{ value: fields.action, text: actionText(formats, fields.action) }] : []),
      ],
      results: [
        { value: '', text: t('audit.filter.all') },
        ...RESULTS.map((value) => ({ value, text: t(`audit.result.${value}`) })),
      ],
      countries: [
        { value: '', text: t('audit.filter.all') },
        ...countries
          .map(({ code, isoCode }) => ({ value: code, text: `${formats.country(isoCode)} (${code})` }))
          .sort((a, b) => a.text.localeCompare(b.text, formats.locale)),
      ],
      filtered: Object.values(fields).some((value) => value !== ''),
      entries: shown.map((entry) => presentEntry(formats, entry, accounts)),
      newest: after === null ? null : trailAddress(PAGE, fields, null),
      older: last && found.length > ENTRIES ? trailAddress(PAGE, fields, last) : null,
      exportMost: EXPORT_MOST,
    });
  };
}
