import type { Formats } from '../../i18n/formats.ts';
import type { IdentitySummary } from '../../services/identities/identities.ts';

const LOOK = {
  usable: ['ok', 'tick'],
  'expires-soon': ['wait', 'clock'],
  expired: ['seal', 'cross'],
  'not-yet-valid': ['wait', 'clock'],
  retired: ['', 'archive'],
  revoked: ['seal', 'cross'],
  lost: ['seal', 'cross'],
} as const;

/** A Digital ID as the views show it: sentences and marks, nothing to decide. */
export function presentIdentity(formats: Formats, summary: IdentitySummary) {
  const { t } = formats;
  const { row, condition, usedFor, fitFor } = summary;
  const [look, icon] = LOOK[condition];
  const kinds = [row.canSign ? 'sign' : '', row.canEncrypt ? 'encrypt' : ''].filter(Boolean).join('-');
  return {
    id: row.id,
    href: `/digital-ids/${row.id}`,
    name: formats.plainName(row.commonName),
    use: t(`identities.use.${kinds || 'none'}`),
    state: row.state,
    mark: {
      look: `${look} boxed`,
      icon,
      text: t(`identities.condition.${condition}`, { date: formats.date(row.notAfter) }),
    },
    uses: usedFor.map((purpose) => ({
      look: 'blue boxed',
      icon: purpose === 'sign' ? 'seal' : 'lock',
      text: t(`identities.used.${purpose}`),
    })),
    choices: fitFor
      .filter((purpose) => !usedFor.includes(purpose))
      .map((purpose) => ({ purpose, text: t(`identities.choose.${purpose}`) })),
    life: lifeText(formats, summary),
    left: daysText(formats, summary),
    certificate: row,
    // Of a key that was lost there is nothing to save.
    mayBackUp: row.lostVaultId === null,
    backedUp:
      row.backedUpAt === null
        ? t('recovery.noBackup')
        : t('recovery.backup.last', { date: formats.date(row.backedUpAt) }),
  };
}

function lifeText(formats: Formats, summary: IdentitySummary): string {
  const { notBefore, notAfter } = summary.row;
  const span = formats.t('common.certificate.validity', { from: formats.date(notBefore), to: formats.date(notAfter) });
  return [span, daysText(formats, summary)].filter(Boolean).join(', ');
}

/** Empty where days do not count any more, or not yet. */
function daysText(formats: Formats, { condition, row, at }: IdentitySummary): string {
  const counting = condition === 'usable' || condition === 'expires-soon';
  return counting ? formats.t('identities.daysLeft', { count: formats.daysBetween(at, row.notAfter) }) : '';
}
