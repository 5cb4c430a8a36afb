import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Authority, PublishedListKind, StatusSigner } from '../../generated/prisma/client.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { administeredProgramme } from '../administration/administered.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type ListFacts, newestList } from './publish-lists.ts';
import { signerInForce } from './status-signer.ts';

const DAY_MS = 24 * 3_600_000;
/** How long before the end it is said: a list by ceremony, the daily one, the signer, an authority. */
const AHEAD_MS = {
  direct: 3 * DAY_MS,
  indirect: 2 * DAY_MS,
  signer: 21 * DAY_MS,
  issuing: 90 * DAY_MS,
  root: 365 * DAY_MS,
};
/** A root's list is good for half a year, and its passphrase lies in a safe. */
const ROOT_LIST_AHEAD_MS = 30 * DAY_MS;

export type EndState = 'missing' | 'ended' | 'ends-soon' | 'good';

export type PublishingState = {
  row: Authority;
  /** Otherwise it publishes its list elsewhere */
  keyIsHere: boolean;
  certificate: Certificate;
  direct: ListFacts | null;
  directState: EndState;
  /** Of an issuing authority; null and `good` for a root, in whose place nobody signs */
  indirect: ListFacts | null;
  indirectState: EndState;
  signer: Pick<StatusSigner, 'sha256' | 'notAfter'> | null;
  signerState: EndState;
  authorityState: EndState;
  /** Entries that the newest list has to name */
  revoked: number;
};

/** What the programme's authorities publish, the roots first, those that ended long ago last. */
export async function readPublishing(context: Context, session: SignedIn): Promise<PublishingState[]> {
  const rows = await context.database.prisma.authority.findMany({
    where: { programmeId: administeredProgramme(session).id },
    orderBy: [{ kind: 'asc' }, { createdAt: 'desc' }],
  });
  return Promise.all(rows.map((row) => publishingOf(context, row)));
}

/** @throws AppError `not-found` for an authority of another programme, as for one that is not there */
export async function findPublishing(context: Context, session: SignedIn, id: string): Promise<PublishingState> {
  const programmeId = administeredProgramme(session).id;
  const row = await context.database.prisma.authority.findFirst({ where: { id, programmeId } });
  if (row === null) throw new AppError('not-found');
  return publishingOf(context, row);
}

async function publishingOf({ database, now }: Context, row: Authority): Promise<PublishingState> {
  const at = now();
  const newest = (kind: PublishedListKind) => newestList(database, row.sha256, kind);
  const isRoot = row.kind === 'root';
  const keyIsHere = row.sealedPrivateKey !== null;
  const [direct, indirect, signer, revoked] = await Promise.all([
    newest('direct'),
    isRoot ? null : newest('indirect'),
    isRoot ? null : signerInForce(database, row.id, at),
    database.prisma.issuedCertificate.count({
      where: { authorityId: row.id, revokedAt: { not: null }, notAfter: { gt: at } },
    }),
  ]);
  const certificate = parseCertificate(row.certificate);
  const state = (end: Date | undefined, ahead: number) => endState(end, ahead, at);
  return {
    row,
    keyIsHere,
    certificate,
    direct,
    directState: !keyIsHere ? 'good' : state(direct?.nextUpdate, isRoot ? ROOT_LIST_AHEAD_MS : AHEAD_MS.direct),
    indirect,
    indirectState: isRoot ? 'good' : state(indirect?.nextUpdate, AHEAD_MS.indirect),
    signer,
    signerState: isRoot ? 'good' : state(signer?.notAfter, AHEAD_MS.signer),
    authorityState: state(certificate.notAfter, AHEAD_MS[row.kind]),
    revoked,
  };
}

export function endState(end: Date | undefined, aheadMs: number, at: Date): EndState {
  if (end === undefined) return 'missing';
  if (end <= at) return 'ended';
  return end.getTime() - at.getTime() <= aheadMs ? 'ends-soon' : 'good';
}

export type PublishingAlarm = {
  what: 'direct' | 'indirect' | 'signer' | 'authority';
  state: Exclude<EndState, 'good'>;
  authority: Certificate;
  end: Date | null;
};

/** What an administrator must see to before partners' programs complain. An authority that ended needs no list any more. */
export async function publishingAlarms(context: Context, session: SignedIn): Promise<PublishingAlarm[]> {
  const states = await readPublishing(context, session);
  const replaced = (state: PublishingState) =>
    states.some(
      (other) => other.row.kind === state.row.kind && other.certificate.notAfter > state.certificate.notAfter,
    );
  return states.flatMap((state) => {
    const { certificate: authority, authorityState } = state;
    // With its root's list nothing below it counts any more, whatever its own lists say.
    if (state.row.revokedAt !== null || (authorityState === 'ended' && replaced(state))) return [];
    const alarm = (what: PublishingAlarm['what'], of: EndState, end: Date | undefined): PublishingAlarm[] =>
      of === 'good' ? [] : [{ what, state: of, authority, end: end ?? null }];
    return [
      ...alarm(
        'authority',
        authorityState === 'ends-soon' && replaced(state) ? 'good' : authorityState,
        authority.notAfter,
      ),
      ...(authorityState === 'ended'
        ? []
        : [
            ...alarm('direct', state.directState, state.direct?.nextUpdate),
            ...alarm('signer', state.signerState, state.signer?.notAfter),
            // Without a signer there is no daily list; that is said once.
            ...(state.signer === null ? [] : alarm('indirect', state.indirectState, state.indirect?.nextUpdate)),
          ]),
    ];
  });
}
