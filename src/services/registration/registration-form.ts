import { addressProblem } from '../../mail/address.ts';
import { isDomainName, isHost, isMailAddress, isMailPort } from '../../mail/host.ts';
import { composeLocalPart } from '../accounts/address-rule.ts';
import { type LookAlike, lookAlikeIn } from '../accounts/annex-a.ts';
import { readAuthorityPem } from '../administration/mail-servers.ts';

/**
 * The TESTA SMTP Request Form (T09), field by field with the most characters of each: what the source asks for, and for a
 * country's own server what is needed to reach its mailboxes.
 */
export const FIELD_SIZES = {
  organisation: 200,
  contactName: 100,
  contactAddress: 254,
  contactPhone: 50,
  mailboxes: 10,
  domain: 253,
  serverName: 253,
  serverIp: 45,
  imapHost: 253,
  imapPort: 5,
  imapTls: 10,
  submissionHost: 253,
  submissionPort: 5,
  submissionTls: 10,
  caPem: 20_000,
  technical: 4000,
  firstName: 100,
  surname: 100,
  note: 4000,
} as const;

export type FieldName = keyof typeof FIELD_SIZES;
export const FIELD_NAMES = Object.keys(FIELD_SIZES) as FieldName[];
export type RegistrationFields = Record<FieldName, string>;

const SEVERAL_LINES: ReadonlySet<FieldName> = new Set(['caPem', 'technical', 'note']);
/** Needed only where the country runs its own mail server. */
export const OWN_SERVER_FIELDS: readonly FieldName[] = [
  'serverName',
  'serverIp',
  'imapHost',
  'imapPort',
  'imapTls',
  'submissionHost',
  'submissionPort',
  'submissionTls',
  'caPem',
];
const OPTIONAL: ReadonlySet<FieldName> = new Set(['caPem', 'technical', 'note']);
/** More than this of one field is cut before anything else: no page has to show it. */
const READ_MAX = 50_000;

type SimpleFault =
  | 'missing'
  | 'host'
  | 'name'
  | 'ip'
  | 'imapPort'
  | 'submissionPort'
  | 'address'
  | 'phone'
  | 'pem'
  | 'choice';

export type FieldFault =
  | { fault: SimpleFault }
  | { fault: 'too-long'; most: number }
  | { fault: 'domain'; domain: string }
  | { fault: 'look-alike'; lookAlike: LookAlike }
  | { fault: 'person'; problem: 'empty' | 'not-latin' | 'too-long' };

export type FieldFaults = Partial<Record<FieldName, FieldFault>>;

/** A form that nobody has filled in yet: mailboxes hosted by the programme, the usual ports. */
export function emptyFields(domain: string): RegistrationFields {
  const empty = Object.fromEntries(FIELD_NAMES.map((name) => [name, ''])) as RegistrationFields;
  return {
    ...empty,
    domain,
    ...{ mailboxes: 'hosted', imapPort: '993', imapTls: 'implicit' },
    ...{ submissionPort: '587', submissionTls: 'starttls' },
  };
}

/** What was typed, on one line where one is meant, without control characters. Fields that are missing count as empty. */
export function readFields(typed: Readonly<Record<string, unknown>>): RegistrationFields {
  const read = (name: FieldName) => {
    const value = typed[name];
    const text = typeof value === 'string' ? value.slice(0, READ_MAX) : '';
    return SEVERAL_LINES.has(name)
      ? text
          .replace(/\r\n?/g, '\n')
          .replace(/[^\P{Cc}\n\t]/gu, ' ')
          .trim()
      : text.replace(/\p{Cc}+/gu, ' ').trim();
  };
  return Object.fromEntries(FIELD_NAMES.map((name) => [name, read(name)])) as RegistrationFields;
}

/** What a draft may not be: longer than there is room for. Everything else can wait. */
export function draftFaults(fields: RegistrationFields): FieldFaults {
  const faults: FieldFaults = {};
  for (const name of FIELD_NAMES) {
    if (fields[name].length > FIELD_SIZES[name]) faults[name] = { fault: 'too-long', most: FIELD_SIZES[name] };
  }
  return faults;
}

/** Everything that stands in the way of handing the form in. @param domain the country's, from the programme's pattern */
export function submissionFaults(fields: RegistrationFields, domain: string): FieldFaults {
  const faults: FieldFaults = {};
  const isOwn = fields.mailboxes === 'own';
  for (const name of FIELD_NAMES) {
    if (!isOwn && OWN_SERVER_FIELDS.includes(name)) continue;
    const fault = fieldFault(name, fields[name], domain);
    if (fault) faults[name] = fault;
  }
  const person = composeLocalPart(fields.firstName, fields.surname);
  if (!person.ok && !faults.firstName && !faults.surname) faults.surname = { fault: 'person', problem: person.problem };
  return { ...faults, ...draftFaults(fields) };
}

function fieldFault(name: FieldName, value: string, domain: string): FieldFault | null {
  if (value === '') return OPTIONAL.has(name) ? null : { fault: 'missing' };
  const lookAlike = ['domain', 'serverName', 'imapHost', 'submissionHost'].includes(name) ? lookAlikeIn(value) : null;
  if (lookAlike) return { fault: 'look-alike', lookAlike };
  const check = CHECKS[name];
  if (check && !check.holds(value)) return { fault: check.fault };
  if (name === 'domain' && value.toLowerCase() !== domain) return { fault: 'domain', domain };
  return null;
}

const TLS_MODES = ['implicit', 'starttls'];
const CHECKS: Partial<Record<FieldName, { fault: SimpleFault; holds(value: string): boolean }>> = {
  contactAddress: { fault: 'address', holds: (value) => addressProblem(value) === null },
  contactPhone: { fault: 'phone', holds: (value) => /^\+?[\d\s()/.-]{5,}$/.test(value) },
  mailboxes: { fault: 'choice', holds: (value) => value === 'hosted' || value === 'own' },
  serverName: { fault: 'name', holds: isDomainName },
  serverIp: { fault: 'ip', holds: isMailAddress },
  imapHost: { fault: 'host', holds: isHost },
  imapPort: { fault: 'imapPort', holds: (value) => isMailPort(value, 'imap') },
  imapTls: { fault: 'choice', holds: (value) => TLS_MODES.includes(value) },
  submissionHost: { fault: 'host', holds: isHost },
  submissionPort: { fault: 'submissionPort', holds: (value) => isMailPort(value, 'submission') },
  submissionTls: { fault: 'choice', holds: (value) => TLS_MODES.includes(value) },
  caPem: { fault: 'pem', holds: (value) => readAuthorityPem(Buffer.from(value)) !== null },
};

export type FieldChange = { field: FieldName; before: string; after: string };

/** What is different, field by field; for the history and for two windows. */
export function changesBetween(before: RegistrationFields, after: RegistrationFields): FieldChange[] {
  return FIELD_NAMES.filter((field) => before[field] !== after[field]).map((field) => ({
    field,
    before: before[field],
    after: after[field],
  }));
}

/** The address that follows from the names of the first administrator, or null as long as none does. */
export function administratorAddress(fields: RegistrationFields, domain: string): string | null {
  const name = composeLocalPart(fields.firstName, fields.surname);
  return name.ok ? `${name.localPart}@${domain}` : null;
}
