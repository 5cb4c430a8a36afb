import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import {
  downloadOffered,
  installOffered,
  type Offered,
  readOffered,
  requestPassword,
} from '../../services/issuing/offered.ts';
import { sendFile } from './export-identity.ts';
import { faultsOf, IMPORT_STATUS, importedPage, PASSWORD_MAX, show } from './import-identity.ts';

const PAGE = '/digital-ids/install';

const password = z.string().max(PASSWORD_MAX).catch('');
const FileForm = z.object({ file: z.uuid(), form: z.enum(['modern', 'legacy']), password });

type Again = { status: number; faults: Record<string, string>; old: string | null };

/** What the programme issued to this person, to be installed without a file in the hand (T10, T12). */
export function showInstall(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => installPage(context, request, reply, null);
}

/** The password is asked for; an administrator reads it out on the phone. */
export function askForPassword(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    await requestPassword(context, signedIn(request));
    leaveNotice(reply, context.config, 'done', 'issuing.install.asked');
    return reply.redirect(PAGE);
  };
}

export function installIdentity(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const typed = z.object({ password }).parse(request.body ?? {});
    const result = await installOffered(context, signedIn(request), unlockedKey(request), typed.password);
    if (result.ok) return show(reply, await importedPage(context, request, result));
    const found = faultsOf(request, result);
    const fault =
      result.code === 'wrong-password'
        ? request.formats.t('issuing.install.wrong-password')
        : Object.values(found).join(' ');
    return installPage(context, request, reply, {
      status: IMPORT_STATUS[result.code] ?? 400,
      faults: { password: fault },
      old: null,
    });
  };
}

/** As it is kept; or in the form of old programs, which needs the password. */
export function downloadFile(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = FileForm.safeParse(request.body);
    if (!form.success) return reply.redirect(PAGE);
    const result = await downloadOffered(context, signedIn(request), form.data);
    if (result.ok) return sendFile(reply, { name: result.name, bytes: result.bytes }, 'pfx');
    return installPage(context, request, reply, {
      status: result.problem === 'too-many-attempts' ? 429 : 400,
      faults: { old: request.formats.t(`issuing.install.${result.problem}`) },
      old: form.data.file,
    });
  };
}

async function installPage(context: Context, request: FastifyRequest, reply: FastifyReply, again: Again | null) {
  const session = signedIn(request);
  const { t } = request.formats;
  const offered = await readOffered(context, session);
  return reply.code(again?.status ?? 200).page('identities/install', {
    title: t('issuing.install.title'),
    place: 'digital-ids',
    offered,
    files: offered?.files.map((file) => ({
      ...file,
      certificate: parseCertificate(file.certificate),
      use: t(`issuing.usage.${file.usage}`),
      open: again?.old === file.id,
    })),
    stage: offered && stageOf(offered),
    keyState: session.hasVault ? (session.masterKey ? 'open' : 'locked') : 'none',
    faults: again?.faults ?? {},
  });
}

function stageOf({ requestedAt, releasedAt }: Offered): 'fresh' | 'asked' | 'released' {
  if (releasedAt !== null) return 'released';
  return requestedAt === null ? 'fresh' : 'asked';
}
