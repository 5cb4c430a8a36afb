import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import type { Formats } from '../../../i18n/formats.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { type CheckLine, SUBJECTS } from '../../../services/setup-check/check-line.ts';
import type { TestLogin } from '../../../services/setup-check/check-mail-server.ts';
import { lineWords } from '../../../services/setup-check/check-words.ts';
import { isRunning, type KeptCheck, keptChecks, startSetupCheck } from '../../../services/setup-check/setup-checks.ts';

const PAGE = '/administration/setup-check';
const LOOK_AGAIN_SECONDS = 2;

const Query = z.object({ check: z.uuid().optional() }).catch({});
const Form = z.object({
  address: z.string().trim().toLowerCase().max(254).catch(''),
  password: z.string().max(1000).catch(''),
});

type Filled = { address: string; faults: { address?: string; password?: string }; problem?: string };

export function showSetupCheck(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    checkPage(context, request, reply, { address: '', faults: {} });
}

export function startSetupCheckAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, time } = request.formats;
    const { address, password } = Form.parse(request.body ?? {});
    const filled = (faults: Filled['faults']) => checkPage(context, request, reply.code(422), { address, faults });
    if (address !== '' && !/^[^@\s]+@[^@\s]+$/.test(address)) return filled({ address: t('setupCheck.fault.address') });
    if (address === '' && password !== '') return filled({ address: t('setupCheck.fault.address') });
    if (address !== '' && password === '') return filled({ password: t('setupCheck.fault.password') });
    const login: TestLogin | null = address === '' ? null : { address, password };
    const started = await startSetupCheck(context, signedIn(request), login);
    if (!started.ok && started.problem === 'other-domain') return filled({ address: t('setupCheck.fault.domain') });
    if (!started.ok && started.problem === 'hosted') return filled({ address: t('setupCheck.fault.hosted') });
    if (!started.ok && started.problem === 'too-many-attempts') {
      const problem = t('setupCheck.tooMany', { time: time(started.retryAt) });
      return checkPage(context, request, reply.code(429), { address, faults: {}, problem });
    }
    leaveNotice(reply, context.config, 'info', started.ok ? 'setupCheck.started' : 'setupCheck.runs');
    return reply.redirect(PAGE);
  };
}

async function checkPage(context: Context, request: FastifyRequest, reply: FastifyReply, filled: Filled) {
  const { address, faults, problem = null } = filled;
  const { formats } = request;
  const { role } = signedIn(request).account;
  const checks = await keptChecks(context, signedIn(request));
  const { check: wanted } = Query.parse(request.query);
  const shown = checks.find(({ id }) => id === wanted) ?? checks[0] ?? null;
  const state = stateOf(shown, context.now());
  const groups = groupsOf(formats, shown?.lines ?? []);
  if (state === 'running') reply.header('refresh', String(LOOK_AGAIN_SECONDS));
  return reply.page('administration/setup-check/show', {
    title: formats.t('setupCheck.title'),
    place: 'administration',
    section: 'setup-check',
    role,
    check: shown,
    state,
    isNewest: shown === checks[0],
    count: shown?.lines.filter((line) => line.state === state).length ?? 0,
    percent: shown === null ? 0 : Math.min(99, Math.floor((100 * shown.lines.length) / Math.max(1, shown.expected))),
    groups,
    troubles: groups.flatMap(({ lines }) => lines.filter((line) => line.state === 'failed' || line.state === 'notice')),
    earlier: checks
      .filter((check) => check !== shown)
      .map((check) => {
        const result = stateOf(check, context.now());
        const count = check.lines.filter((line) => line.state === result).length;
        return { id: check.id, at: check.startedAt, by: check.startedBy, state: result, count };
      }),
    address,
    faults,
    problem,
  });
}

/** The lines under the name of what was looked at, in the reader's language. */
function groupsOf(formats: Formats, lines: readonly CheckLine[]) {
  return SUBJECTS.map((subject) => ({
    subject,
    lines: lines
      .filter((line) => line.subject === subject)
      .map((line, index) => ({
        id: `${subject}-${index}`,
        subject,
        about: formats.plainLine(line.about),
        state: line.state,
        said: formats.plainLine(line.said),
        milliseconds: line.milliseconds,
        ...lineWords(formats, line),
      })),
  })).filter((group) => group.lines.length > 0);
}

function stateOf(check: KeptCheck | null, at: Date) {
  if (check === null) return 'none';
  if (isRunning(check, at)) return 'running';
  if (check.finishedAt === null || check.lines.length < check.expected) return 'ended';
  const has = (state: CheckLine['state']) => check.lines.some((line) => line.state === state);
  if (has('failed')) return 'failed';
  return has('notice') ? 'notice' : 'ok';
}
