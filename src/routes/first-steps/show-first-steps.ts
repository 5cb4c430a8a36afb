import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { signedIn } from '../../plugins/session.ts';
import { asksOutside } from '../../services/certificate-requests/certificate-requests.ts';
import {
  type FirstSteps,
  readFirstSteps,
  SELF_TEST_NONCE,
  type StepState,
} from '../../services/identities/first-steps.ts';
import { readOffered } from '../../services/issuing/offered.ts';

const MINUTES = { passphrase: 3, identity: 3, address: 0, root: 4, 'self-test': 2, ready: 0 } as const;

const MARKS: Record<StepState, { look: string; icon: string }> = {
  done: { look: 'ok boxed', icon: 'tick' },
  now: { look: 'blue boxed', icon: 'pen' },
  later: { look: '', icon: 'clock' },
};

export function showFirstSteps(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => firstStepsPage(context, request, reply, 200, null);
}

/** Also shown again when the test message could not be sent. */
export async function firstStepsPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  selfTestFault: string | null,
) {
  const session = signedIn(request);
  const { formats } = request;
  const { t } = formats;
  const [steps, offered] = await Promise.all([readFirstSteps(context, session), readOffered(context, session)]);
  const minutes = steps.steps.reduce((sum, step) => sum + (step.state === 'done' ? 0 : MINUTES[step.id]), 0);
  return reply.code(status).page('first-steps/show', {
    title: t('first-steps.title'),
    place: 'first-steps',
    total: steps.steps.length,
    done: steps.done,
    progress: t(minutes > 0 ? 'first-steps.progress' : 'first-steps.progress.done', {
      done: steps.done,
      total: steps.steps.length,
      minutes,
    }),
    steps: steps.steps.map((step) => ({
      ...step,
      title: t(`first-steps.${step.id}.title`),
      text:
        step.state === 'done'
          ? doneText(formats, session.account.address, steps, step.id)
          : t(step.id === 'identity' && offered ? 'issuing.offered.text' : `first-steps.${step.id}.text`),
      mark: { ...MARKS[step.state], text: t(`first-steps.state.${step.state}`) },
    })),
    identity: steps.identity,
    mayRequest: await asksOutside(context, session),
    offered: offered !== null,
    root: steps.root && {
      name: formats.plainName(steps.root.subject),
      href: `/trust/anchors/${steps.root.id}/confirm?next=${encodeURIComponent('/first-steps')}`,
    },
    selfTestSentAt: steps.selfTestSentAt,
    selfTestFault,
    nonce: `${SELF_TEST_NONCE}${randomUUID()}`,
    hidden: session.account.firstStepsHidden,
  });
}

function doneText(formats: Formats, address: string, steps: FirstSteps, id: FirstSteps['steps'][number]['id']): string {
  const { t, date, dateTime, plainName } = formats;
  const { identity, root, selfTestedAt } = steps;
  return t(`first-steps.${id}.done`, {
    address,
    imported: identity ? dateTime(identity.importedAt) : '',
    ends: identity ? date(identity.notAfter) : '',
    root: root ? plainName(root.subject) : '',
    tested: selfTestedAt ? dateTime(selfTestedAt) : '',
  });
}
