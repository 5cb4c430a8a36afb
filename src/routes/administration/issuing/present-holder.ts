import type { Formats } from '../../../i18n/formats.ts';
import type { Holder, HolderState } from '../../../services/issuing/read-issuing.ts';

const LOOK: Record<HolderState, readonly [look: string, icon: string]> = {
  none: ['', 'dash'],
  waits: ['wait', 'clock'],
  asked: ['wait', 'phone'],
  released: ['wait', 'clock'],
  installed: ['ok', 'tick'],
  lapsed: ['seal', 'warning'],
  held: ['wait', 'warning'],
  revoked: ['seal', 'cross'],
  ended: ['seal', 'cross'],
};

/** Somebody of a country as the pages show them. */
export function presentHolder({ t, date, plainName }: Formats, { account, open, state, mayIssue, mayReplace }: Holder) {
  const [look, icon] = LOOK[state];
  return {
    id: account.id,
    name: plainName(`${account.firstName} ${account.surname}`),
    address: account.address,
    mark: { look, icon, text: t(`issuing.state.${state}`) },
    until: open && (state === 'ended' || state === 'revoked' ? null : t('issuing.until', { date: date(open.endsAt) })),
    suspended: account.state !== 'active',
    mayIssue,
    mayReplace,
    releaseHref: state === 'asked' && open ? `/administration/issuing/passwords/${open.id}` : null,
  };
}
