import type { Config } from '../../config.ts';
import type { Authority as AuthorityRow, PublishedList, PublishedListKind } from '../../generated/prisma/client.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import type { RevocationList } from '../../pki/crl.ts';
import type { Authority } from '../../pki/issue.ts';
import { isIssuedBy } from '../../pki/issued-by.ts';
import { type RevocationListContent, type WrittenEntry, writeRevocationList } from '../../pki/write-crl.ts';
import type { Database } from '../database/connect.ts';
import { certificateUrl, indirectListUrl } from '../identities/issuer-locations.ts';
import { openStatusSigner, renewStatusSigner } from './status-signer.ts';

const DAY_MS = 24 * 3_600_000;
/** Clocks of partners may be behind ours. */
const BACKDATED_MS = 60_000;
/** By the authority itself, when its passphrase is typed; the Baseline Requirements allow ten days. */
const DIRECT_DAYS = 10;
/** A root's passphrase comes out of its safe twice a year. */
const ROOT_DAYS = 182;
/** By the signer, each day. */
const INDIRECT_DAYS = 4;
const REFRESH_MS = DAY_MS;

type Needs = { database: Database; config: Pick<Config, 'publicUrl' | 'serverKeys'>; now: () => Date };

/**
 * What every ceremony leaves behind, since the authority's key is only there while its passphrase was typed: a fresh list signed by the
 * authority itself and, of an issuing one, a signer for the days to come with its list. The caller overwrites the key.
 */
export async function signDirectList(
  context: Needs,
  row: Pick<AuthorityRow, 'id' | 'kind' | 'programmeId'>,
  opened: Authority,
): Promise<RevocationList> {
  const { database, now } = context;
  const days = row.kind === 'root' ? ROOT_DAYS : DIRECT_DAYS;
  const signed = { signer: opened.certificate, privateKey: opened.privateKey };
  const list = await publish(database, row, 'direct', now(), days, signed);
  if (row.kind === 'issuing') {
    await renewStatusSigner(context, row, opened);
    await signIndirectList(context, row);
  }
  return list;
}

/**
 * Signs the list of an issuing authority in its place; null when there is no signer in force. Any node may, at any time: numbers only
 * grow.
 */
export async function signIndirectList(
  context: Needs,
  row: Pick<AuthorityRow, 'id' | 'kind'>,
): Promise<RevocationList | null> {
  const { database, config, now } = context;
  const signer = await openStatusSigner(context, row.id);
  if (signer === null) return null;
  try {
    const authority = await database.prisma.authority.findUniqueOrThrow({ where: { id: row.id } });
    const issuer = parseCertificate(authority.certificate);
    const indirect = {
      url: indirectListUrl(config.publicUrl, issuer.sha256),
      signerUrl: certificateUrl(config.publicUrl, signer.certificate.sha256),
      issuer,
    };
    const signed = { signer: signer.certificate, privateKey: signer.privateKey, indirect };
    return await publish(database, row, 'indirect', now(), INDIRECT_DAYS, signed);
  } finally {
    signer.privateKey.fill(0);
  }
}

type Signed = Pick<RevocationListContent, 'signer' | 'privateKey' | 'indirect'>;

/**
 * Numbers, entries and the signature belong together: whoever signs waits for the one before, so that no list of a higher number knows
 * less. What is published is judged by here too, on every node, like lists of others that were fetched.
 */
