import type { Context } from '../../context.ts';
import { type Authority, Prisma } from '../../generated/prisma/client.ts';
import { type AuthorityMisfit, tryAuthority } from '../../pki/authority-fit.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { composeDomain } from '../accounts/address-rule.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { offerProgrammeRoot } from '../administration/programme-trust.ts';
import { POLICY_OID, sealedAuthority } from '../identities/authorities.ts';
import { signDirectList } from '../publishing/publish-lists.ts';
import type { SignedIn } from '../sessions/session.ts';
import { recordAuthority } from './record-authority.ts';

export type Adopted =
  /** Id of the root's anchor when its thumbprint has to be compared first (T13) */
  { ok: true; rootToConfirm: string | null } | { ok: false; problem: AuthorityMisfit | 'known-already' };

export type Adoption = {
  certificate: Certificate;
  /** PKCS#8; the caller overwrites it */
  privateKey: Buffer;
  passphrase: string;
  /** Certificates that came along */
  others: readonly Certificate[];
  /** The root's own key where it came along, under its own passphrase */
  root: { privateKey: Buffer; passphrase: string } | null;
};

/**
 * Takes an issuing CA that was made or signed elsewhere, if it can issue for all domains of the programme. Its root is offered:
 * nobody trusts it before its thumbprint was compared. All of it is stored, or nothing.
 */
export async function adoptAuthority(context: Context, session: SignedIn, adoption: Adoption): Promise<Adopted> {
  const { prisma } = context.database;
  const programme = administeredProgramme(session);
  const { certificate, privateKey, others } = adoption;
  const at = context.now();
  const domains = await domainsOf(context, session);
  const fit = await tryAuthority({ certificate, privateKey, others, domains, policyOid: POLICY_OID, at });
  if (!fit.ok) return refuse(context, session, certificate, fit.misfit);
  const root = fit.chain.at(-1) as Certificate;
  const between = fit.chain.slice(0, -1).map((each) => new Uint8Array(each.der));
  const sealed = await sealedAuthority(programme.id, 'issuing', { certificate, privateKey }, adoption.passphrase);
  const sealedRoot =
    adoption.root &&
    (await sealedAuthority(
      programme.id,
      'root',
      { certificate: root, privateKey: adoption.root.privateKey },
      adoption.root.passphrase,
    ));
  let adopted: Authority;
  try {
    adopted = await prisma.$transaction(async (tx) => {
      const { sha256 } = root;
      const facts = { programmeId: programme.id, kind: 'root' as const, sha256, certificate: new Uint8Array(root.der) };
      const known = await tx.authority.findUnique({ where: { sha256 } });
      if (known === null) await tx.authority.create({ data: { ...(sealedRoot ?? facts), createdAt: at } });
      else if (known.programmeId === programme.id && known.sealedPrivateKey === null && sealedRoot)
        await tx.authority.update({ where: { sha256 }, data: sealedRoot });
      return tx.authority.create({ data: { ...sealed, chain: between, createdAt: at } });
    });
  } catch (error) {
    const isKnown = error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
    if (isKnown) return refuse(context, session, certificate, 'known-already');
    throw error;
  }
  await recordAuthority(context, session, certificate.sha256, 'done', 'authority-adopted');
  await signFirstLists(context, adopted, adoption, root);
  const anchor = await offerProgrammeRoot(context, session, root);
  return { ok: true, rootToConfirm: anchor.state === 'trusted' ? null : anchor.id };
}

/** While the keys are at hand. The root of somebody else has its list there. */
async function signFirstLists(
  context: Context,
  adopted: Authority,
  { certificate, privateKey, root }: Adoption,
  rootCertificate: Certificate,
): Promise<void> {
  await signDirectList(context, adopted, { certificate, privateKey });
  if (root === null) return;
  const row = await context.database.prisma.authority.findUniqueOrThrow({ where: { sha256: rootCertificate.sha256 } });
  if (row.programmeId === adopted.programmeId)
    await signDirectList(context, row, { certificate: rootCertificate, privateKey: root.privateKey });
}

async function refuse(
  context: Context,
  session: SignedIn,
  certificate: Certificate,
  problem: AuthorityMisfit | 'known-already',
): Promise<Adopted> {
  await recordAuthority(context, session, certificate.sha256, 'refused', `authority-${problem}`);
  return { ok: false, problem };
}

/** Of the countries that there are; of an invented one where there is none yet. */
async function domainsOf(context: Context, session: SignedIn): Promise<string[]> {
  const { id: programmeId, domainPattern } = administeredProgramme(session);
  const countries = await context.database.prisma.country.findMany({
    where: { programmeId },
    select: { domain: true },
  });
  const domains = countries.map((country) => country.domain);
  return domains.length > 0 ? domains : [composeDomain(domainPattern, 'EU')];
}
