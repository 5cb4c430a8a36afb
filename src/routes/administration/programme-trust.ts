import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import {
  confirmProgrammeRoot,
  declineTrustRequest,
  dismissProgrammeRoot,
  findProgrammeRoot,
  findTrustRequest,
  NOTE_MAX,
  offerProgrammeRoot,
  readProgrammeTrust,
  withdrawProgrammeRoot,
} from '../../services/administration/programme-trust.ts';
import { readOrNull } from '../../services/contacts/contact-marks.ts';
import { readCertificateFile } from '../../services/contacts/import-contact-certificates.ts';
import { readCertificateUploads } from '../certificate-uploads.ts';
import { comparisonFault, ReadOutForm } from '../trust/thumbprint-words.ts';

const PAGE = '/administration/trust';

export function showProgrammeTrust(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => programmeTrustPage(context, request, reply, null);
}

/** Roots from files are offered only; the ceremony decides, for the programme as for a clerk. */
export function importProgrammeRoots(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const uploads = await readCertificateUploads(request);
    const faults: string[] = uploads.tooLarge ? [t('trust.import.too-large')] : [];
    if (uploads.files.length === 0 && !uploads.tooLarge) faults.push(t('trust.import.no-file'));
    const offered: string[] = [];
    for (const { name, bytes } of uploads.files) {
      const file = readCertificateFile(bytes, null);
      if (!file.ok) faults.push(t(`trust.import.${file.problem}`, { file: name }));
      else if (file.roots.length === 0)
        faults.push(t(`trust.import.only-${file.issuers.length > 0 ? 'issuers' : 'persons'}`, { file: name }));
      else for (const root of file.roots) offered.push((await offerProgrammeRoot(context, session, root)).id);
    }
    if (faults.length > 0) return programmeTrustPage(context, request, reply.code(400), faults.join(' '));
    return reply.redirect(offered.length === 1 ? `${PAGE}/roots/${offered[0]}/confirm` : PAGE);
  };
}

export function showConfirmRoot(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const row = await findProgrammeRoot(context, signedIn(request), named(request, 'root'));
    if (row.state === 'trusted') return reply.redirect(PAGE);
    return ceremony(context, request, reply, row, { typed: '', source: '', fault: null });
  };
}

export function confirmRoot(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const row = await findProgrammeRoot(context, session, named(request, 'root'));
    const { thumbprint, source } = ReadOutForm.parse(request.body);
    const outcome = await confirmProgrammeRoot(context, session, row, thumbprint);
    const fault = comparisonFault(request.formats, outcome, thumbprint);
    if (fault) return ceremony(context, request, reply.code(400), row, { typed: thumbprint, source, fault });
    leaveNotice(reply, context.config, 'done', 'administration.trust.added', { name: row.subject });
    return reply.redirect(PAGE);
  };
}

export function dismissRoot(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    await dismissProgrammeRoot(context, await findProgrammeRoot(context, signedIn(request), named(request, 'root')));
    leaveNotice(reply, context.config, 'done', 'trust.dismiss.done');
    return reply.redirect(PAGE);
  };
}

export function showWithdrawRoot(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { roots } = await readProgrammeTrust(context, session);
    const root = roots.find(({ row }) => row.id === named(request, 'root') && row.state === 'trusted');
    if (!root) throw new AppError('not-found');
    return reply.page('administration/withdraw-root', {
      title: request.formats.t('administration.trust.withdraw.title'),
      place: 'administration',
      root,
    });
  };
}

export function withdrawRoot(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const row = await findProgrammeRoot(context, session, named(request, 'root'));
    await withdrawProgrammeRoot(context, session, row);
    leaveNotice(reply, context.config, 'done', 'administration.trust.withdrawn', { name: row.subject });
    return reply.redirect(PAGE);
  };
}

/** A clerk's wish becomes a root that waits for its thumbprint. */
export function takeUpRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const asked = await findTrustRequest(context, session, named(request, 'request'));
    const root = readOrNull(asked.certificate);
    if (!root) throw new AppError('not-found');
    const row = await offerProgrammeRoot(context, session, root);
    return reply.redirect(`${PAGE}/roots/${row.id}/confirm`);
  };
}

export function declineRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const asked = await findTrustRequest(context, session, named(request, 'request'));
    const { answer } = z
      .object({ answer: z.string().trim().max(NOTE_MAX) })
      .catch({ answer: '' })
      .parse(request.body);
    await declineTrustRequest(context, session, asked, answer.replace(/\p{Cc}+/gu, ' '));
    leaveNotice(reply, context.config, 'done', 'administration.trust.declined');
    return reply.redirect(PAGE);
  };
}

function named(request: FastifyRequest, name: 'root' | 'request'): string {
  const value = z.object({ [name]: z.uuid() }).safeParse(request.params).data?.[name];
  if (value === undefined) throw new AppError('not-found');
  return value;
}

async function programmeTrustPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  fault: string | null,
) {
  const trust = await readProgrammeTrust(context, signedIn(request));
  return reply.page('administration/trust', {
    title: request.formats.t('administration.trust.title'),
    place: 'administration',
    section: 'trust',
    role: 'central',
    ...trust,
    noteMax: NOTE_MAX,
    fault,
  });
}

function ceremony(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  row: Awaited<ReturnType<typeof findProgrammeRoot>>,
  form: { typed: string; source: string; fault: string | null },
) {
  const root = readOrNull(row.certificate);
  if (!root) throw new AppError('not-found');
  return reply.page('administration/confirm-root', {
    title: request.formats.t('administration.trust.confirm.title'),
    place: 'administration',
    row,
    root,
    expired: root.notAfter < context.now(),
    ...form,
  });
}
