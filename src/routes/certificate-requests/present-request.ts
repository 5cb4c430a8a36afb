import type { Formats } from '../../i18n/formats.ts';
import { certificateRequestPem } from '../../pki/certificate-request.ts';
import type { RequestWithKeys } from '../../services/certificate-requests/certificate-requests.ts';

export const REQUEST_LOOK = {
  open: ['wait', 'clock'],
  done: ['ok', 'tick'],
  withdrawn: ['', 'dash'],
  lost: ['seal', 'cross'],
} as const;

/** A request as the views show it: sentences and marks, nothing to decide. */
export function presentRequest(formats: Formats, { id, state, madeAt, closedAt, keys }: RequestWithKeys) {
  const { t } = formats;
  const [look, icon] = REQUEST_LOOK[state];
  const href = `/digital-ids/requests/${id}`;
  return {
    id,
    href,
    madeAt,
    closedAt,
    isOpen: state === 'open',
    mark: { look: `${look} boxed`, icon, text: t(`requests.state.${state}`) },
    title: t('requests.item', {
      date: formats.date(madeAt),
      key: [...new Set(keys.map((key) => key.keyLabel))].join(', '),
    }),
    keys: keys.map((key) => ({
      id: key.id,
      use: t(`requests.use.${key.use}`),
      keyLabel: key.keyLabel,
      subject: key.subject,
      pem: certificateRequestPem(key.pkcs10),
      lines: certificateRequestPem(key.pkcs10).trimEnd().split('\n').length,
      pemHref: `${href}/${key.use}/pem`,
      derHref: `${href}/${key.use}/der`,
      digitalIdHref: key.digitalIdId === null ? null : `/digital-ids/${key.digitalIdId}`,
    })),
  };
}
