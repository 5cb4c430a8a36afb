import type { Formats } from '../i18n/formats.ts';

/** Whether a collection needs somebody, and what its mark looks like. */
export function collectionMark(
  { t }: Formats,
  { state, outcome }: { state: 'on' | 'stopped' | 'off'; outcome: string | null },
): { look: string; icon: string; text: string; isTrouble: boolean } {
  if (state === 'off') return { look: '', icon: 'dash', text: t('collection.state.off'), isTrouble: false };
  if (state === 'stopped') return { look: 'bad', icon: 'cross', text: t('collection.state.stopped'), isTrouble: true };
  const isTrouble = outcome !== null && outcome !== 'ok';
  if (isTrouble) return { look: 'wait', icon: 'clock', text: t(`collection.short.${outcome}`), isTrouble };
  return { look: 'ok', icon: 'tick', text: t('collection.state.on'), isTrouble };
}