async function publish(
  database: Database,
  row: Pick<AuthorityRow, 'id' | 'kind'>,
  kind: PublishedListKind,
  at: Date,
  days: number,
  signed: Signed,
): Promise<RevocationList> {
  return database.prisma.$transaction(async (tx) => {
    await tx.$queryRaw`select id from authority where id = ${row.id}::uuid for no key update`;
    const before = await tx.publishedList.findFirst({
      where: { authorityId: row.id, kind },
      orderBy: { number: 'desc' },
    });
    const thisUpdate = new Date(at.getTime() - BACKDATED_MS);
    // Two in one second would not tell which is newer but by their number, and clocks of nodes may differ.
    const notBefore =
      before === null ? thisUpdate : new Date(Math.max(thisUpdate.getTime(), before.thisUpdate.getTime()));
    const list = writeRevocationList({
      ...signed,
      number: (before?.number ?? 0n) + 1n,
      thisUpdate: notBefore,
      nextUpdate: new Date(at.getTime() + days * DAY_MS),
      entries: await entriesOf(tx, row, before, at),
    });
    const { sha256, issuer, number } = list;
    const bytes = new Uint8Array(list.der);
    const nextUpdate = list.nextUpdate as Date;
    const dates = { thisUpdate: list.thisUpdate, nextUpdate };
    await tx.publishedList.create({
      data: { authorityId: row.id, kind, number: number ?? 0n, sha256, bytes, ...dates },
    });
    await tx.revocationList.create({ data: { sha256, issuer, bytes, ...dates, receivedAt: at } });
    // In here: what is taken back meanwhile waits for this row, and makes the list due again.
    if (kind === 'indirect')
      await tx.authority.update({ where: { id: row.id }, data: { listDueAt: new Date(at.getTime() + REFRESH_MS) } });
    if (before !== null) {
      await tx.revocationList.updateMany({
        where: { sha256: before.sha256, accountId: null, pointId: null, supersededAt: null },
        data: { supersededAt: at },
      });
    }
    return list;
  });
}

type Transaction = Parameters<Parameters<Database['prisma']['$transaction']>[0]>[0];

/** Of what ended, only what no list after its end has named yet (RFC 5280 section 3.3). */
async function entriesOf(
  tx: Transaction,
  row: Pick<AuthorityRow, 'id' | 'kind'>,
  before: Pick<PublishedList, 'thisUpdate'> | null,
  at: Date,
): Promise<WrittenEntry[]> {
  const since = before?.thisUpdate ?? new Date(0);
  const issued = await tx.issuedCertificate.findMany({
    where: { authorityId: row.id, revokedAt: { not: null, lte: at }, notAfter: { gt: since } },
    orderBy: { serialNumber: 'asc' },
    select: { serialNumber: true, revokedAt: true, revocationReason: true, invalidSince: true },
  });
  const authorities = row.kind === 'root' ? await revokedAuthorities(tx, row.id, since) : [];
  return [...issued, ...authorities].map(({ serialNumber, revokedAt, revocationReason, invalidSince }) => ({
    serialNumber,
    revokedAt: revokedAt as Date,
    reason: revocationReason ?? 'unspecified',
    invalidSince,
  }));
}

async function revokedAuthorities(tx: Transaction, rootId: string, since: Date) {
  const [root, rows] = await Promise.all([
    tx.authority.findUniqueOrThrow({ where: { id: rootId } }),
    tx.authority.findMany({ where: { kind: 'issuing', revokedAt: { not: null } } }),
  ]);
  const above = parseCertificate(root.certificate);
  return rows.flatMap(({ certificate, revokedAt, revocationReason }) => {
    const issuing = parseCertificate(certificate);
    const { serialNumber, notAfter } = issuing;
    return isIssuedBy(issuing, above) && notAfter > since
      ? [{ serialNumber, revokedAt, revocationReason, invalidSince: null }]
      : [];
  });
}

/**
 * To be called where a revocation is recorded, in its transaction: whoever signs the list meanwhile is waited for, and if nobody does it
 * now, the next round of any node does.
 */
export async function listIsDue(tx: Transaction, authorityId: string, at: Date): Promise<void> {
  await tx.authority.updateMany({ where: { id: authorityId, kind: 'issuing' }, data: { listDueAt: at } });
}

export type ListFacts = Pick<PublishedList, 'number' | 'sha256' | 'thisUpdate' | 'nextUpdate'>;

/** The list in force, without its bytes; null when none was published. */
export function newestList(
  database: Database,
  authoritySha256: string,
  kind: PublishedListKind,
): Promise<ListFacts | null> {
  return database.prisma.publishedList.findFirst({
    where: { authority: { sha256: authoritySha256 }, kind },
    orderBy: { number: 'desc' },
    select: { number: true, sha256: true, thisUpdate: true, nextUpdate: true },
  });
}
