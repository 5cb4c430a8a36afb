import { createHash } from 'node:crypto';
import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { RegistrationInvitation } from '../../generated/prisma/client.ts';
import {
  formatSessionToken,
  generateSessionToken,
  hashSessionSecret,
  isSessionSecret,
  parseSessionToken,
} from '../../vault/session-secret.ts';
import { generateSpokenCode, normaliseSpokenCode } from '../../vault/spoken-code.ts';
import { recordAdministration } from '../administration/record.ts';
import type { Database } from '../database/connect.ts';
import { countAttempt } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { subscriberOf } from '../sessions/sign-in.ts';
import { recordStep } from './history.ts';
import { type OpenRegistration, openRow, WITH_PLACE } from './registrations.ts';

/** 100 random bits: nobody guesses it, also without limits. */
const CODE_CHARACTERS = 20;
const INVITATION_MS = 30 * 86_400_000;
/** Nothing done for so long ends the visit; the code opens the next one. */
export const VISIT_MS = 2 * 3_600_000;
const EXTEND_EVERY_MS = 60_000;
const CODE_ATTEMPTS = 20;

/** The invitation that counts now, or null. */
export function currentInvitation(context: Context, registrationId: string): Promise<RegistrationInvitation | null> {
  return context.database.prisma.registrationInvitation.findFirst({
    where: { registrationId, withdrawnAt: null, endsAt: { gt: context.now() } },
    orderBy: { madeAt: 'desc' },
  });
}

/**
 * A new code for the contact of a country, shown this once; the one of before ends with all that was opened by it.
 * @throws AppError `not-found` where the country takes part already: its administrators sign in
 */
export async function inviteContact(
  context: Context,
  session: SignedIn,
  registration: OpenRegistration,
): Promise<{ code: string; endsAt: Date }> {
  const code = generateSpokenCode(CODE_CHARACTERS);
  const at = context.now();
  const endsAt = new Date(at.getTime() + INVITATION_MS);
  const registrationId = registration.id;
  await context.database.prisma.$transaction(async (tx) => {
    const open = await tx.$queryRaw<unknown[]>`
      select id from registration where id = ${registrationId}::uuid and country_id is null for update`;
    if (open.length === 0) throw new AppError('not-found');
    await tx.registrationInvitation.updateMany({
      where: { registrationId, withdrawnAt: null },
      data: { withdrawnAt: at },
    });
    await tx.registrationInvitation.create({
      data: { registrationId, codeHash: hashCode(code), madeAt: at, endsAt },
    });
    await recordStep(tx, registrationId, at, 'invited', { side: 'central', name: session.account.address });
  });
  await recordAdministration(context, session, registrationId, 'registration-invited');
  return { code, endsAt };
}

/** @returns false where there was none */
export async function withdrawInvitation(
  context: Context,
  session: SignedIn,
  registration: OpenRegistration,
): Promise<boolean> {
  const at = context.now();
  const withdrawn = await context.database.prisma.$transaction(async (tx) => {
    const { count } = await tx.registrationInvitation.updateMany({
      where: { registrationId: registration.id, withdrawnAt: null },
      data: { withdrawnAt: at },
    });
    if (count === 0) return false;
    const by = { side: 'central', name: session.account.address } as const;
    await recordStep(tx, registration.id, at, 'invitation-withdrawn', by);
    return true;
  });
  if (withdrawn) await recordAdministration(context, session, registration.id, 'registration-invitation-withdrawn');
  return withdrawn;
}

export type OpenResult =
  | { ok: true; cookie: string }
  | { ok: false; reason: 'wrong' }
  | { ok: false; reason: 'too-many-attempts'; retryAt: Date };

/** A browser shows the code. One that is wrong, withdrawn or at its end gets the same answer; attempts are counted by network. */
export async function openInvitation(context: Context, typed: string, network: string): Promise<OpenResult> {
  const { database, config } = context;
  const at = context.now();
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const counted = await countAttempt(database, 'registration', subscriberOf(network), CODE_ATTEMPTS, key, at);
  if (!counted.allowed) {
    await record(context, network, 'registration', 'refused', 'registration-code too-many-attempts');
    return { ok: false, reason: 'too-many-attempts', retryAt: counted.retryAt };
  }
  const invitation = await database.prisma.registrationInvitation.findFirst({
    where: { codeHash: hashCode(typed), withdrawnAt: null, endsAt: { gt: at } },
  });
  if (invitation === null) {
    await record(context, network, 'registration', 'refused', 'registration-code wrong');
    return { ok: false, reason: 'wrong' };
  }
  const token = generateSessionToken();
  await database.prisma.$transaction(async (tx) => {
    await tx.registrationVisit.create({
      data: {
        id: token.id,
        invitationId: invitation.id,
        secretHash: new Uint8Array(hashSessionSecret(token.secret)),
        endsAt: visitEnd(invitation, at),
      },
    });
    await recordStep(tx, invitation.registrationId, at, 'opened', { side: 'contact', name: '' });
  });
  await record(context, network, invitation.registrationId, 'done', 'registration-opened');
  return { ok: true, cookie: formatSessionToken(token) };
}

/** A visit of a contact: the registration, and by which invitation and from where it is worked on. */
export type Visit = { registration: OpenRegistration; invitationId: string; visitId: string; network: string };

/** The visit of a cookie, or null: unknown, ended, or its invitation was withdrawn. Each look keeps it open. */
export async function findVisit(context: Context, cookie: string, network: string): Promise<Visit | null> {
  const token = parseSessionToken(cookie);
  if (!token) return null;
  const { prisma } = context.database;
  const at = context.now();
  const row = await prisma.registrationVisit.findFirst({
    where: { id: token.id, endsAt: { gt: at }, invitation: { withdrawnAt: null, endsAt: { gt: at } } },
    include: { invitation: { include: { registration: { include: WITH_PLACE } } } },
  });
  if (!row || !isSessionSecret(token.secret, row.secretHash)) return null;
  const endsAt = visitEnd(row.invitation, at);
  if (endsAt.getTime() - row.endsAt.getTime() > EXTEND_EVERY_MS)
    await prisma.registrationVisit.updateMany({ where: { id: row.id }, data: { endsAt } });
  return {
    registration: openRow(row.invitation.registration),
    invitationId: row.invitationId,
    visitId: row.id,
    network,
  };
}

export async function endVisit(context: Context, visit: Visit): Promise<void> {
  await context.database.prisma.registrationVisit.deleteMany({ where: { id: visit.visitId } });
}

/** Visits that ended. */
export async function removeEndedVisits(database: Database, at: Date): Promise<void> {
  await database.prisma.registrationVisit.deleteMany({ where: { endsAt: { lte: at } } });
}

/** A contact's step in the trail: there is no account, so the registration stands for it. */
async function record(
  context: Context,
  network: string,
  object: string,
  result: 'done' | 'refused',
  reason: string,
): Promise<void> {
  await context.audit.record({
    ...{ accountId: null, actor: 'contact', network, action: 'administration', object, result, reason },
  });
}

function visitEnd(invitation: RegistrationInvitation, at: Date): Date {
  return new Date(Math.min(at.getTime() + VISIT_MS, invitation.endsAt.getTime()));
}

/** 100 random bits need no salt and no stretching. */
function hashCode(code: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    createHash('sha256')
      .update('sealpost registration 1')
      .update(normaliseSpokenCode(code.slice(0, 100)))
      .digest(),
  );
}
