import type { Context } from '../../context.ts';
import type { DigitalId, Prisma } from '../../generated/prisma/client.ts';
import { addressKey } from '../../mail/address.ts';
import { checkOwnPassword } from '../administration/second-factor.ts';
import { identitiesOf } from '../identities/own-keys.ts';
import { removeUnusedContents } from '../letters/content-chunks.ts';
import type { SignedIn } from '../sessions/session.ts';

/** What goes with the keys when their vault is given up (T26). */
export type AtStake = {
  digitalIds: Pick<DigitalId, 'id' | 'commonName' | 'notAfter' | 'backedUpAt'>[];
  drafts: number;
  letters: number;
  openRequest: boolean;
};

export async function readAtStake(context: Context, { account }: SignedIn): Promise<AtStake> {
  const { prisma } = context.database;
  const accountId = account.id;
  const [rows, drafts, letters, requests] = await Promise.all([
    identitiesOf(context.database, accountId),
    prisma.draft.count({ where: { accountId } }),
    prisma.letter.count({ where: { accountId } }),
    prisma.certificateRequest.count({ where: { accountId, state: 'open' } }),
  ]);
  return { digitalIds: rows.filter((row) => row.lostVaultId === null), drafts, letters, openRequest: requests > 0 };
}

export type StartedOver =
  | { ok: true }
  | { ok: false; problem: 'not-confirmed' | 'wrong-password' | 'no-vault' }
  | { ok: false; problem: 'too-many-attempts'; retryAt: Date };

/**
 * Gives the vault up, so that a new one can be made (T26). Asks for the own address, typed, and the mailbox password: a window left open
 * must not be enough. The old vault is set aside as it is, for the case that its passphrase or code is found.
 */
export async function startOver(
  context: Context,
  session: SignedIn,
  typed: { address: string; password: string },
): Promise<StartedOver> {
  const { account } = session;
  if (addressKey(typed.address.trim()) !== account.addressKey) return { ok: false, problem: 'not-confirmed' };
  const password = await checkOwnPassword(context, session, typed.password);
  if (!password.ok)
    return password.reason === 'too-many-attempts'
      ? { ok: false, problem: 'too-many-attempts', retryAt: password.retryAt }
      : refuse(context, session, 'wrong-password');
  const contents = await context.database.prisma.$transaction((tx) => setAside(tx, account.id, context.now()));
  if (contents === null) return refuse(context, session, 'no-vault');
  await removeUnusedContents(context.database.pool, contents);
  await record(context, session, 'done', null);
  return { ok: true };
}

/** @returns contents of the drafts that went, and of files that waited with letters; null when there is no vault, as after the same step in another window */
async function setAside(tx: Prisma.TransactionClient, accountId: string, at: Date): Promise<string[] | null> {
  await tx.$queryRaw`select 1 from vault where account_id = ${accountId}::uuid for update`;
  const vault = await tx.vault.findUnique({ where: { accountId } });
  if (vault === null) return null;
  const { version, serverKeyVersion, passphraseSalt, wrappedByPassphrase, recoverySalt, wrappedByRecovery } = vault;
  const lost = await tx.lostVault.create({
    data: {
      ...{ accountId, version, serverKeyVersion, passphraseSalt, wrappedByPassphrase },
      ...{ recoverySalt, wrappedByRecovery, lostAt: at },
    },
  });
  await tx.digitalId.updateMany({ where: { accountId, state: 'active' }, data: { state: 'retired' } });
  await tx.digitalId.updateMany({ where: { accountId, lostVaultId: null }, data: { lostVaultId: lost.id } });
  const asked = { request: { accountId, state: 'open' as const } };
  await tx.requestedKey.updateMany({ where: asked, data: { sealedPrivateKey: null } });
  await tx.certificateRequest.updateMany({ where: asked.request, data: { state: 'lost', closedAt: at } });
  const ofDrafts = { OR: [{ draft: { accountId } }, { letter: { accountId } }] };
  const pieces = await tx.draftAttachment.findMany({ where: ofDrafts, select: { contentId: true } });
  await tx.draftAttachment.deleteMany({ where: ofDrafts });
  await tx.draft.deleteMany({ where: { accountId } });
  await tx.messageVerdict.updateMany({ where: { accountId }, data: { sealedSubject: null, sealedMarking: null } });
  await tx.pfxPasswordShare.deleteMany({ where: { administratorId: accountId } });
  await tx.vault.delete({ where: { accountId } });
  // Other windows hold a master key that is none any more.
  await tx.session.updateMany({ where: { accountId }, data: { sealedMasterKey: null, keysUntil: null } });
  await tx.account.update({
    where: { id: accountId },
    data: { signingIdentityId: null, encryptionIdentityId: null, selfTestedAt: null, firstStepsHidden: false },
  });
  return pieces.map((piece) => piece.contentId);
}

async function refuse(
  context: Context,
  session: SignedIn,
  problem: 'wrong-password' | 'no-vault',
): Promise<StartedOver> {
  await record(context, session, 'refused', problem);
  return { ok: false, problem };
}

async function record(context: Context, session: SignedIn, result: 'done' | 'refused', reason: string | null) {
  const { account, network } = session;
  await context.audit.record({
    ...{
      accountId: account.id,
      actor: account.address,
      network,
      action: 'start-over' as const,
      object: 'vault',
      result,
    },
    ...(reason === null ? {} : { reason }),
  });
}
