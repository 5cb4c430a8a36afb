import { type Config, keyOf } from '../../config.ts';
import { AppError } from '../../errors.ts';
import type { Prisma, Vault } from '../../generated/prisma/client.ts';
import {
  generateMasterKey,
  generateRecoveryCode,
  unwrapMasterKey,
  type WrappedKey,
  type WrappingSecret,
  wrapMasterKey,
} from '../../vault/master-key.ts';
import { openSealed, SealBrokenError, sealUnder } from '../../vault/seal.ts';
import { generateBoxKeys } from '../../vault/sealed-box.ts';
import type { Database } from '../database/connect.ts';
import { countAttempt, forgetAttempts } from './attempts.ts';
import type { OpenedKeys } from './session.ts';

const UNLOCK_LIMIT = 10;
export const PASSPHRASE_MIN_LENGTH = 10;
export const PASSPHRASE_MAX_LENGTH = 200;

export type PassphraseProblem = 'too-short' | 'too-long' | 'same-as-mailbox' | 'not-repeated';

/** The rules for a new passphrase; length counts, not kinds of characters (NIST SP 800-63B section 5.1.1.2). */
export function passphraseProblem(
  passphrase: string,
  repeated: string,
  mailboxPassword: string,
): PassphraseProblem | null {
  if (passphrase.length < PASSPHRASE_MIN_LENGTH) return 'too-short';
  if (passphrase.length > PASSPHRASE_MAX_LENGTH) return 'too-long';
  // The national mail operator could see the mailbox password: it must not open the keys.
  if (passphrase.normalize('NFKC') === mailboxPassword.normalize('NFKC')) return 'same-as-mailbox';
  if (passphrase !== repeated) return 'not-repeated';
  return null;
}

/**
 * Makes the vault: master key, both wrappings, and the key pair that drafts are sealed to.
 * @returns the recovery code, shown once and kept nowhere; null when the account has a vault already
 */
export async function createVault(
  database: Database,
  config: Config,
  accountId: string,
  passphrase: string,
  at: Date,
): Promise<({ recoveryCode: string } & OpenedKeys) | null> {
  // Never a version that a vault given up before had: what is still under way for that one must not fit this one.
  const before = await database.prisma.lostVault.aggregate({ where: { accountId }, _max: { version: true } });
  const version = (before._max.version ?? 0) + 1;
  const masterKey = generateMasterKey();
  const draftKeys = generateBoxKeys();
  let isCreated = false;
  try {
    const { recoveryCode, wrappings } = await wrapTwice(config, masterKey, passphrase, contextOf(accountId, version));
    const created = await database.prisma.vault.createMany({
      skipDuplicates: true,
      data: {
        accountId,
        version,
        ...wrappings,
        draftPublicKey: new Uint8Array(draftKeys.publicKey),
        sealedDraftPrivateKey: new Uint8Array(sealUnder(masterKey, draftKeys.privateKey, draftKeyContext(accountId))),
        createdAt: at,
        changedAt: at,
      },
    });
    isCreated = created.count === 1;
    return isCreated ? { recoveryCode, masterKey, version } : null;
  } finally {
    draftKeys.privateKey.fill(0);
    if (!isCreated) masterKey.fill(0);
  }
}

/** Under the passphrase and under a new recovery code, as the columns of the vault. */
async function wrapTwice(config: Config, masterKey: Buffer, passphrase: string, context: string) {
  const serverKeyVersion = config.serverKeys.current;
  const serverKey = keyOf(config.serverKeys, serverKeyVersion);
  const recoveryCode = generateRecoveryCode();
  const byPassphrase = await wrapMasterKey(masterKey, { kind: 'passphrase', secret: passphrase }, serverKey, context);
  const byRecovery = await wrapMasterKey(masterKey, { kind: 'recovery', secret: recoveryCode }, serverKey, context);
  const wrappings = {
    serverKeyVersion,
    passphraseSalt: new Uint8Array(byPassphrase.salt),
    wrappedByPassphrase: new Uint8Array(byPassphrase.wrapped),
    recoverySalt: new Uint8Array(byRecovery.salt),
    wrappedByRecovery: new Uint8Array(byRecovery.wrapped),
  };
  return { recoveryCode, wrappings };
}

export type UnlockResult =
  | ({ ok: true } & OpenedKeys)
  | { ok: false; reason: 'wrong' | 'no-vault' }
  | { ok: false; reason: 'too-many-attempts'; retryAt: Date };

/** Opens the vault by passphrase or recovery code; attempts are limited for the account on all nodes. */
export async function openVault(
  database: Database,
  config: Config,
  accountId: string,
  by: WrappingSecret,
  at: Date,
): Promise<UnlockResult> {
  const tooMany = await countUnlock(database, config, accountId, at);
  if (tooMany) return tooMany;
  const vault = await database.prisma.vault.findUnique({ where: { accountId } });
  if (!vault) return { ok: false, reason: 'no-vault' };
  const masterKey = await openWrapped(config, vault, by);
  if (!masterKey) return { ok: false, reason: 'wrong' };
  await forgetAttempts(database, 'unlock', accountId, keyOf(config.serverKeys, config.serverKeys.current));
  return { ok: true, masterKey, version: vault.version };
}

