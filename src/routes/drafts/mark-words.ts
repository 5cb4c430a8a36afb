import type { Formats } from '../../i18n/formats.ts';
import type { RecipientMark } from '../../services/contacts/contact-marks.ts';

export type MarkWords = {
  address: string;
  name: string;
  usable: boolean;
  reason: string;
  until: string | null;
  /** A subject that is hidden on the way is shown to them */
  showsSubject: boolean;
};

/** A recipient's V or X in the reader's language; the contact's name before the one that was typed. */
export function markWords({ t, date, plainName }: Formats, mark: RecipientMark, typedName: string): MarkWords {
  return {
    address: mark.address,
    name: plainName(mark.name || typedName || mark.address),
    usable: mark.usable,
    reason: mark.reason === null ? '' : t(`drafts.mark.${mark.reason}`),
    until: mark.until === null ? null : date(mark.until),
    showsSubject: mark.showsProtectedSubject,
  };
}

/** First and last two groups: enough to recognise one, and not to be taken for a comparison. */
export function shortThumbprint({ thumbprint }: Formats, sha256: string): string {
  const groups = thumbprint(sha256).split(' ');
  return groups.length <= 4 ? groups.join(' ') : [...groups.slice(0, 2), '…', ...groups.slice(-2)].join(' ');
}
