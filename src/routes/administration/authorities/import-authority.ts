import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import type { Certificate } from '../../../pki/certificate.ts';
import { readCertificates } from '../../../pki/certificate-bundle.ts';
import { PkiError } from '../../../pki/errors.ts';
import { readParts } from '../../../plugins/csrf.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { type AuthorityImportResult, importAuthorities } from '../../../services/authorities/import-authorities.ts';
import { PFX_LIMIT_BYTES } from '../../../services/identities/import-identity.ts';
import { afterAdoption } from './answer-request.ts';
import { newPassphraseFaults, passphrase } from './authority-form.ts';

const FILES = ['issuing', 'root', 'others'] as const;
type FileName = (typeof FILES)[number];

type Form = { fields: Map<string, string>; files: Map<FileName, Buffer>; tooLarge: FileName | null };

/** Both authorities, or the issuing one alone, from PKCS#12. */
export function showImportAuthority() {
  return async (request: FastifyRequest, reply: FastifyReply) => importPage(request, reply, {});
}

export function importAuthority(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = await readForm(request);
    const field = (name: string) => passphrase.parse(form.fields.get(name));
    const others = certificatesOf(form.files.get('others'));
    const faults = faultsOf(request, form, others === null);
    const issuing = form.files.get('issuing');
    if (issuing === undefined || others === null || Object.keys(faults).length > 0)
      return importPage(request, reply.code(400), faults);
    const root = form.files.get('root');
    const result = await importAuthorities(context, signedIn(request), {
      issuing: { bytes: issuing, password: field('issuingPassword') },
      root: root === undefined ? null : { bytes: root, password: field('rootPassword') },
      others,
      passphrase: field('passphrase'),
      rootPassphrase: field('rootPassphrase'),
    });
    if (!result.ok) return importPage(request, reply.code(422), refusalOf(request, result));
    leaveNotice(reply, context.config, 'done', 'authorities.adopted');
    return reply.redirect(afterAdoption(result.rootToConfirm));
  };
}

async function readForm(request: FastifyRequest): Promise<Form> {
  const form: Form = { fields: new Map(), files: new Map(), tooLarge: null };
  for await (const part of readParts(request, { fileBytes: PFX_LIMIT_BYTES, files: FILES.length })) {
    if (part.kind === 'field') {
      form.fields.set(part.name, part.value);
      continue;
    }
    const name = FILES.find((each) => each === part.name);
    const chunks: Buffer[] = [];
    for await (const chunk of part.file.file) chunks.push(chunk as Buffer);
    if (name === undefined) continue;
    if (part.file.file.truncated) form.tooLarge = name;
    else form.files.set(name, Buffer.concat(chunks));
  }
  return form;
}

function faultsOf(request: FastifyRequest, form: Form, unreadable: boolean): Record<string, string> {
  const { t } = request.formats;
  const typed = (name: string) => passphrase.parse(form.fields.get(name));
  const faults = newPassphraseFaults(
    request,
    { passphrase: typed('passphrase'), repeated: typed('repeated') },
    { passphrase: 'passphrase', repeated: 'repeated' },
  );
  if (form.files.has('root')) {
    const own = { passphrase: typed('rootPassphrase'), repeated: typed('rootRepeated') };
    Object.assign(
      faults,
      newPassphraseFaults(request, own, { passphrase: 'rootPassphrase', repeated: 'rootRepeated' }),
    );
    if (!faults['passphrase'] && own.passphrase === typed('passphrase'))
      faults['passphrase'] = t('authorities.passphrase.same');
  }
  if (!form.files.has('issuing')) faults['issuing'] = t('authorities.file.no-file');
  if (form.tooLarge !== null) faults[form.tooLarge] = t('authorities.file.too-large');
  if (unreadable) faults['others'] = t('authorities.file.unreadable');
  return faults;
}

function refusalOf(
  request: FastifyRequest,
  result: Extract<AuthorityImportResult, { ok: false }>,
): Record<string, string> {
  const { t } = request.formats;
  if (!('of' in result)) return { issuing: t(`authorities.misfit.${result.problem}`) };
  if (result.problem === 'wrong-password') return { [`${result.of}Password`]: t('authorities.file.wrong-password') };
  return { [result.of]: t(`authorities.file.${result.problem}`) };
}

function certificatesOf(bytes: Buffer | undefined): Certificate[] | null {
  try {
    return bytes === undefined ? [] : readCertificates(bytes);
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}

function importPage(request: FastifyRequest, reply: FastifyReply, faults: Record<string, string>) {
  return reply.page('administration/authorities/import', {
    title: request.formats.t('authorities.import.title'),
    place: 'administration',
    faults,
  });
}
