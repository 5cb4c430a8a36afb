import type { Formats } from '../../i18n/formats.ts';
import type { AtStake } from '../../services/recovery/start-over.ts';

export function presentAtStake({ t, date, plainName }: Formats, atStake: AtStake) {
  return {
    ...atStake,
    digitalIds: atStake.digitalIds.map(({ id, commonName, notAfter, backedUpAt }) => ({
      id,
      name: plainName(commonName),
      until: t('recovery.until', { date: date(notAfter) }),
      backup: backedUpAt === null ? t('recovery.backup.none') : t('recovery.backup.saved', { date: date(backedUpAt) }),
    })),
  };
}
