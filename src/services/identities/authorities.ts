import type { Authority as AuthorityRow, Programme } from '../../generated/prisma/client.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { type Authority, createIssuingAuthority, createRootAuthority } from '../../pki/issue.ts';
import type { KeyAlgorithm } from '../../pki/key-pair.ts';
import { chainAbove } from '../../pki/pkcs12-identities.ts';
import { openUnderPassphrase, sealUnderPassphrase } from '../../vault/passphrase-seal.ts';
import type { Database } from '../database/connect.ts';
import { issuerLocations } from './issuer-locations.ts';

const DAY_MS = 86_400_000;
/** Clocks of partners may be behind ours. */
const BACKDATED_MS = 5 * 60_000;
const ROOT_DAYS = 3650;
const ISSUING_DAYS = 1825;
export const AUTHORITY_PASSPHRASE_MIN_LENGTH = 12;

/** Policy of Digital IDs issued here; 2.25 makes an object identifier of any UUID (ITU-T X.667). */
export const POLICY_OID = '2.25.213460174052364872153941684736027405911';

export type NewAuthorities = {
  /** Seals the key of the issuing authority; asked for at each issuing */
  passphrase: string;
  /** Seals the root's key, which is needed for new authorities and its own list only; the same as the other one where it is not given */
  rootPassphrase?: string;
  keyAlgorithm?: KeyAlgorithm;
  rootName?: string;
  issuingName?: string;
  /** Id of the root: whoever asks twice with the same one makes one */
  id?: string;
  /** Where the pages are: certificates say where lists are */
  publicUrl?: URL;
  /** What to do with each authority while its key is open, such as to sign its first lists */
  whileOpen?: (row: AuthorityRow, opened: Authority) => Promise<unknown>;
};

/**
 * Makes the programme's root and its issuing authority (T12) and lists the root as the programme's trust anchor. The
 * issuing one can issue for mail in the programme's domains only.
 * @throws RangeError for a short passphrase
 */
export async function createAuthorities(
  database: Database,
  programme: Programme,
  wanted: NewAuthorities,
  at: Date,
): Promise<{ root: Certificate; issuing: Certificate }> {
  const { passphrase, rootPassphrase = passphrase, keyAlgorithm = 'RSA-3072', publicUrl } = wanted;
  for (const each of [passphrase, rootPassphrase])
    if (each.length < AUTHORITY_PASSPHRASE_MIN_LENGTH)
      throw new RangeError(`at least ${AUTHORITY_PASSPHRASE_MIN_LENGTH} characters`);
  const root = await createRootAuthority({
    name: wanted.rootName ?? `${programme.name} Root CA`,
    keyAlgorithm,
    ...lifeFrom(at, ROOT_DAYS),
  });
  const made = [root];
  try {
    const issuing = await issuingBelow(root, programme, {
      name: wanted.issuingName ?? `${programme.name} Issuing CA`,
      keyAlgorithm,
      publicUrl,
      at,
    });
    made.push(issuing);
    const rows = [
      await sealedAuthority(programme.id, 'root', root, rootPassphrase),
      await sealedAuthority(programme.id, 'issuing', issuing, passphrase),
    ];
    const named = rows.map((row) => ({
      ...row,
      ...(wanted.id && row.kind === 'root' && { id: wanted.id }),
      createdAt: at,
    }));
    const [stored] = await database.prisma.$transaction([
      database.prisma.authority.createManyAndReturn({ data: named }),
      database.prisma.trustAnchor.create({ data: programmeAnchor(programme, root.certificate, at) }),
    ]);
    for (const row of stored) await wanted.whileOpen?.(row, row.kind === 'root' ? root : issuing);
    return { root: root.certificate, issuing: issuing.certificate };
  } finally {
    made.forEach(overwriteKey);
  }
}

export type NewIssuing = { name: string; keyAlgorithm: KeyAlgorithm; publicUrl: URL | undefined; at: Date };

/** An issuing authority for the programme's domains below this root, which ends no later than it. */
export async function issuingBelow(root: Authority, programme: Programme, wanted: NewIssuing): Promise<Authority> {
  const { name, keyAlgorithm, publicUrl, at } = wanted;
  const wished = lifeFrom(at, ISSUING_DAYS);
  const { certificate: limits } = root;
  return createIssuingAuthority({
    issuer: root,
    name,
    keyAlgorithm,
    notBefore: new Date(Math.max(limits.notBefore.getTime(), wished.notBefore.getTime())),
    notAfter: new Date(Math.min(limits.notAfter.getTime(), wished.notAfter.getTime())),
    domains: [permittedDomain(programme.domainPattern)],
    policyOid: POLICY_OID,
    clientAuthentication: programme.clientCertificates !== 'off',
    ...(publicUrl === undefined ? {} : issuerLocations(publicUrl, root.certificate)),
  });
}

