import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import { signedIn } from '../../../plugins/session.ts';
import { exportTrail } from '../../../services/audit/export-trail.ts';
import { readFilter } from '../../trail-form.ts';

const Form = z.object({ form: z.enum(['csv', 'jsonl']).default('csv') });
const TYPES = { csv: 'text/csv; charset=utf-8', jsonl: 'application/jsonl; charset=utf-8' };

/** What the filter shows, as a file. Spreadsheets of French and German readers expect semicolons. */
export function exportTrailAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    const { filter, faults } = readFilter(request.body, request.formats.timeZone);
    if (!form.success || faults.length > 0) throw new AppError('bad-request');
    const separator = request.formats.locale === 'en' ? ',' : ';';
    const stream = await exportTrail(context, signedIn(request), filter, form.data.form, { separator });
    const name = `audit-${context.now().toISOString().slice(0, 10)}.${form.data.form}`;
    reply.type(TYPES[form.data.form]).header('content-disposition', `attachment; filename="${name}"`);
    return reply.send(stream);
  };
}
