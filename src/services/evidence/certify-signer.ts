import type { Context } from '../../context.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { openUnderCount, recordAuthority, type WrongPassphrase } from '../authorities/record-authority.ts';
import { issuingAuthorityOf } from '../identities/authorities.ts';
import { type Issuer, openIssuer } from '../issuing/issue-digital-id.ts';
import type { SignedIn } from '../sessions/session.ts';
import { renewEvidenceSigner, signerInForce } from './evidence-signer.ts';

export type KnownEvidenceSigner = {
  id: string;
  certificate: Certificate;
  /** Name of the authority that certified it */
  issuer: string;
  /** The one that signs now */
  isInForce: boolean;
  revokedAt: Date | null;
};

/** The keys for evidence whose life lasts, newest first: also those that sign no more, since whoever has one can sign with it. */
export async function readEvidenceSigners(context: Context, session: SignedIn): Promise<KnownEvidenceSigner[]> {
  const { prisma } = context.database;
  const programmeId = administeredProgramme(session).id;
  const at = context.now();
  const rows = await prisma.evidenceSigner.findMany({
    where: { authority: { programmeId }, notAfter: { gt: at } },
    orderBy: { createdAt: 'desc' },
    include: { authority: true },
  });
  const issued = await prisma.issuedCertificate.findMany({
    where: { sha256: { in: rows.map(({ sha256 }) => sha256) } },
    select: { sha256: true, revokedAt: true },
  });
  const now = await signerInForce(context.database, programmeId, at);
  return rows.map((row) => {
    const issuer = parseCertificate(row.authority.certificate);
    return {
      id: row.id,
      certificate: parseCertificate(row.certificate),
      issuer: issuer.commonName ?? issuer.subject,
      isInForce: row.id === now?.id,
      revokedAt: issued.find(({ sha256 }) => sha256 === row.sha256)?.revokedAt ?? null,
    };
  });
}

/** Whatever an authority's passphrase was typed for: the key of evidence is certified along where it will be needed soon. */
export async function renewAlong(context: Context, session: SignedIn, issuer: Issuer): Promise<void> {
  const made = await renewEvidenceSigner(context, issuer, context.now());
  if (made) await recordAuthority(context, session, issuer.row.sha256, 'done', 'evidence-signer-made');
}

/** The same with the passphrase of an authority that was made just now. */
export async function certifyAlong(context: Context, session: SignedIn, passphrase: string): Promise<void> {
  const { database, config } = context;
  const { id } = administeredProgramme(session);
  const opened = await openIssuer(database, id, passphrase, config.publicUrl, context.now());
  if (!opened.ok) return;
  try {
    await renewAlong(context, session, opened.issuer);
  } finally {
    opened.issuer.close();
  }
}

/** A new signer, certified by the programme's issuing authority. */
export async function certifyEvidenceSigner(
  context: Context,
  session: SignedIn,
  passphrase: string,
): Promise<{ ok: true } | { ok: false; problem: 'no-authority' } | WrongPassphrase> {
  const { database, config } = context;
  const at = context.now();
  const programmeId = administeredProgramme(session).id;
  if ((await issuingAuthorityOf(database, programmeId, at)) === null) return { ok: false, problem: 'no-authority' };
  const open = async () => {
    const issuer = await openIssuer(database, programmeId, passphrase, config.publicUrl, at);
    return issuer.ok ? issuer.issuer : null;
  };
  const opened = await openUnderCount(context, session, programmeId, open, (issuer) => issuer.close());
  if (!opened.ok) return opened;
  const issuer = opened.value;
  try {
    await renewEvidenceSigner(context, issuer, at, true);
  } finally {
    issuer.close();
  }
  await recordAuthority(context, session, issuer.row.sha256, 'done', 'evidence-signer-made');
  return { ok: true };
}
