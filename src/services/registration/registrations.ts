import { isIP } from 'node:net';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type {
  Country,
  MailServer,
  Prisma,
  Programme,
  Registration,
  RegistrationInvitation,
} from '../../generated/prisma/client.ts';
import { composeDomain } from '../accounts/address-rule.ts';
import { ANNEX_A } from '../accounts/annex-a.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { recordAdministration } from '../administration/record.ts';
import type { SignedIn } from '../sessions/session.ts';
import { recordStep } from './history.ts';
import { emptyFields, type RegistrationFields, readFields } from './registration-form.ts';

/** One registration with what its pages need: the form, the form that holds, and the domain that the country gets. */
export type OpenRegistration = Omit<Registration, 'fields' | 'accepted'> & {
  programme: Programme;
  country: Country | null;
  fields: RegistrationFields;
  accepted: RegistrationFields | null;
  domain: string;
};

export const WITH_PLACE = { programme: true, country: true } as const;

export function openRow(row: Registration & { programme: Programme; country: Country | null }): OpenRegistration {
  return {
    ...row,
    fields: readFields(row.fields as Record<string, unknown>),
    accepted: row.accepted === null ? null : readFields(row.accepted as Record<string, unknown>),
    domain: row.country?.domain ?? composeDomain(row.programme.domainPattern, row.code),
  };
}

/** @throws AppError `not-found` for one of another programme, as for one that is not there */
export async function findRegistration(context: Context, session: SignedIn, id: string): Promise<OpenRegistration> {
  const row = await context.database.prisma.registration.findFirst({
    where: { id, programmeId: administeredProgramme(session).id },
    include: WITH_PLACE,
  });
  if (row === null) throw new AppError('not-found');
  return openRow(row);
}

export type CountryStanding = {
  code: string;
  isoCode: string;
  domain: string;
  /** `member`: takes part, `suspended`: not at the moment; the others say how far its registration is */
  standing: 'none' | 'begun' | 'invited' | 'submitted' | 'returned' | 'member' | 'suspended';
  /** A change of the registration waits to be decided */
  waiting: boolean;
  countryId: string | null;
  registrationId: string | null;
  mailServer: string | null;
};

/** The countries of Annex A and all others of the programme, with how far each one is. */
export async function readCountries(context: Context, session: SignedIn): Promise<CountryStanding[]> {
  const programme = administeredProgramme(session);
  const where = { programmeId: programme.id };
  const at = context.now();
  const [countries, registrations] = await Promise.all([
    context.database.prisma.country.findMany({ where, include: { mailServer: { select: { name: true } } } }),
    context.database.prisma.registration.findMany({
      where,
      include: { invitations: { where: { withdrawnAt: null, endsAt: { gt: at } } } },
    }),
  ]);
  const isoOfCode = new Map([
    ...ANNEX_A.map(({ code, iso }) => [code, iso] as const),
    ...[...countries, ...registrations].map(({ code, isoCode }) => [code, isoCode] as const),
  ]);
  return [...isoOfCode].map(([code, isoCode]) => {
    const country = countries.find((each) => each.code === code);
    const registration = registrations.find((each) => each.code === code);
    return {
      code,
      isoCode,
      domain: country?.domain ?? composeDomain(programme.domainPattern, code),
      standing: country
        ? country.suspendedAt
          ? 'suspended'
          : 'member'
        : registration
          ? standingOf(registration)
          : 'none',
      waiting: registration?.state === 'submitted',
      countryId: country?.id ?? null,
      registrationId: registration?.id ?? null,
      mailServer: country?.mailServer.name ?? null,
    };
  });
}

function standingOf({
  state,
  invitations,
}: Registration & { invitations: RegistrationInvitation[] }): CountryStanding['standing'] {
  if (state === 'submitted' || state === 'returned') return state;
  return invitations.length > 0 ? 'invited' : 'begun';
}

export type BeginResult = { ok: true; id: string } | { ok: false; problem: 'member' | 'iso-taken' };

