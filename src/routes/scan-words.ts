import type { Formats } from '../i18n/formats.ts';
import type { AttachmentState } from '../services/scanning/message-scans.ts';
import type { ReleaseState } from '../services/scanning/releases.ts';
import type { DraftScanState } from '../services/scanning/scan-draft.ts';

type Mark = { look: string; icon: string; text: string };

/** How the states of a request look, for the holder and for the administrator. */
export const RELEASE_LOOK: Readonly<Record<ReleaseState, { look: string; icon: string }>> = {
  asked: { look: 'wait', icon: 'clock' },
  released: { look: 'ok', icon: 'tick' },
  used: { look: '', icon: 'tick' },
  refused: { look: 'seal', icon: 'cross' },
};

/** Beside an attachment of a message; null where no scanner is set up. */
export function attachmentMark({ t }: Formats, state: AttachmentState | undefined): Mark | null {
  if (state === undefined) return null;
  if (state.state === 'infected')
    return { look: 'seal', icon: 'warning', text: t('scanning.mark.infected', { finding: state.finding }) };
  if (state.state === 'clean') return { look: 'ok', icon: 'tick', text: t('scanning.mark.clean') };
  return { look: '', icon: 'clock', text: t(`scanning.mark.message.${state.state}`) };
}

/** Beside an attachment of a draft. */
export function draftScanMark({ t }: Formats, state: DraftScanState | undefined): Mark | null {
  if (state === undefined) return null;
  if (state.state === 'infected')
    return { look: 'seal', icon: 'warning', text: t('scanning.mark.infected', { finding: state.finding }) };
  if (state.state === 'clean') return { look: 'ok', icon: 'tick', text: t('scanning.mark.clean') };
  return { look: 'wait', icon: 'clock', text: t('scanning.mark.draft.unknown') };
}
