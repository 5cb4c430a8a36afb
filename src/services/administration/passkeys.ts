import { randomUUID } from 'node:crypto';
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import type { Context } from '../../context.ts';
import type { Passkey } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';
import type { SignedIn } from '../sessions/session.ts';
import { countFactorAttempt, forgetFactorAttempts, recordFactor, type SecondFactorResult } from './second-factor.ts';

/** More than anybody carries; each is a way in. */
export const PASSKEYS_MOST = 10;
export const PASSKEY_NAME_MAX = 60;
/** EdDSA, ES256 and RS256 of COSE: what security keys have. Named, since the library would ask Node for algorithms on trial. */
const ALGORITHMS = [-8, -7, -257];
const CHALLENGE_MS = 5 * 60_000;

export type PasskeySummary = Pick<Passkey, 'id' | 'name' | 'createdAt' | 'usedAt'>;

/** Those of one account, the oldest first. */
export function listPasskeys(database: Database, accountId: string): Promise<PasskeySummary[]> {
  return database.prisma.passkey.findMany({
    where: { accountId },
    orderBy: { createdAt: 'asc' },
    select: { id: true, name: true, createdAt: true, usedAt: true },
  });
}

/** What the browser needs to make a passkey. The challenge belongs to this session and is good once, for five minutes. */
export async function beginPasskey(
  context: Context,
  session: SignedIn,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const { account } = session;
  const known = await context.database.prisma.passkey.findMany({ where: { accountId: account.id } });
  const options = await generateRegistrationOptions({
    rpName: 'Sealpost',
    rpID: context.config.publicUrl.hostname,
    userID: new Uint8Array(Buffer.from(account.id.replaceAll('-', ''), 'hex')),
    userName: account.address,
    userDisplayName: `${account.firstName} ${account.surname}`,
    attestationType: 'none',
    supportedAlgorithmIDs: ALGORITHMS,
    excludeCredentials: known.map(({ credentialId }) => ({ id: credentialId })),
    // A second factor beside the password: it need not be found without the account's name.
    authenticatorSelection: { residentKey: 'discouraged', userVerification: 'preferred' },
  });
  await keepChallenge(context, session, options.challenge);
  return options;
}

export type AddedPasskey = { ok: true } | { ok: false; reason: 'wrong' | 'known' | 'too-many' };

/** @param response what the browser's `toJSON` gave, as text */
export async function addPasskey(
  context: Context,
  session: SignedIn,
  name: string,
  response: string,
): Promise<AddedPasskey> {
  const { prisma } = context.database;
  const accountId = session.account.id;
  const credential = await registered(context, session, response);
  if (credential === null) {
    await recordFactor(context, session, 'refused', 'passkey-wrong');
    return { ok: false, reason: 'wrong' };
  }
  const added = await prisma.$transaction(async (tx) => {
    await tx.$queryRaw`select id from account where id = ${accountId}::uuid for update`;
    if ((await tx.passkey.count({ where: { accountId } })) >= PASSKEYS_MOST) return 'too-many' as const;
    const { count } = await tx.passkey.createMany({
      data: {
        id: randomUUID(),
        accountId,
        credentialId: credential.id,
        publicKey: new Uint8Array(credential.publicKey),
        counter: BigInt(credential.counter),
        name,
        createdAt: context.now(),
      },
      skipDuplicates: true,
    });
    return count === 1 ? null : ('known' as const);
  });
  if (added !== null) return { ok: false, reason: added };
  await recordFactor(context, session, 'done', 'passkey-added');
  return { ok: true };
}

