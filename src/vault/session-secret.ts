import { createHash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { openSealed, SealBrokenError, sealUnder } from './seal.ts';

const SECRET_BYTES = 32;

/** The cookie carries both; the database has the id and a hash of the secret. */
export type SessionToken = { id: string; secret: Buffer };

export function generateSessionToken(): SessionToken {
  return { id: randomBytes(16).toString('base64url'), secret: randomBytes(SECRET_BYTES) };
}

export function formatSessionToken(token: SessionToken): string {
  return `${token.id}.${token.secret.toString('base64url')}`;
}

/** @returns null for anything that is not a token of ours */
export function parseSessionToken(cookie: string): SessionToken | null {
  const match = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/.exec(cookie);
  return match ? { id: match[1]!, secret: Buffer.from(match[2]!, 'base64url') } : null;
}

export function hashSessionSecret(secret: Uint8Array): Buffer {
  return createHash('sha256').update('sealpost session 1').update(secret).digest();
}

export function isSessionSecret(secret: Uint8Array, hash: Uint8Array): boolean {
  const own = hashSessionSecret(secret);
  return own.length === hash.length && timingSafeEqual(own, hash);
}

/**
 * Seals what a session must remember (mailbox credential, unlocked master key) under HKDF(cookie secret ‖ K_sess):
 * neither the database nor the installation's secret nor a cookie alone opens it.
 */
export function sealForSession(token: SessionToken, sessionKey: Uint8Array, value: Uint8Array, what: string): Buffer {
  const key = keyFor(token, sessionKey);
  try {
    return sealUnder(key, value, `session ${token.id} ${what}`);
  } finally {
    key.fill(0);
  }
}

/** @returns null when it does not open: another cookie, another K_sess, or altered */
export function openFromSession(
  token: SessionToken,
  sessionKey: Uint8Array,
  sealed: Uint8Array,
  what: string,
): Buffer | null {
  const key = keyFor(token, sessionKey);
  try {
    return openSealed(key, sealed, `session ${token.id} ${what}`);
  } catch (error) {
    if (error instanceof SealBrokenError) return null;
    throw error;
  } finally {
    key.fill(0);
  }
}

function keyFor(token: SessionToken, sessionKey: Uint8Array): Buffer {
  const material = Buffer.concat([token.secret, sessionKey]);
  const key = Buffer.from(hkdfSync('sha256', material, token.id, 'sealpost session seal 1', 32));
  material.fill(0);
  return key;
}
