import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { administeredProgramme } from '../../services/administration/administered.ts';
import { RULE_BOUNDS, saveProgrammeRules } from '../../services/administration/programme-rules.ts';

const MARKING_POLICIES = ['optional', 'decide', 'outside'] as const;

const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;

const domains = z
  .string()
  .max(20_000)
  .transform((text) => [
    ...new Set(
      text
        .split(/[\s,;]+/)
        .map((one) => one.trim().replace(/^@/, '').toLowerCase())
        .filter(Boolean),
    ),
  ])
  .refine((list) => list.length <= RULE_BOUNDS.domains && list.every((one) => one.length <= 253 && DOMAIN.test(one)));

const whole = ({ least, most }: { least: number; most: number }) => z.coerce.number().int().min(least).max(most);

const Form = z.object({
  name: z.string().trim().min(1).max(RULE_BOUNDS.name),
  accountLimit: whole(RULE_BOUNDS.accountLimit),
  digitalIdDays: whole(RULE_BOUNDS.digitalIdDays),
  allowedRecipientDomains: domains,
  revocationPolicy: z.enum(['note', 'require']),
  markingPolicy: z.enum(MARKING_POLICIES),
});

/** What the fields show: values as they are stored, or as they were typed. */
type Fields = Record<keyof z.input<typeof Form>, string>;

export function showRules(_context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const programme = administeredProgramme(signedIn(request));
    const fields: Fields = {
      name: programme.name,
      accountLimit: String(programme.accountLimit),
      digitalIdDays: String(programme.digitalIdDays),
      allowedRecipientDomains: programme.allowedRecipientDomains.join('\n'),
      revocationPolicy: programme.revocationPolicy,
      markingPolicy: programme.markingPolicy,
    };
    return rulesPage(request, reply, fields, {});
  };
}

export function saveRules(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    if (!form.success) {
      const { t } = request.formats;
      const faults = Object.fromEntries(
        form.error.issues.map(({ path }) => {
          const name = String(path[0]);
          return [name, t(`administration.programme.fault.${name}`, boundsOf(name))];
        }),
      );
      return rulesPage(request, reply.code(400), typedFields(request.body), faults);
    }
    await saveProgrammeRules(context, signedIn(request), form.data);
    leaveNotice(reply, context.config, 'done', 'administration.programme.saved');
    return reply.redirect('/administration/programme');
  };
}

function boundsOf(name: string): Record<string, number> {
  if (name === 'accountLimit' || name === 'digitalIdDays') return RULE_BOUNDS[name];
  return { most: name === 'name' ? RULE_BOUNDS.name : RULE_BOUNDS.domains };
}

function typedFields(body: unknown): Fields {
  const typed = (body ?? {}) as Record<string, unknown>;
  const text = (name: keyof Fields) => (typeof typed[name] === 'string' ? typed[name].slice(0, 20_000) : '');
  return {
    name: text('name'),
    accountLimit: text('accountLimit'),
    digitalIdDays: text('digitalIdDays'),
    allowedRecipientDomains: text('allowedRecipientDomains'),
    revocationPolicy: text('revocationPolicy'),
    markingPolicy: text('markingPolicy'),
  };
}

function rulesPage(request: FastifyRequest, reply: FastifyReply, fields: Fields, faults: Record<string, string>) {
  const { t } = request.formats;
  const programme = administeredProgramme(signedIn(request));
  return reply.page('administration/programme', {
    title: t('administration.programme.title'),
    place: 'administration',
    section: 'programme',
    role: 'central',
    programmeRow: programme,
    fields,
    faults,
    markings: MARKING_POLICIES.map((value) => ({ value, text: t(`administration.programme.marking.${value}`) })),
    policies: ['note', 'require'].map((value) => ({ value, text: t(`administration.programme.revocation.${value}`) })),
  });
}
