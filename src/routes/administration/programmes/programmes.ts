import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { isDomainPattern } from '../../../services/accounts/programmes.ts';
import { RULE_BOUNDS } from '../../../services/administration/programme-rules.ts';
import {
  administrateProgramme,
  createFurtherProgramme,
  readOwnProgrammes,
} from '../../../services/administration/programmes.ts';
import { idOf, typedText } from '../named.ts';

const PAGE = '/administration/programmes';
const PHASES = ['test', 'production'] as const;

const Form = z.object({
  code: z.string().regex(/^[a-z][a-z0-9-]{0,19}$/),
  name: z.string().min(1).max(RULE_BOUNDS.name),
  domainPattern: z.string().toLowerCase().refine(isDomainPattern),
  phase: z.enum(PHASES),
});
type Fields = Record<keyof z.input<typeof Form>, string>;

export function showProgrammes(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    programmesPage(context, request, reply, { code: '', name: '', domainPattern: '', phase: 'test' }, {});
}

export function createProgrammeAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t } = request.formats;
    const text = (name: keyof Fields, most: number) => typedText(request.body, name, most);
    const fields = {
      code: text('code', 100).toLowerCase(),
      name: text('name', 20_000),
      domainPattern: text('domainPattern', 1000),
      phase: text('phase', 20),
    };
    const form = Form.safeParse(fields);
    if (!form.success) {
      const faults = Object.fromEntries(
        form.error.issues.map(({ path }) => [
          path[0],
          t(`programmes.fault.${String(path[0])}`, { most: RULE_BOUNDS.name }),
        ]),
      );
      return programmesPage(context, request, reply.code(400), fields, faults);
    }
    const result = await createFurtherProgramme(context, signedIn(request), form.data);
    if (!result.ok) {
      const field = result.problem === 'code-taken' ? 'code' : 'domainPattern';
      const faults = { [field]: t(`programmes.fault.${result.problem}`) };
      return programmesPage(context, request, reply.code(409), fields, faults);
    }
    leaveNotice(reply, context.config, 'done', 'programmes.made', { name: result.programme.name });
    return reply.redirect(PAGE);
  };
}

export function chooseProgramme(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const programme = await administrateProgramme(context, signedIn(request), idOf(request, 'programme'));
    leaveNotice(reply, context.config, 'done', 'programmes.chosen', { name: programme.name });
    return reply.redirect('/administration');
  };
}

async function programmesPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  fields: Fields,
  faults: Record<string, string>,
) {
  const { t } = request.formats;
  return reply.page('administration/programmes', {
    title: t('programmes.title'),
    place: 'administration',
    section: 'programme',
    role: 'central',
    programmes: await readOwnProgrammes(context, signedIn(request)),
    fields,
    faults,
    phases: PHASES.map((value) => ({ value, text: t(`administration.programme.phase.${value}`) })),
  });
}
