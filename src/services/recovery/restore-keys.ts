import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { DigitalId, LostVault } from '../../generated/prisma/client.ts';
import type { WrappingSecret } from '../../vault/master-key.ts';
import { sealedKeyOf } from '../identities/own-keys.ts';
import { forgetAttempts } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { countUnlock, holdVault, openWrapped } from '../sessions/vault.ts';

type LostWithKeys = LostVault & { digitalIds: DigitalId[] };

/** Vaults of this account that were given up and not found again, the newest first. */
export function lostVaults(context: Context, { account }: SignedIn): Promise<LostWithKeys[]> {
  return context.database.prisma.lostVault.findMany({
    where: { accountId: account.id, restoredAt: null },
    include: { digitalIds: true },
    orderBy: { lostAt: 'desc' },
    take: 10,
  });
}

export type Restored =
  | { ok: true; count: number }
  | { ok: false; reason: 'wrong' }
  | { ok: false; reason: 'too-many-attempts'; retryAt: Date };

/**
 * The old passphrase or recovery code was found after all: the keys come into the present vault, to read old mail with (T26).
 * Tried on each vault that was given up; counted like unlocking.
 */
export async function restoreKeys(
  context: Context,
  session: SignedIn,
  by: WrappingSecret,
  masterKey: Uint8Array,
): Promise<Restored> {
  const { database, config } = context;
  const tooMany = await countUnlock(database, config, session.account.id, context.now());
  if (tooMany) {
    await record(context, session, 'refused', tooMany.reason);
    return tooMany;
  }
  for (const lost of await lostVaults(context, session)) {
    const oldMasterKey = await openWrapped(config, lost, by);
    if (oldMasterKey === null) continue;
    try {
      const count = await bringOver(context, session, lost, oldMasterKey, masterKey);
      await forgetAttempts(database, 'unlock', session.account.id, keyOf(config.serverKeys, config.serverKeys.current));
      await record(context, session, 'done', null);
      return { ok: true, count };
    } finally {
      oldMasterKey.fill(0);
    }
  }
  await record(context, session, 'refused', 'wrong');
  return { ok: false, reason: 'wrong' };
}

async function bringOver(
  context: Context,
  { account }: SignedIn,
  lost: LostWithKeys,
  oldMasterKey: Uint8Array,
  masterKey: Uint8Array,
): Promise<number> {
  const sealed: { id: string; sealedPrivateKey: Uint8Array<ArrayBuffer> }[] = [];
  for (const row of lost.digitalIds) {
    const key = sealedKeyOf(row);
    const job = { kind: 'adopt-key', key, masterKey: oldMasterKey, newMasterKey: masterKey, newContext: key.context };
    const answer = await context.workers.run({ ...job, kind: 'adopt-key' }, account.id);
    if (!answer.ok || answer.value === null) throw new Error(`a key of a vault that was found again does not open`);
    sealed.push({ id: row.id, sealedPrivateKey: new Uint8Array(answer.value) });
  }
  return context.database.prisma.$transaction(async (tx) => {
    await holdVault(tx, account.id, masterKey);
    let count = 0;
    // One that a backup brought back meanwhile stays as it is.
    for (const { id, sealedPrivateKey } of sealed) {
      const where = { id, lostVaultId: lost.id };
      count += (await tx.digitalId.updateMany({ where, data: { sealedPrivateKey, lostVaultId: null } })).count;
    }
    await tx.lostVault.update({ where: { id: lost.id }, data: { restoredAt: context.now() } });
    return count;
  });
}

async function record(context: Context, session: SignedIn, result: 'done' | 'refused', reason: string | null) {
  const { account, network } = session;
  await context.audit.record({
    ...{ accountId: account.id, actor: account.address, network, action: 'restore' as const, object: 'vault', result },
    ...(reason === null ? {} : { reason }),
  });
}
