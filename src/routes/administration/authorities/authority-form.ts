import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../../errors.ts';
import type { WrongPassphrase } from '../../../services/authorities/record-authority.ts';
import {
  authorityPassphraseProblem,
  type NewPassphrase,
  PASSPHRASE_MAX_LENGTH,
} from '../../../services/authorities/set-up-authorities.ts';
import { AUTHORITY_PASSPHRASE_MIN_LENGTH } from '../../../services/identities/authorities.ts';

export const AUTHORITIES = '/administration/authorities';
export const KEY_ALGORITHMS = ['RSA-3072', 'RSA-4096', 'P-256', 'P-384'] as const;
export const AUTHORITY_NAME_MAX = 64;

/** A name as it stands in the certificate (RFC 5280: at most 64 characters), on one line. */
export const authorityName = z
  .string()
  .max(1000)
  .transform((text) => text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim())
  .pipe(z.string().min(1).max(AUTHORITY_NAME_MAX));
export const keyAlgorithm = z.enum(KEY_ALGORITHMS);
export const nonce = z.uuid();
/** Longer ones are refused by the rule, with a sentence. */
export const passphrase = z.string().max(2000).catch('');

/** The faults of a pair of fields for a new passphrase, by the names of the fields. */
export function newPassphraseFaults(
  request: FastifyRequest,
  typed: NewPassphrase,
  names: { passphrase: string; repeated: string },
): Record<string, string> {
  const problem = authorityPassphraseProblem(typed);
  if (problem === null) return {};
  const bounds = { least: AUTHORITY_PASSPHRASE_MIN_LENGTH, most: PASSPHRASE_MAX_LENGTH };
  const field = problem === 'not-repeated' ? names.repeated : names.passphrase;
  return { [field]: request.formats.t(`authorities.passphrase.${problem}`, bounds) };
}

export function wrongPassphraseFault(request: FastifyRequest, wrong: WrongPassphrase): string {
  const { t, time } = request.formats;
  return wrong.problem === 'too-many-attempts'
    ? t('authorities.passphrase.too-many-attempts', { time: time(wrong.retryAt) })
    : t('authorities.passphrase.wrong');
}

export function statusOf(wrong: WrongPassphrase): 401 | 429 {
  return wrong.problem === 'too-many-attempts' ? 429 : 401;
}

/** What a form shows again; passphrases are never among it. */
export function typedText(body: unknown, names: readonly string[]): Record<string, string> {
  const typed = (body ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    names.map((name) => {
      const value = typed[name];
      return [name, typeof value === 'string' ? value.slice(0, 1000) : ''];
    }),
  );
}

/** @throws AppError not-found */
export function idOf(request: FastifyRequest, name: string): string {
  const value = z.object({ [name]: z.uuid() }).safeParse(request.params).data?.[name];
  if (value === undefined) throw new AppError('not-found');
  return value;
}

/** Sentences for the fields that zod refused. */
export function fieldFaults(request: FastifyRequest, error: z.ZodError): Record<string, string> {
  const { t } = request.formats;
  const faults: Record<string, string> = {};
  for (const { path } of error.issues) {
    const name = String(path[0]);
    const kind = name.endsWith('Name') || name === 'name' ? 'name' : 'choice';
    faults[name] = t(`authorities.fault.${kind}`, { most: AUTHORITY_NAME_MAX });
  }
  return faults;
}
