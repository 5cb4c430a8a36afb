import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import type { Formats } from '../../../i18n/formats.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import { type AccountStanding, readStandings } from '../../../services/certificate-requests/administered-requests.ts';
import { type Loss, noteLoss, readLosses } from '../../../services/recovery/administered-losses.ts';
import { REQUEST_LOOK } from '../../certificate-requests/present-request.ts';

/** Who waits for a certificate from outside, and who has one. */
export function showStandings(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t, country } = request.formats;
    const [countries, losses] = await Promise.all([readStandings(context, session), readLosses(context, session)]);
    return reply.page('administration/requests', {
      title: t('requests.standing.title'),
      place: 'administration',
      section: 'requests',
      role: session.account.role,
      phase: administeredProgramme(session).phase,
      losses: losses.map((loss) => presentLoss(request.formats, loss)),
      countries: countries.map(({ code, isoCode, accounts }) => ({
        code,
        name: country(isoCode),
        accounts: accounts.map((account) => present(request.formats, account)),
      })),
    });
  };
}

function present({ t, date, plainName }: Formats, { id, name, address, request, usableUntil }: AccountStanding) {
  const none = { look: '', icon: 'dash', text: t('requests.standing.none') };
  return {
    id,
    name: plainName(name),
    address,
    request: request === null ? none : markOf(t, request.state),
    since: request && t('requests.standing.since', { date: date(request.since), keys: request.keys.join(', ') }),
    digitalId:
      usableUntil === null
        ? { look: 'seal', icon: 'cross', text: t('requests.standing.unusable') }
        : { look: 'ok', icon: 'tick', text: t('requests.standing.usable', { date: date(usableUntil) }) },
  };
}

function presentLoss({ t, date, plainName }: Formats, loss: Loss) {
  return {
    ...{ id: loss.id, name: plainName(loss.name), address: loss.address, isOpen: loss.seenBy === null },
    text: [
      t('recovery.losses.item', { date: date(loss.lostAt), count: loss.digitalIds }),
      loss.restoredAt && t('recovery.losses.restored', { date: date(loss.restoredAt) }),
      loss.seenBy && t('recovery.losses.seen', { who: loss.seenBy }),
    ]
      .filter(Boolean)
      .join(' '),
  };
}

/** Somebody has read it; it stays in the list. */
export function noteLossAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { loss } = z.object({ loss: z.uuid() }).safeParse(request.params).data ?? {};
    if (loss === undefined) throw new AppError('not-found');
    await noteLoss(context, signedIn(request), loss);
    leaveNotice(reply, context.config, 'done', 'recovery.losses.noted');
    return reply.redirect('/administration/requests');
  };
}

function markOf(t: Formats['t'], state: keyof typeof REQUEST_LOOK) {
  const [look, icon] = REQUEST_LOOK[state];
  return { look, icon, text: t(`requests.state.${state}`) };
}