/** A country is to be registered: from now on its contact can be invited. One that was begun is gone on with. */
export async function beginRegistration(
  context: Context,
  session: SignedIn,
  code: string,
  isoCode: string,
): Promise<BeginResult> {
  const programme = administeredProgramme(session);
  const at = context.now();
  const result = await context.database.prisma.$transaction(async (tx): Promise<BeginResult & { isNew?: true }> => {
    // The pattern, from which the domain follows, is fixed under this lock too.
    const locked = await tx.$queryRaw<{ domain_pattern: string }[]>`
      select domain_pattern from programme where id = ${programme.id}::uuid for update`;
    const where = { programmeId: programme.id };
    const known = await tx.registration.findFirst({ where: { ...where, code } });
    if (known) return { ok: true, id: known.id };
    const same = await tx.country.findFirst({ where: { ...where, OR: [{ code }, { isoCode }] } });
    if (same) return { ok: false, problem: same.code === code ? 'member' : 'iso-taken' };
    if ((await tx.registration.count({ where: { ...where, isoCode } })) > 0) return { ok: false, problem: 'iso-taken' };
    const domain = composeDomain(locked[0]?.domain_pattern ?? programme.domainPattern, code);
    const { id } = await tx.registration.create({
      data: { ...where, code, isoCode, fields: emptyFields(domain), createdAt: at, changedAt: at },
    });
    await recordStep(tx, id, at, 'begun', { side: 'central', name: session.account.address });
    return { ok: true, id, isNew: true };
  });
  if (result.ok && result.isNew) await recordAdministration(context, session, result.id, 'registration-begun');
  return result;
}

/** The registration of a country that the caller answers for; null for one that joined without. */
export async function findCountryRegistration(context: Context, countryId: string): Promise<OpenRegistration | null> {
  const row = await context.database.prisma.registration.findUnique({ where: { countryId }, include: WITH_PLACE });
  return row && openRow(row);
}

const NOT_SAVED = '00000000-0000-0000-0000-000000000000';

/** The registration of the own country; of one that joined without a form what is known of it, not saved yet. */
export async function ownRegistration(context: Context, session: SignedIn): Promise<OpenRegistration> {
  const { country } = session.account;
  const found = await findCountryRegistration(context, country.id);
  if (found) return found;
  const fields = knownFields(session);
  const { programmeId, code, isoCode, id: countryId, domain, programme } = country;
  const at = context.now();
  return {
    ...{ id: NOT_SAVED, programmeId, code, isoCode, countryId, domain, programme, country },
    ...{ state: 'accepted', version: 1, fields, accepted: fields, createdAt: at, changedAt: at },
  };
}

/** The same, saved: a form that is sent changes it. */
export async function ensureOwnRegistration(context: Context, session: SignedIn): Promise<OpenRegistration> {
  const { id, programme: _, country: __, domain: ___, ...row } = await ownRegistration(context, session);
  if (id === NOT_SAVED) {
    const accepted = row.accepted ?? {};
    await context.database.prisma.registration.createMany({ skipDuplicates: true, data: { ...row, accepted } });
  }
  const own = await findCountryRegistration(context, session.account.countryId);
  if (own === null) throw new AppError('not-found');
  return own;
}

function knownFields({ account }: SignedIn): RegistrationFields {
  const { country, firstName, surname, address } = account;
  return {
    ...fieldsOf(country.mailServer, country.domain),
    ...{ firstName, surname, contactName: `${firstName} ${surname}`, contactAddress: address },
  };
}

function fieldsOf(server: MailServer, domain: string): RegistrationFields {
  const empty = emptyFields(domain);
  if (server.hosted) return empty;
  return {
    ...empty,
    mailboxes: 'own',
    imapHost: server.imapHost,
    imapPort: String(server.imapPort),
    imapTls: server.imapTls,
    submissionHost: server.submissionHost,
    submissionPort: String(server.submissionPort),
    submissionTls: server.submissionTls,
    serverName: server.serverName ?? server.imapHost,
    serverIp: isIP(server.imapHost) === 0 ? '' : server.imapHost,
    caPem: server.caPem ?? '',
  };
}

export type Transaction = Prisma.TransactionClient;
