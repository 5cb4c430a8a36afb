import type { Formats } from '../../../i18n/formats.ts';
import type { SigningResult } from '../../../services/publishing/sign-with-passphrase.ts';

type Refusal = Exclude<SigningResult, { ok: true }>;

export function passphraseFault({ t, time }: Formats, refusal: Refusal): string {
  return refusal.problem === 'too-many-attempts'
    ? t('publishing.passphrase.tooMany', { time: time(refusal.retryAt) })
    : t('publishing.passphrase.wrong');
}

export function statusOfRefusal(refusal: Refusal): 401 | 429 {
  return refusal.problem === 'too-many-attempts' ? 429 : 401;
}
