import type { Context } from '../../context.ts';
import type { ExplicitTrust, TrustAnchor, TrustDecision } from '../../generated/prisma/client.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { markCertificates, readOrNull } from '../contacts/contact-marks.ts';
import type { SignedIn } from '../sessions/session.ts';
import { listDecisions } from './trust-decisions.ts';

const DECISIONS_SHOWN = 100;

export type ShownAnchor = { row: TrustAnchor; certificate: Certificate };
export type ProgrammeAnchor = ShownAnchor & {
  /** The clerk's own row, once accepted or confirmed */
  accepted: TrustAnchor | null;
  /** The clerk's own row that waits, such as one that came with a .pfx: it can be confirmed by thumbprint too */
  waiting: TrustAnchor | null;
};

export type TrustOverview = {
  programme: ProgrammeAnchor[];
  trusted: ShownAnchor[];
  offered: ShownAnchor[];
  withdrawn: ShownAnchor[];
  explicit: (ExplicitTrust & { parsed: Certificate })[];
  decisions: TrustDecision[];
};

/** Everything on the trust page. A root that the programme stands behind is listed there only. */
export async function readTrustOverview(context: Context, session: SignedIn): Promise<TrustOverview> {
  const { prisma } = context.database;
  const accountId = session.account.id;
  const [standing, own, explicit, decisions] = await Promise.all([
    prisma.trustAnchor.findMany({
      where: { accountId: null, programmeId: session.account.country.programmeId, state: 'trusted' },
      orderBy: { offeredAt: 'asc' },
    }),
    prisma.trustAnchor.findMany({ where: { accountId }, orderBy: [{ offeredAt: 'desc' }, { id: 'asc' }] }),
    prisma.explicitTrust.findMany({ where: { accountId, withdrawnAt: null }, orderBy: { trustedAt: 'desc' } }),
    listDecisions(context, session, DECISIONS_SHOWN),
  ]);
  const ofProgramme = new Set(standing.map((row) => row.sha256));
  const others = shown(own.filter((row) => !ofProgramme.has(row.sha256)));
  return {
    programme: shown(standing).map((anchor) => ({
      ...anchor,
      accepted: own.find((row) => row.sha256 === anchor.row.sha256 && row.state === 'trusted') ?? null,
      waiting: own.find((row) => row.sha256 === anchor.row.sha256 && row.state !== 'trusted') ?? null,
    })),
    // One that was only accepted on the programme's word falls with it.
    trusted: others.filter(({ row }) => row.state === 'trusted' && row.programmeId === null),
    offered: others.filter(({ row }) => row.state === 'offered'),
    withdrawn: others.filter(
      ({ row }) => row.state === 'withdrawn' || (row.state === 'trusted' && row.programmeId !== null),
    ),
    explicit: explicit.flatMap((row) => {
      const parsed = readOrNull(row.certificate);
      return parsed ? [{ ...row, parsed }] : [];
    }),
    decisions,
  };
}

function shown(rows: TrustAnchor[]): ShownAnchor[] {
  return rows.flatMap((row) => {
    const certificate = readOrNull(row.certificate);
    return certificate ? [{ row, certificate }] : [];
  });
}

/**
 * Contacts whose default Digital ID is usable now and would not be without this root or this explicit trust: what a
 * withdrawal changes, said before it.
 */
export async function contactsTurningX(
  context: Context,
  session: SignedIn,
  without: { sha256: string },
): Promise<{ name: string; address: string }[]> {
  const contacts = await context.database.prisma.contact.findMany({
    where: { accountId: session.account.id, certificates: { some: { isDefault: true } } },
    orderBy: { name: 'asc' },
    include: { certificates: { where: { isDefault: true } } },
  });
  const subjects = contacts.flatMap((contact) => {
    const row = contact.certificates[0];
    const certificate = row ? readOrNull(row.certificate) : null;
    return row && certificate ? [{ contact, certificate, chain: row.chain, address: contact.address }] : [];
  });
  const judging = { account: session.account, at: context.now() };
  const [now, then] = await Promise.all([
    markCertificates(context, subjects, judging),
    markCertificates(context, subjects, { ...judging, without: without.sha256 }),
  ]);
  return subjects
    .filter((_, index) => now[index]?.usable && !then[index]?.usable)
    .map(({ contact: { name, address } }) => ({ name, address }));
}
