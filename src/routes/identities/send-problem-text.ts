import type { Formats } from '../../i18n/formats.ts';
import type { SendProblem } from '../../services/letters/send-letter.ts';

/** Why an own letter (test, certificates) did not leave, in a sentence. */
export function problemText(formats: Formats, problem: SendProblem): string {
  const { t, list, size } = formats;
  switch (problem.code) {
    case 'too-many-recipients':
      return t('identities.send.too-many-recipients', { limit: problem.limit });
    case 'bad-addresses':
      return t('identities.send.not-an-address', { typed: list(problem.addresses) });
    case 'domain-not-allowed':
      return t('identities.send.domain-not-allowed', { addresses: list(problem.addresses) });
    case 'missing-digital-ids':
      return t('identities.send.missing-digital-ids', {
        addresses: list(problem.recipients.map((each) => each.address)),
      });
    case 'attachments-too-large':
      return t('identities.send.attachments-too-large', { limit: size(problem.limitBytes) });
    default:
      return t(`identities.send.${problem.code}`);
  }
}
