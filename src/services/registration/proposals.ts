import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { countAttempt } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type Actor, recordStep } from './history.ts';
import type { Visit } from './invitations.ts';
import {
  changesBetween,
  draftFaults,
  type FieldChange,
  type FieldFaults,
  type RegistrationFields,
  submissionFaults,
} from './registration-form.ts';
import { type OpenRegistration, openRow, type Transaction, WITH_PLACE } from './registrations.ts';

/** Who fills in the form: the contact of a country that does not take part yet, or an administrator of one that does. */
export type Proposer = { contact: Visit } | { session: SignedIn };

export type ProposalResult =
  | { ok: true; registration: OpenRegistration }
  | { ok: false; problem: 'faults'; faults: FieldFaults }
  /** Saved in another window meanwhile: what stands there now, and where it differs from what was typed */
  | { ok: false; problem: 'stale'; registration: OpenRegistration; differences: FieldChange[] }
  /** Handed in, or accepted: nothing can be changed here now */
  | { ok: false; problem: 'closed'; registration: OpenRegistration }
  | { ok: false; problem: 'too-many-attempts'; retryAt: Date };

/** Of one registration in a quarter of an hour: each is a step in a history of which nothing is ever taken away. */
const SAVES_MAX = 60;

/**
 * Saves the form over the version that it was opened as, and hands it in where `submits`. A draft may be incomplete; what is
 * handed in is checked in full.
 */
export async function proposeRegistration(
  context: Context,
  proposer: Proposer,
  registration: OpenRegistration,
  typed: { version: number; fields: RegistrationFields; submits: boolean },
): Promise<ProposalResult> {
  const { fields, submits, version } = typed;
  const at = context.now();
  if (!mayEdit(proposer, registration)) return { ok: false, problem: 'closed', registration };
  if (version !== registration.version) return stale(registration, fields);
  const faults = submits ? submissionFaults(fields, registration.domain) : draftFaults(fields);
  if (Object.keys(faults).length > 0) return { ok: false, problem: 'faults', faults };
  const changes = changesBetween(registration.fields, fields);
  if (!submits && changes.length === 0) return { ok: true, registration };
  const { database, config } = context;
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const counted = await countAttempt(database, 'registration', `save ${registration.id}`, SAVES_MAX, key, at);
  if (!counted.allowed) {
    await recordProposal(context, proposer, registration.id, submits, 'refused');
    return { ok: false, problem: 'too-many-attempts', retryAt: counted.retryAt };
  }
  const actor = actorOf(proposer, fields);
  const { prisma } = database;
  const written = await prisma.$transaction(async (tx) => {
    const { count } = await tx.registration.updateMany({
      where: { id: registration.id, version, ...stillAllowed(proposer, at) },
      data: {
        fields,
        state: submits ? 'submitted' : draftState(registration),
        version: { increment: 1 },
        changedAt: at,
      },
    });
    if (count === 0) return false;
    // What a country that takes part writes from now on is not for whoever still has the code of its beginning.
    if ('session' in proposer) await withdrawAll(tx, registration.id, at);
    await recordStep(tx, registration.id, at, submits ? 'submitted' : 'saved', actor, { changes });
    return true;
  });
  const row = openRow(
    await prisma.registration.findUniqueOrThrow({ where: { id: registration.id }, include: WITH_PLACE }),
  );
  if (!written)
    return mayEdit(proposer, row) ? stale(row, fields) : { ok: false, problem: 'closed', registration: row };
  await recordProposal(context, proposer, registration.id, submits, 'done');
  return { ok: true, registration: row };
}

async function withdrawAll(tx: Transaction, registrationId: string, withdrawnAt: Date): Promise<void> {
  await tx.registrationInvitation.updateMany({ where: { registrationId, withdrawnAt: null }, data: { withdrawnAt } });
}

/** While it waits to be decided nobody changes it, and a country that takes part is changed by its administrators only. */
export function mayEdit(proposer: Proposer, registration: OpenRegistration): boolean {
  if (registration.state === 'submitted') return false;
  return 'session' in proposer ? registration.countryId !== null : registration.countryId === null;
}

/** The same, as the database decides it at the moment of writing: also against a withdrawal at that very moment. */
function stillAllowed(proposer: Proposer, at: Date): Prisma.RegistrationWhereInput {
  const state = { not: 'submitted' } as const;
  if ('session' in proposer) return { state, countryId: proposer.session.account.countryId };
  const id = proposer.contact.invitationId;
  return { state, countryId: null, invitations: { some: { id, withdrawnAt: null, endsAt: { gt: at } } } };
}

/** What was returned stays so until it is handed in again; what was accepted becomes a draft of a change. */
function draftState({ state }: OpenRegistration): 'draft' | 'returned' {
  return state === 'returned' ? 'returned' : 'draft';
}

function stale(registration: OpenRegistration, typed: RegistrationFields): ProposalResult {
  return { ok: false, problem: 'stale', registration, differences: changesBetween(registration.fields, typed) };
}

function actorOf(proposer: Proposer, fields: RegistrationFields): Actor {
  return 'session' in proposer
    ? { side: 'country', name: proposer.session.account.address }
    : { side: 'contact', name: fields.contactName };
}

async function recordProposal(
  context: Context,
  proposer: Proposer,
  object: string,
  submits: boolean,
  result: 'done' | 'refused',
): Promise<void> {
  const reason = submits ? 'registration-submitted' : 'registration-saved';
  const who =
    'session' in proposer
      ? {
          accountId: proposer.session.account.id,
          actor: proposer.session.account.address,
          network: proposer.session.network,
        }
      : { accountId: null, actor: 'contact', network: proposer.contact.network };
  await context.audit.record({ ...who, action: 'administration', object, result, reason });
}
