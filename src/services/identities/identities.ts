import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { DigitalId } from '../../generated/prisma/client.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { isTaken } from '../database/taken.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type RetiredReason, retiredReason } from './import-identity.ts';
import { encryptionIdentity, identitiesOf, isUsable, signingIdentity } from './own-keys.ts';

export type IdentityPurpose = 'sign' | 'encrypt';
/** `expired` and `not-yet-valid` are active ones that time does not let be used. */
export type IdentityCondition =
  | 'usable'
  | 'expires-soon'
  | 'expired'
  | 'not-yet-valid'
  | 'retired'
  | 'revoked'
  | 'lost';

/** One Digital ID as the list and its page show it. */
export type IdentitySummary = {
  row: DigitalId;
  condition: IdentityCondition;
  /** What it is used for at present: the chosen one, or the first that fits (S09) */
  usedFor: IdentityPurpose[];
  /** What it may be chosen for */
  fitFor: IdentityPurpose[];
  /** When this was so */
  at: Date;
};

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

/** The list of one's personal certificates (S10). */
export async function listIdentities(context: Context, session: SignedIn): Promise<IdentitySummary[]> {
  const { database } = context;
  const at = context.now();
  const [rows, signing, encrypting] = await Promise.all([
    identitiesOf(database, session.account.id),
    signingIdentity(database, session.account, at),
    encryptionIdentity(database, session.account, at),
  ]);
  return rows.map((row) => {
    const fitFor = (['sign', 'encrypt'] as const).filter((purpose) =>
      isUsable(row, session.account.address, purpose, at),
    );
    const usedFor: IdentityPurpose[] = [];
    if (signing?.id === row.id) usedFor.push('sign');
    if (encrypting?.id === row.id) usedFor.push('encrypt');
    return { row, condition: conditionOf(row, at), usedFor, fitFor, at };
  });
}

function conditionOf(row: DigitalId, at: Date): IdentityCondition {
  if (row.state === 'retired' && row.lostVaultId !== null) return 'lost';
  if (row.state !== 'active') return row.state;
  if (row.notAfter < at) return 'expired';
  if (row.notBefore > at) return 'not-yet-valid';
  return row.notAfter.getTime() - at.getTime() <= SOON_DAYS * DAY_MS ? 'expires-soon' : 'usable';
}

/** One of one's own. @throws AppError not-found */
export async function findIdentity(context: Context, session: SignedIn, id: string): Promise<IdentitySummary> {
  const found = (await listIdentities(context, session)).find((each) => each.row.id === id);
  if (!found) throw new AppError('not-found');
  return found;
}

/** One in use whose key was made here and never saved: there is no file of it anywhere (T26). */
export async function madeHereWithoutBackup(context: Context, { account }: SignedIn): Promise<string | null> {
  const row = await context.database.prisma.digitalId.findFirst({
    where: { accountId: account.id, state: 'active', backedUpAt: null, requestedKey: { isNot: null } },
    select: { id: true },
  });
  return row?.id ?? null;
}

/** Uses this Digital ID for the purpose from now on. @returns false when it is not fit for it */
export async function chooseIdentity(
  context: Context,
  session: SignedIn,
  id: string,
  purpose: IdentityPurpose,
): Promise<boolean> {
  const identity = await findIdentity(context, session, id);
  if (!identity.fitFor.includes(purpose)) return false;
  await context.database.prisma.account.update({
    where: { id: session.account.id },
    data: purpose === 'sign' ? { signingIdentityId: id } : { encryptionIdentityId: id },
  });
  await recordChange(context, session, identity.row, `use-to-${purpose}`);
  return true;
}

/** Takes a Digital ID out of use; it still opens the mail that was encrypted to it (T26). */
export async function retireIdentity(context: Context, session: SignedIn, id: string): Promise<void> {
  const { row } = await findIdentity(context, session, id);
  await changeState(context, session, row, 'retired');
}

/** `other-in-use`: in production one is in use for each purpose (T21). */
export type ReactivateResult =
  | { ok: true }
  | { ok: false; reason: RetiredReason | 'revoked' | 'lost' | 'other-in-use' };

/** Into use again, unless what made it unusable still holds. */
export async function reactivateIdentity(context: Context, session: SignedIn, id: string): Promise<ReactivateResult> {
  const { row } = await findIdentity(context, session, id);
  if (row.state === 'revoked') return { ok: false, reason: 'revoked' };
  if (row.lostVaultId !== null) return { ok: false, reason: 'lost' };
  const reason = retiredReason(parseCertificate(row.certificate), context.now());
  if (reason !== null) return { ok: false, reason };
  try {
    await changeState(context, session, row, 'active');
  } catch (error) {
    if (isTaken(error)) return { ok: false, reason: 'other-in-use' };
    throw error;
  }
  return { ok: true };
}

async function changeState(
  context: Context,
  session: SignedIn,
  row: DigitalId,
  state: 'active' | 'retired',
): Promise<void> {
  const changed = await context.database.prisma.digitalId.updateMany({
    where: {
      ...{ id: row.id, accountId: session.account.id, lostVaultId: null },
      state: state === 'active' ? 'retired' : 'active',
    },
    data: { state },
  });
  if (changed.count > 0) await recordChange(context, session, row, state);
}

async function recordChange(context: Context, session: SignedIn, row: DigitalId, reason: string): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'identity-change',
    object: row.sha256,
    result: 'done',
    reason,
  });
}

export type IdentityPath = {
  certificates: Certificate[];
  /** SHA-256 of roots in it that this person does not trust */
  untrustedRoots: string[];
  /** Row of the root that waits for a decision on the trust page */
  waitingAnchorId: string | null;
};

/** The path as it is stored with a Digital ID, the person's certificate first. */
export async function identityPath(context: Context, session: SignedIn, row: DigitalId): Promise<IdentityPath> {
  const certificates = [row.certificate, ...row.chain].map((der) => parseCertificate(der));
  const roots = certificates.filter((each) => each.isSelfIssued && each.sha256 !== row.sha256);
  const anchors = await context.database.prisma.trustAnchor.findMany({
    where: { accountId: session.account.id, sha256: { in: roots.map((root) => root.sha256) } },
    select: { id: true, sha256: true, state: true },
  });
  const trusted = new Set(anchors.filter((anchor) => anchor.state === 'trusted').map((anchor) => anchor.sha256));
  return {
    certificates,
    untrustedRoots: roots.map((root) => root.sha256).filter((sha256) => !trusted.has(sha256)),
    waitingAnchorId: anchors.find((anchor) => anchor.state === 'offered')?.id ?? null,
  };
}
