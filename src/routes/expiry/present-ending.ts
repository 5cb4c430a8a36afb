import type { Formats } from '../../i18n/formats.ts';
import type { Piece } from '../../i18n/isolate.ts';
import type { Ending } from '../../services/expiry/expiry-watch.ts';
import type { SignedIn } from '../../services/sessions/session.ts';

type Phase = SignedIn['account']['country']['programme']['phase'];

/** One line about something that ends: what, whose, when, what it means, and the way forward. */
export type EndingView = {
  kind: Ending['kind'];
  id: string;
  stage: Ending['stage'];
  href: string;
  title: Piece[];
  /** The title as text, for the names of buttons */
  plainTitle: string;
  mark: { look: string; icon: string; text: string };
  ends: Date;
  /** How its end is written: on the last day the hour matters */
  as: 'date' | 'dateTime';
  text: string;
  action: { href: string; text: string } | null;
  acknowledged: boolean;
};

export function presentEnding(formats: Formats, ending: Ending, phase: Phase, now: Date): EndingView {
  const { kind, id, stage, notAfter, acknowledged } = ending;
  const title = titleOf(formats, ending);
  return {
    kind,
    id,
    stage,
    href: hrefOf(ending),
    title,
    plainTitle: title.map((piece) => piece.text).join(''),
    mark: markOf(formats, ending, now),
    ends: notAfter,
    as: stage === 1 ? 'dateTime' : 'date',
    text: textOf(formats, ending, phase),
    action: actionOf(formats, ending, phase),
    acknowledged,
  };
}

function titleOf({ t, pieces, commonNameOf }: Formats, ending: Ending): Piece[] {
  if (ending.kind === 'own') return [{ text: t(`expiry.own.${usesOf(ending)}`), foreign: false }];
  const name = ending.kind === 'root' ? commonNameOf(ending.name) : ending.name;
  return pieces(`expiry.${ending.kind}.title`, { name });
}

function usesOf({ signs, encrypts }: Ending): 'sign' | 'encrypt' | 'sign-encrypt' {
  if (signs && encrypts) return 'sign-encrypt';
  return signs ? 'sign' : 'encrypt';
}

function hrefOf({ kind, id, contactId }: Ending): string {
  if (kind === 'own') return `/digital-ids/${id}`;
  return kind === 'contact' ? `/contacts/${contactId}` : '/trust';
}

function markOf({ t, daysBetween }: Formats, { stage, notAfter }: Ending, now: Date): EndingView['mark'] {
  const days = daysBetween(now, notAfter);
  return stage === 0
    ? { look: 'seal boxed', icon: 'cross', text: t('expiry.mark.over', { count: -days }) }
    : { look: 'wait boxed', icon: 'clock', text: t('expiry.mark.soon', { count: days }) };
}

/** What it means; what to do where no button says it. */
function textOf({ t }: Formats, ending: Ending, phase: Phase): string {
  const { kind, newerId } = ending;
  const when = ending.stage === 0 ? 'over' : 'soon';
  if (kind === 'own') return `${t(`expiry.own.${when}.${usesOf(ending)}`)} ${t(`expiry.own.${phase}`)}`;
  if (kind === 'root') return `${t(`expiry.root.${when}`)} ${t('expiry.root.ask')}`;
  return newerId === null ? t(`expiry.contact.${when}`) : t('expiry.contact.newer');
}

function actionOf({ t }: Formats, ending: Ending, phase: Phase): EndingView['action'] {
  const { kind, contactId, newerId, address } = ending;
  // In the test phase there is nothing to import before the administration says so (T11).
  if (kind === 'own')
    return phase === 'test' ? null : { href: '/digital-ids/import', text: t('identities.import.open') };
  if (kind === 'root') return null;
  if (newerId !== null)
    return { href: `/contacts/${contactId}/ids/${newerId}/replace`, text: t('contacts.fresh.compare') };
  return { href: `/contacts/link?to=${encodeURIComponent(address ?? '')}`, text: t('expiry.contact.action') };
}
