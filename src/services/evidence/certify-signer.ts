import type { Context } from '../../context.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { openUnderCount, recordAuthority, type WrongPassphrase } from '../authorities/record-authority.ts';
import { issuingAuthorityOf } from '../identities/authorities.ts';
import { type Issuer, openIssuer } from '../issuing/issue-digital-id.ts';
import type { SignedIn } from '../sessions/session.ts';
import { renewEvidenceSigner, signerInForce } from './evidence-signer.ts';

/** Who signs evidence for the programme now, and the authority that certified it; null when nobody does. */
export async function readEvidenceSigner(
  context: Context,
  session: SignedIn,
): Promise<{ certificate: Certificate; issuer: string } | null> {
  const row = await signerInForce(context.database, administeredProgramme(session).id, context.now());
  if (row === null) return null;
  const authority = await context.database.prisma.authority.findUniqueOrThrow({ where: { id: row.authorityId } });
  const issuer = parseCertificate(authority.certificate);
  return { certificate: parseCertificate(row.certificate), issuer: issuer.commonName ?? issuer.subject };
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
