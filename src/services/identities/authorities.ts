import type { Authority as AuthorityRow, Programme } from '../../generated/prisma/client.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { type Authority, createIssuingAuthority, createRootAuthority } from '../../pki/issue.ts';
import type { KeyAlgorithm } from '../../pki/key-pair.ts';
import { chainAbove } from '../../pki/pkcs12-identities.ts';
import { openUnderPassphrase, sealUnderPassphrase } from '../../vault/passphrase-seal.ts';
import type { Database } from '../database/connect.ts';

const DAY_MS = 86_400_000;
/** Clocks of partners may be behind ours. */
const BACKDATED_MS = 5 * 60_000;
const ROOT_DAYS = 3650;
const ISSUING_DAYS = 1825;
const PASSPHRASE_MIN_LENGTH = 12;

/** Policy of Digital IDs issued here; 2.25 makes an object identifier of any UUID (ITU-T X.667). */
export const POLICY_OID = '2.25.213460174052364872153941684736027405911';

export type NewAuthorities = {
  /** Seals both private keys; asked for at each issuing */
  passphrase: string;
  keyAlgorithm?: KeyAlgorithm;
  rootName?: string;
  issuingName?: string;
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
  const { passphrase, keyAlgorithm = 'RSA-3072' } = wanted;
  if (passphrase.length < PASSPHRASE_MIN_LENGTH) throw new RangeError(`at least ${PASSPHRASE_MIN_LENGTH} characters`);
  const notBefore = new Date(at.getTime() - BACKDATED_MS);
  const root = await createRootAuthority({
    name: wanted.rootName ?? `${programme.name} Root CA`,
    keyAlgorithm,
    notBefore,
    notAfter: new Date(at.getTime() + ROOT_DAYS * DAY_MS),
  });
  const issuing = await createIssuingAuthority({
    issuer: root,
    name: wanted.issuingName ?? `${programme.name} Issuing CA`,
    keyAlgorithm,
    notBefore,
    notAfter: new Date(at.getTime() + ISSUING_DAYS * DAY_MS),
    domains: [permittedDomain(programme.domainPattern)],
    policyOid: POLICY_OID,
  });
  const rows = [
    await sealedRow(programme, 'root', root, passphrase),
    await sealedRow(programme, 'issuing', issuing, passphrase),
  ];
  for (const { privateKey } of [root, issuing]) privateKey.fill(0);
  await database.prisma.$transaction([
    database.prisma.authority.createMany({ data: rows.map((row) => ({ ...row, createdAt: at })) }),
    database.prisma.trustAnchor.create({ data: programmeAnchor(programme, root.certificate, at) }),
  ]);
  return { root: root.certificate, issuing: issuing.certificate };
}

/** RFC 5280 section 4.2.1.10: a leading dot allows the hosts below: what follows the country's label in the pattern. */
function permittedDomain(pattern: string): string {
  return pattern.slice(pattern.indexOf('{cc}') + '{cc}'.length);
}

async function sealedRow(programme: Programme, kind: AuthorityRow['kind'], authority: Authority, passphrase: string) {
  const { der, sha256 } = authority.certificate;
  const { salt, sealed } = await sealUnderPassphrase(passphrase, authority.privateKey, authorityKeyContext(sha256));
  return {
    programmeId: programme.id,
    kind,
    certificate: new Uint8Array(der),
    sha256,
    keySalt: new Uint8Array(salt),
    sealedPrivateKey: new Uint8Array(sealed),
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

/** The authority with its private key, which the caller overwrites after use; null for a wrong passphrase. */
export async function openAuthority(row: AuthorityRow, passphrase: string): Promise<Authority | null> {
  const privateKey = await openUnderPassphrase(
    passphrase,
    row.keySalt,
    row.sealedPrivateKey,
    authorityKeyContext(row.sha256),
  );
  return privateKey ? { certificate: parseCertificate(row.certificate), privateKey } : null;
}

export type PublishedAuthority = {
  programme: string;
  kind: AuthorityRow['kind'];
  certificate: Certificate;
  id: string;
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
  }));
}

/** An authority and what is above it, the root last; empty when it is not one of ours. */
export async function authorityPath(database: Database, sha256: string): Promise<Certificate[]> {
  const published = await publishedAuthorities(database);
  const found = published.find((each) => each.id === sha256);
  if (!found) return [];
  return [
    found.certificate,
    ...chainAbove(
      found.certificate,
      published.map((each) => each.certificate),
    ),
  ];
}
