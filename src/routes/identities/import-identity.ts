import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { readParts } from '../../plugins/csrf.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { readFirstSteps } from '../../services/identities/first-steps.ts';
import { findIdentity } from '../../services/identities/identities.ts';
import {
  type ImportResult,
  importIdentities,
  importProgress,
  PFX_LIMIT_BYTES,
  type RefusedIdentity,
} from '../../services/identities/import-identity.ts';
import { becomesSlow, type Page, streamImport } from './import-progress.ts';
import { presentIdentity } from './present-identity.ts';

export const PASSWORD_MAX = 1000;

export const IMPORT_STATUS: Record<string, number> = {
  busy: 503,
  'too-many-attempts': 429,
  'too-costly': 422,
  'nothing-imported': 422,
};

export function showImport() {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    unlockedKey(request);
    return show(reply, importPage(request, 200, {}));
  };
}

export function importIdentity(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t } = request.formats;
    const session = signedIn(request);
    const masterKey = unlockedKey(request);
    const { bytes, password } = await readForm(request);
    if (bytes === null) return show(reply, importPage(request, 400, { file: t('identities.import.no-file') }));
    if (bytes === 'too-large') {
      return show(reply, importPage(request, 413, { file: t('identities.import.too-large') }));
    }
    const progress = importProgress();
    const work = importIdentities(context, session, { bytes, password }, masterKey, progress);
    const page = work.then((result) => pageOf(context, request, result));
    if (await becomesSlow(page, progress)) {
      const told = page.catch((error: unknown) => {
        request.log.error(error);
        return importPage(request, 500, { file: t('identities.importing.failed') });
      });
      return streamImport(request, reply, told, progress);
    }
    return show(reply, await page);
  };
}

export function show(reply: FastifyReply, { status, view, data }: Page): Promise<FastifyReply> {
  return reply.code(status).page(view, data);
}

function pageOf(context: Context, request: FastifyRequest, result: ImportResult): Page | Promise<Page> {
  if (result.ok) return importedPage(context, request, result);
  return importPage(request, IMPORT_STATUS[result.code] ?? 400, faultsOf(request, result));
}

type Form = { bytes: Buffer | 'too-large' | null; password: string };

/** The file in memory: it is small, and the worker needs it whole. */
async function readForm(request: FastifyRequest): Promise<Form> {
  const form: Form = { bytes: null, password: '' };
  try {
    for await (const part of readParts(request, { fileBytes: PFX_LIMIT_BYTES, files: 1 })) {
      if (part.kind === 'file') form.bytes = await part.file.toBuffer();
      else if (part.name === 'password') form.password = part.value.slice(0, PASSWORD_MAX);
    }
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'FST_REQ_FILE_TOO_LARGE') throw error;
    form.bytes = 'too-large';
  }
  return form;
}

/** Each failure has its own sentence, at the field it concerns. */
export function faultsOf(
  request: FastifyRequest,
  result: Extract<ImportResult, { ok: false }>,
): Record<string, string> {
  const { t, time } = request.formats;
  if (result.code === 'nothing-imported') {
    return { file: result.refused.map((each) => refusalText(request, each)).join(' ') };
  }
  if (result.code === 'too-many-attempts')
    return { password: t('identities.import.too-many-attempts', { time: time(result.retryAt) }) };
  return { [result.code === 'wrong-password' ? 'password' : 'file']: t(`identities.import.${result.code}`) };
}

function refusalText(request: FastifyRequest, refused: RefusedIdentity): string {
  const { t, list, plainName } = request.formats;
  if (refused.reason === 'already-there') return t('identities.import.already-there');
  const own = signedIn(request).account.address;
  if (refused.addresses.length === 0) return t('identities.import.address-none', { own });
  return t('identities.import.address-differs', { found: list(refused.addresses.map(plainName)), own });
}

function importPage(request: FastifyRequest, status: number, faults: Record<string, string>): Page {
  const title = request.formats.t('identities.import.title');
  const { address } = signedIn(request).account;
  return { status, view: 'identities/import', data: { title, place: 'digital-ids', faults, address } };
}

/** Shown once: what came in, what was left out, and that no root is trusted by it (T13). */
export async function importedPage(
  context: Context,
  request: FastifyRequest,
  result: Extract<ImportResult, { ok: true }>,
): Promise<Page> {
  const { formats } = request;
  const { t, plainName } = formats;
  const session = signedIn(request);
  const imported = await Promise.all(
    result.imported.map(async (each) => ({
      ...presentIdentity(formats, await findIdentity(context, session, each.id)),
      note: noteOf(request, each),
    })),
  );
  const steps = await readFirstSteps(context, session);
  const next = steps.shown ? '/first-steps' : '/digital-ids';
  const data = {
    title: t('identities.imported.title'),
    place: 'digital-ids',
    imported,
    refused: result.refused.map((each) => refusalText(request, each)),
    roots: result.roots.map((root) => ({
      name: plainName(root.subject),
      href: `/trust/anchors/${root.id}/confirm?next=${encodeURIComponent(next)}`,
    })),
    next,
    nextText: t(steps.shown ? 'identities.imported.steps' : 'identities.imported.list'),
  };
  return { status: 200, view: 'identities/imported', data };
}

function noteOf(request: FastifyRequest, each: { retired: string | null; notYetValid: boolean }): string | null {
  const { t } = request.formats;
  if (each.retired) return t(`identities.imported.${each.retired}`);
  return each.notYetValid ? t('identities.imported.not-yet-valid') : null;
}
