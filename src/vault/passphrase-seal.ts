import { randomBytes } from 'node:crypto';
import { argon2id, hash } from 'argon2';
import { openSealed, SealBrokenError, sealUnder } from './seal.ts';

const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** RFC 9106, second recommended option: 64 MiB, t = 3; one lane, as for the users' keys. */
const COST = { memoryCost: 64 * 1024, timeCost: 3, parallelism: 1 } as const;

/**
 * Seals bytes under a passphrase alone: argon2id, then AES-256-GCM. For keys of authorities, which must open on another
 * installation too (a restored backup) and are asked for at each use.
 * @param context what the bytes are, bound as associated data
 */
export async function sealUnderPassphrase(
  passphrase: string,
  plaintext: Uint8Array,
  context: string,
): Promise<{ salt: Buffer; sealed: Buffer }> {
  const salt = randomBytes(SALT_BYTES);
  const key = await keyOf(passphrase, salt);
  try {
    return { salt, sealed: sealUnder(key, plaintext, context) };
  } finally {
    key.fill(0);
  }
}

/** @returns null when the passphrase is wrong or the bytes were altered; the caller overwrites the result after use */
export async function openUnderPassphrase(
  passphrase: string,
  salt: Uint8Array,
  sealed: Uint8Array,
  context: string,
): Promise<Buffer | null> {
  const key = await keyOf(passphrase, salt);
  try {
    return openSealed(key, sealed, context);
  } catch (error) {
    if (error instanceof SealBrokenError) return null;
    throw error;
  } finally {
    key.fill(0);
  }
}

function keyOf(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  return hash(passphrase.normalize('NFKC'), {
    ...COST,
    type: argon2id,
    salt: Buffer.from(salt),
    hashLength: KEY_BYTES,
    raw: true,
  });
}