async function registered(context: Context, session: SignedIn, response: string) {
  try {
    const verified = await verifyRegistrationResponse({
      response: JSON.parse(response) as RegistrationResponseJSON,
      expectedChallenge: (challenge) => takeChallenge(context, session, challenge),
      expectedOrigin: context.config.publicUrl.origin,
      expectedRPID: context.config.publicUrl.hostname,
      requireUserVerification: false,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    return verified.verified ? verified.registrationInfo.credential : null;
  } catch {
    // What a browser sends is not believed before it is verified; why it does not fit is of no use to a person.
    return null;
  }
}

/** What the browser needs to show a passkey; null where there is none. */
export async function beginPasskeyEntry(
  context: Context,
  session: SignedIn,
): Promise<PublicKeyCredentialRequestOptionsJSON | null> {
  const known = await context.database.prisma.passkey.findMany({ where: { accountId: session.account.id } });
  if (known.length === 0) return null;
  const options = await generateAuthenticationOptions({
    rpID: context.config.publicUrl.hostname,
    allowCredentials: known.map(({ credentialId }) => ({ id: credentialId })),
    userVerification: 'preferred',
  });
  await keepChallenge(context, session, options.challenge);
  return options;
}

/** A passkey of one's own in place of a code. Counted with the codes, so that neither is a place to try. */
export async function showPasskey(context: Context, session: SignedIn, response: string): Promise<SecondFactorResult> {
  const counted = await countFactorAttempt(context, session);
  if (!counted.allowed) {
    await recordFactor(context, session, 'refused', 'too-many-attempts');
    return { ok: false, reason: 'too-many-attempts', retryAt: counted.retryAt };
  }
  const shown = await authenticated(context, session, response);
  if (shown === null) {
    await recordFactor(context, session, 'refused', 'passkey-wrong');
    return { ok: false, reason: 'wrong' };
  }
  // One that counts must have counted on (WebAuthn section 6.1.1), also for two requests at the same moment.
  const counter = BigInt(shown.newCounter);
  const used = await context.database.prisma.passkey.updateMany({
    where: { id: shown.id, ...(counter === 0n ? { counter: 0n } : { counter: { lt: counter } }) },
    data: { counter, usedAt: context.now() },
  });
  if (used.count === 0) {
    await recordFactor(context, session, 'refused', 'passkey-counter');
    return { ok: false, reason: 'wrong' };
  }
  await forgetFactorAttempts(context, session);
  await recordFactor(context, session, 'done', 'passkey');
  return { ok: true };
}

async function authenticated(
  context: Context,
  session: SignedIn,
  response: string,
): Promise<{ id: string; newCounter: number } | null> {
  try {
    const parsed = JSON.parse(response) as AuthenticationResponseJSON;
    const row = await context.database.prisma.passkey.findFirst({
      where: { accountId: session.account.id, credentialId: String(parsed.id) },
    });
    if (row === null) return null;
    const verified = await verifyAuthenticationResponse({
      response: parsed,
      expectedChallenge: (challenge) => takeChallenge(context, session, challenge),
      expectedOrigin: context.config.publicUrl.origin,
      expectedRPID: context.config.publicUrl.hostname,
      // The database decides about the counter.
      credential: { id: row.credentialId, publicKey: new Uint8Array(row.publicKey), counter: 0 },
      requireUserVerification: false,
    });
    return verified.verified ? { id: row.id, newCounter: verified.authenticationInfo.newCounter } : null;
  } catch {
    return null;
  }
}

async function keepChallenge(context: Context, session: SignedIn, challenge: string): Promise<void> {
  await context.database.prisma.session.updateMany({
    where: { id: session.sessionId },
    data: { passkeyChallenge: challenge, passkeyChallengeUntil: new Date(context.now().getTime() + CHALLENGE_MS) },
  });
}

/** Whether this session was given this challenge, not long ago; it is not given again. */
async function takeChallenge(context: Context, session: SignedIn, challenge: string): Promise<boolean> {
  const taken = await context.database.prisma.session.updateMany({
    where: { id: session.sessionId, passkeyChallenge: challenge, passkeyChallengeUntil: { gt: context.now() } },
    data: { passkeyChallenge: null, passkeyChallengeUntil: null },
  });
  return taken.count === 1;
}