function lifeFrom(at: Date, days: number) {
  return { notBefore: new Date(at.getTime() - BACKDATED_MS), notAfter: new Date(at.getTime() + days * DAY_MS) };
}

/** RFC 5280 section 4.2.1.10: a leading dot allows the hosts below: what follows the country's label in the pattern. */
export function permittedDomain(pattern: string): string {
  return pattern.slice(pattern.indexOf('{cc}') + '{cc}'.length);
}

/** The row of an authority with its key under this passphrase. The caller overwrites the key. */
export async function sealedAuthority(
  programmeId: string,
  kind: AuthorityRow['kind'],
  authority: Authority,
  passphrase: string,
) {
  const { der, sha256 } = authority.certificate;
  const { salt, sealed } = await sealUnderPassphrase(passphrase, authority.privateKey, authorityKeyContext(sha256));
  return {
    programmeId,
    kind,
    certificate: new Uint8Array(der),
    sha256,
    keySalt: new Uint8Array(salt),
    sealedPrivateKey: new Uint8Array(sealed),
    chain: [] as Uint8Array<ArrayBuffer>[],
  };
}

function programmeAnchor(programme: Programme, root: Certificate, at: Date) {
  return {
    programmeId: programme.id,
    certificate: new Uint8Array(root.der),
    subject: root.subject,
    sha1: root.sha1,
    sha256: root.sha256,
    notAfter: root.notAfter,
    state: 'trusted',
    source: 'programme',
    offeredAt: at,
    decidedAt: at,
  } as const;
}

function authorityKeyContext(sha256: string): string {
  return `authority key ${sha256}`;
}

/** The authority with its private key, which the caller overwrites after use; null for a wrong passphrase or when the key is not here. */
export async function openAuthority(row: AuthorityRow, passphrase: string): Promise<Authority | null> {
  if (row.keySalt === null || row.sealedPrivateKey === null) return null;
  const context = authorityKeyContext(row.sha256);
  const certificate = parseCertificate(row.certificate);
  const privateKey = await openUnderPassphrase(passphrase, row.keySalt, row.sealedPrivateKey, context);
  return privateKey && { certificate, privateKey };
}

export function overwriteKey({ privateKey }: Pick<Authority, 'privateKey'>): void {
  privateKey.fill(0);
}

/** The authority that issues for a programme at this time: of those with a key that were not retired, the newest. */
export async function issuingAuthorityOf(
  database: Database,
  programmeId: string,
  at: Date,
): Promise<AuthorityRow | null> {
  const rows = await database.prisma.authority.findMany({
    where: { programmeId, kind: 'issuing', retiredAt: null, revokedAt: null, sealedPrivateKey: { not: null } },
    orderBy: { createdAt: 'desc' },
  });
  const isValid = ({ notBefore, notAfter }: Certificate) => notBefore <= at && at < notAfter;
  return rows.find((row) => isValid(parseCertificate(row.certificate))) ?? null;
}

/** What is above an authority, the root last. */
export async function chainOfAuthority(database: Database, row: AuthorityRow): Promise<Certificate[]> {
  const rows = await database.prisma.authority.findMany({ where: { programmeId: row.programmeId } });
  const others = [...row.chain, ...rows.map((each) => each.certificate)];
  return chainAbove(
    parseCertificate(row.certificate),
    others.map((der) => parseCertificate(der)),
  );
}

export type PublishedAuthority = {
  programme: string;
  kind: AuthorityRow['kind'];
  certificate: Certificate;
  /** Authorities of others above it, nearest first */
  chain: Certificate[];
  id: string;
  /** Otherwise it publishes its lists elsewhere */
  keyIsHere: boolean;
};

/** All authorities for the public page, by programme, the root first (S08). */
export async function publishedAuthorities(database: Database): Promise<PublishedAuthority[]> {
  const rows = await database.prisma.authority.findMany({
    include: { programme: { select: { name: true } } },
    orderBy: [{ programme: { name: 'asc' } }, { kind: 'asc' }, { createdAt: 'desc' }],
  });
  return rows.map((row) => ({
    id: row.sha256,
    programme: row.programme.name,
    kind: row.kind,
    certificate: parseCertificate(row.certificate),
    chain: row.chain.map((der) => parseCertificate(der)),
    keyIsHere: row.sealedPrivateKey !== null,
  }));
}

/** An authority and what is above it, the root last; empty when it is not one of ours. */
export async function authorityPath(database: Database, sha256: string): Promise<Certificate[]> {
  const published = await publishedAuthorities(database);
  const found = published.find((each) => each.id === sha256);
  if (!found) return [];
  return [
    found.certificate,
    ...chainAbove(found.certificate, [...found.chain, ...published.map((each) => each.certificate)]),
  ];
}
