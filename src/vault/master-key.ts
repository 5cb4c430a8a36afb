import { hkdfSync, randomBytes } from 'node:crypto';
import { argon2id, hash } from 'argon2';
import { openSealed, SealBrokenError, sealUnder } from './seal.ts';
import { generateSpokenCode, normaliseSpokenCode } from './spoken-code.ts';

const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** architecture.md, "How keys are kept": 64 MiB, t = 3, p = 1 (RFC 9106, second recommended option, one lane). */
const PASSPHRASE_COST = { memoryCost: 64 * 1024, timeCost: 3, parallelism: 1 } as const;
/** 160 random bits need no stretching; the low cost only keeps one code path. */
const RECOVERY_COST = { memoryCost: 8 * 1024, timeCost: 1, parallelism: 1 } as const;
const RECOVERY_CHARACTERS = 32;

export type WrappedKey = { salt: Buffer; wrapped: Buffer };
export type WrappingSecret = { kind: 'passphrase' | 'recovery'; secret: string };

export function generateMasterKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/**
 * Wraps the master key: KEK = HKDF-SHA-256(argon2id(secret, salt) ‖ K_srv), AES-256-GCM.
 * @param serverKey K_srv, 32 bytes
 * @param context user and version, bound as associated data
 */
export async function wrapMasterKey(
  masterKey: Uint8Array,
  by: WrappingSecret,
  serverKey: Uint8Array,
  context: string,
): Promise<WrappedKey> {
  const salt = randomBytes(SALT_BYTES);
  const key = await wrappingKey(by, salt, serverKey);
  try {
    return { salt, wrapped: sealUnder(key, masterKey, `${by.kind} ${context}`) };
  } finally {
    key.fill(0);
  }
}

/** @returns the master key, or null when the passphrase or recovery code is wrong (the two cannot be told from tampering) */
export async function unwrapMasterKey(
  wrapped: WrappedKey,
  by: WrappingSecret,
  serverKey: Uint8Array,
  context: string,
): Promise<Buffer | null> {
  const key = await wrappingKey(by, wrapped.salt, serverKey);
  try {
    return openSealed(key, wrapped.wrapped, `${by.kind} ${context}`);
  } catch (error) {
    if (error instanceof SealBrokenError) return null;
    throw error;
  } finally {
    key.fill(0);
  }
}

async function wrappingKey(by: WrappingSecret, salt: Buffer, serverKey: Uint8Array): Promise<Buffer> {
  const recovery = by.kind === 'recovery';
  const secret = recovery ? normaliseSpokenCode(by.secret) : by.secret.normalize('NFKC');
  const cost = recovery ? RECOVERY_COST : PASSPHRASE_COST;
  const stretched = await hash(secret, { ...cost, type: argon2id, salt, hashLength: KEY_BYTES, raw: true });
  const material = Buffer.concat([stretched, serverKey]);
  const key = Buffer.from(hkdfSync('sha256', material, salt, 'sealpost master key wrapping 1', KEY_BYTES));
  stretched.fill(0);
  material.fill(0);
  return key;
}

/** 160 random bits as eight groups of four characters, to be written on paper. */
export function generateRecoveryCode(): string {
  return generateSpokenCode(RECOVERY_CHARACTERS);
}
