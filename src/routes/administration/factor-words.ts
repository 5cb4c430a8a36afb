import type { Formats } from '../../i18n/formats.ts';
import type { SecondFactorResult } from '../../services/administration/second-factor.ts';

type Refusal = Exclude<SecondFactorResult, { ok: true }>;

export function codeFault({ t, time }: Formats, refusal: Refusal): string {
  return refusal.reason === 'too-many-attempts'
    ? t('administration.enter.tooMany', { time: time(refusal.retryAt) })
    : t('administration.enter.code.wrong');
}

export function passkeyFault({ t, time }: Formats, refusal: Refusal): string {
  return refusal.reason === 'too-many-attempts'
    ? t('administration.enter.tooMany', { time: time(refusal.retryAt) })
    : t('passkeys.fault.wrong');
}

export function passwordFault({ t, time }: Formats, refusal: Refusal): string {
  return refusal.reason === 'too-many-attempts'
    ? t('administration.enter.tooManyPasswords', { time: time(refusal.retryAt) })
    : t('administration.enter.password.wrong');
}

export function statusOf(refusal: Refusal): 401 | 429 {
  return refusal.reason === 'too-many-attempts' ? 429 : 401;
}
