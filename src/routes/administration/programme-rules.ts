import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { isDomainPattern } from '../../services/accounts/programmes.ts';
import { administeredProgramme } from '../../services/administration/administered.ts';
import { isPatternFixed, RULE_BOUNDS, saveProgrammeRules } from '../../services/administration/programme-rules.ts';
import { checkScanner } from '../../services/setup-check/check-scanner.ts';
import { lineWords } from '../../services/setup-check/check-words.ts';

const PHASES = ['test', 'production'] as const;
const KEY_ALGORITHMS = ['RSA-3072', 'P-256'] as const;
const KEY_PAIRS = ['one', 'two'] as const;
const SCANNER_POLICIES = ['refuse', 'warn'] as const;
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
  phase: z.enum(PHASES),
  domainPattern: z.string().trim().toLowerCase().refine(isDomainPattern),
  accountLimit: whole(RULE_BOUNDS.accountLimit),
  digitalIdDays: whole(RULE_BOUNDS.digitalIdDays),
  keyAlgorithm: z.enum(KEY_ALGORITHMS),
  keyPairs: z.enum(KEY_PAIRS),
  allowedRecipientDomains: domains,
  revocationPolicy: z.enum(['note', 'require']),
  markingPolicy: z.enum(MARKING_POLICIES),
  scannerPolicy: z.enum(SCANNER_POLICIES),
});

/** What the fields show: values as they are stored, or as they were typed. */
type Fields = Record<keyof z.input<typeof Form>, string>;

export function showRules(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const programme = administeredProgramme(signedIn(request));
    const fields: Fields = {
      name: programme.name,
      phase: programme.phase,
      domainPattern: programme.domainPattern,
      accountLimit: String(programme.accountLimit),
      digitalIdDays: String(programme.digitalIdDays),
      keyAlgorithm: programme.keyAlgorithm,
      keyPairs: programme.keyPairs,
      allowedRecipientDomains: programme.allowedRecipientDomains.join('\n'),
      revocationPolicy: programme.revocationPolicy,
      markingPolicy: programme.markingPolicy,
      scannerPolicy: programme.scannerPolicy,
    };
    return rulesPage(context, request, reply, fields, {});
  };
}

export function saveRules(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const programme = administeredProgramme(session);
    const typed = typedFields(request.body, programme);
    if (await isPatternFixed(context, session)) typed.domainPattern = programme.domainPattern;
    const form = Form.safeParse(typed);
    if (!form.success) {
      const faults = Object.fromEntries(
        form.error.issues.map(({ path }) => {
          const name = String(path[0]);
          return [name, t(`administration.programme.fault.${name}`, boundsOf(name))];
        }),
      );
      return rulesPage(context, request, reply.code(400), typed, faults);
    }
    if (!(await saveProgrammeRules(context, session, form.data))) {
      const faults = { domainPattern: t('programmes.fault.pattern-taken') };
      return rulesPage(context, request, reply.code(409), typed, faults);
    }
    leaveNotice(reply, context.config, 'done', 'administration.programme.saved');
    return reply.redirect('/administration/programme');
  };
}

function boundsOf(name: string): Record<string, number> {
  if (name === 'accountLimit' || name === 'digitalIdDays') return RULE_BOUNDS[name];
  return { most: name === 'name' ? RULE_BOUNDS.name : RULE_BOUNDS.domains };
}

/** What is no field of the form stays as it is. */
function typedFields(body: unknown, programme: ReturnType<typeof administeredProgramme>): Fields {
  const { phase, domainPattern, keyAlgorithm, keyPairs, scannerPolicy } = programme;
  const typed = {
    phase,
    domainPattern,
    keyAlgorithm,
    keyPairs,
    scannerPolicy,
    ...((body ?? {}) as Record<string, unknown>),
  } as Record<string, unknown>;
  const text = (name: keyof Fields) => (typeof typed[name] === 'string' ? typed[name].slice(0, 20_000) : '');
  return {
    name: text('name'),
    phase: text('phase'),
    domainPattern: text('domainPattern'),
    accountLimit: text('accountLimit'),
    digitalIdDays: text('digitalIdDays'),
    keyAlgorithm: text('keyAlgorithm'),
    keyPairs: text('keyPairs'),
    allowedRecipientDomains: text('allowedRecipientDomains'),
    revocationPolicy: text('revocationPolicy'),
    markingPolicy: text('markingPolicy'),
    scannerPolicy: text('scannerPolicy'),
  };
}

/** Which scanner this node has, as it answers now: a rule about it is worth nothing without one. */
async function scannerView(
  context: Context,
  formats: Formats,
): Promise<{ kind: 'done' | 'wait' | 'refused'; text: string }> {
  const line = await checkScanner(context.config.scanner, context.now);
  const { result, advice } = lineWords(formats, line);
  const kind = line.state === 'ok' ? 'done' : line.state === 'failed' ? 'refused' : 'wait';
  return { kind, text: `${result} ${advice}`.trim() };
}

async function rulesPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  fields: Fields,
  faults: Record<string, string>,
) {
  const { t } = request.formats;
  const session = signedIn(request);
  const choices = (values: readonly string[], area: string) =>
    values.map((value) => ({ value, text: t(`administration.programme.${area}.${value}`) }));
  return reply.page('administration/programme', {
    title: t('administration.programme.title'),
    place: 'administration',
    section: 'programme',
    role: 'central',
    programmeRow: administeredProgramme(session),
    patternFixed: await isPatternFixed(context, session),
    fields,
    faults,
    phases: choices(PHASES, 'phase'),
    algorithms: KEY_ALGORITHMS.map((value) => ({ value, text: value === 'P-256' ? 'ECDSA P-256' : 'RSA 3072' })),
    pairs: choices(KEY_PAIRS, 'keyPairs'),
    markings: choices(MARKING_POLICIES, 'marking'),
    policies: choices(['note', 'require'], 'revocation'),
    scannerPolicies: SCANNER_POLICIES.map((value) => ({ value, text: t(`scanning.policy.${value}`) })),
    scanner: await scannerView(context, request.formats),
  });
}
