import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import type { Formats } from '../../../i18n/formats.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import {
  type AskedRelease,
  administeredRelease,
  administeredReleases,
  decideRelease,
  releaseState,
} from '../../../services/scanning/releases.ts';
import { RELEASE_LOOK } from '../../scan-words.ts';
import { idOf } from '../named.ts';

const Form = z.object({ do: z.enum(['release', 'refuse']) });

/** Who asks for which finding, from when and from whom: nothing of the content. */
export function showReleases(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { formats } = request;
    const releases = await administeredReleases(context, session);
    return reply.page('administration/releases/list', {
      title: formats.t('scanning.releases.title'),
      place: 'administration',
      section: 'releases',
      role: session.account.role,
      open: releases.filter((one) => one.released === null).map((one) => present(formats, one)),
      decided: releases.filter((one) => one.released !== null).map((one) => present(formats, one)),
    });
  };
}

/** Releases or refuses; what others decided meanwhile stands. */
export function decide(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const row = await administeredRelease(context, session, idOf(request, 'release'));
    const form = Form.safeParse(request.body);
    if (!form.success) throw new AppError('bad-request');
    const released = form.data.do === 'release';
    const outcome = await decideRelease(context, session, row, released);
    const key = outcome === 'done' ? (released ? 'released' : 'refused') : outcome;
    leaveNotice(reply, context.config, outcome === 'done' ? 'done' : 'refused', `scanning.releases.told.${key}`);
    return reply.redirect('/administration/releases');
  };
}

function present({ t, plainName, size, dateTime, thumbprint }: Formats, row: AskedRelease) {
  const { id, finding, arrivedAt, askedAt, own, decidedAt, decidedBy, usedAt } = row;
  const state = releaseState(row);
  return {
    ...{ id, finding, arrivedAt, askedAt, own },
    name: plainName(row.name),
    address: plainName(row.address),
    sender: plainName(row.sender),
    size: size(row.size),
    message: thumbprint(row.messageKey),
    sha256: thumbprint(row.sha256),
    mark: { ...RELEASE_LOOK[state], text: t(`scanning.release.${state}`) },
    decision:
      decidedAt === null
        ? ''
        : t('scanning.releases.decidedBy', { who: decidedBy ?? '', date: dateTime(usedAt ?? decidedAt) }),
  };
}