/** What of a vault holds its master key; the same of one that was given up. */
export type WrappedVault = Pick<
  Vault,
  | 'accountId'
  | 'version'
  | 'serverKeyVersion'
  | 'passphraseSalt'
  | 'wrappedByPassphrase'
  | 'recoverySalt'
  | 'wrappedByRecovery'
>;

/** Attempts are the caller's to count. @returns null when the secret is not the one */
export async function openWrapped(config: Config, vault: WrappedVault, by: WrappingSecret): Promise<Buffer | null> {
  const serverKey = keyOf(config.serverKeys, vault.serverKeyVersion);
  return unwrapMasterKey(wrappingOf(vault, by), by, serverKey, contextOf(vault.accountId, vault.version));
}

/** Counts an attempt to open a vault of this account, present or given up; null while it is within the limit. */
export async function countUnlock(
  database: Database,
  config: Config,
  accountId: string,
  at: Date,
): Promise<Extract<UnlockResult, { reason: 'too-many-attempts' }> | null> {
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const attempt = await countAttempt(database, 'unlock', accountId, UNLOCK_LIMIT, key, at);
  return attempt.allowed ? null : { ok: false, reason: 'too-many-attempts', retryAt: attempt.retryAt };
}

function wrappingOf(vault: WrappedVault, by: WrappingSecret): WrappedKey {
  return by.kind === 'passphrase'
    ? { salt: Buffer.from(vault.passphraseSalt), wrapped: Buffer.from(vault.wrappedByPassphrase) }
    : { salt: Buffer.from(vault.recoverySalt), wrapped: Buffer.from(vault.wrappedByRecovery) };
}

/**
 * A new passphrase for the same master key, and with it a new recovery code: whoever saw the old ones opens nothing, and
 * every session locks its keys. The caller lets its own in again.
 * @returns the new recovery code, shown once; null when the vault was changed since it was opened
 */
export async function changePassphrase(
  database: Database,
  config: Config,
  accountId: string,
  opened: OpenedKeys,
  passphrase: string,
  at: Date,
): Promise<({ recoveryCode: string } & OpenedKeys) | null> {
  const { masterKey } = opened;
  const version = opened.version + 1;
  const { recoveryCode, wrappings } = await wrapTwice(config, masterKey, passphrase, contextOf(accountId, version));
  return database.prisma.$transaction(async (tx) => {
    // The vault first: who unlocks holds it too, and so comes wholly before this or finds another version.
    const { count } = await tx.vault.updateMany({
      where: { accountId, version: opened.version },
      data: {
        version,
        ...wrappings,
        changedAt: at,
      },
    });
    if (count === 0) return null;
    await tx.session.updateMany({ where: { accountId }, data: { sealedMasterKey: null, keysUntil: null } });
    return { recoveryCode, masterKey, version };
  });
}

/** The pair that drafts and letter heads are sealed to; the private half is the caller's to overwrite. */
export async function openDraftKeys(
  database: Database,
  accountId: string,
  masterKey: Uint8Array,
): Promise<{ publicKey: Buffer; privateKey: Buffer }> {
  const vault = await database.prisma.vault.findUniqueOrThrow({ where: { accountId } });
  return {
    publicKey: Buffer.from(vault.draftPublicKey),
    privateKey: openSealed(masterKey, vault.sealedDraftPrivateKey, draftKeyContext(accountId)),
  };
}

/** Public half only: enough to save. Null before the first passphrase. */
export async function draftPublicKey(
  database: { prisma: Pick<Prisma.TransactionClient, 'vault'> },
  accountId: string,
): Promise<Buffer | null> {
  const vault = await database.prisma.vault.findUnique({ where: { accountId }, select: { draftPublicKey: true } });
  return vault ? Buffer.from(vault.draftPublicKey) : null;
}

/** Associated data under which a Digital ID's private key is sealed: it opens for this account and certificate only. */
export function privateKeyContext(accountId: string, certificateSha256: string): string {
  return `private key ${accountId} ${certificateSha256}`;
}

/** The same for a key that waits for its certificate; it is known by its public half. */
export function requestedKeyContext(accountId: string, spkiSha256: string): string {
  return `requested key ${accountId} ${spkiSha256}`;
}

/**
 * Keeps the vault as it is until the transaction ends, and makes sure that this is its master key: a key sealed under that of a
 * vault which was given up meanwhile would be lost.
 * @throws AppError no-vault, keys-locked
 */
export async function holdVault(tx: Prisma.TransactionClient, accountId: string, masterKey: Uint8Array): Promise<void> {
  const [vault] = await tx.$queryRaw<{ sealed: Uint8Array }[]>`
    select sealed_draft_private_key as sealed from vault where account_id = ${accountId}::uuid for share`;
  if (vault === undefined) throw new AppError('no-vault');
  try {
    openSealed(masterKey, vault.sealed, draftKeyContext(accountId)).fill(0);
  } catch (error) {
    if (error instanceof SealBrokenError) throw new AppError('keys-locked');
    throw error;
  }
}

function contextOf(accountId: string, version: number): string {
  return `master key ${accountId} ${version}`;
}

function draftKeyContext(accountId: string): string {
  return `draft key ${accountId}`;
}
