import type { Country, MailServer as MailServerRow, MarkingPolicy, Programme } from '../../generated/prisma/client.ts';
import { MAIL_PORTS } from '../../mail/host.ts';
import type { MailServer } from '../../mail/mail-server.ts';
import type { Database } from '../database/connect.ts';
import { composeDomain } from './address-rule.ts';
import { isoOf } from './annex-a.ts';

/** Longest label of DNS, and longest name (RFC 1035 section 2.3.4), with room for a sign of three letters. */
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const SIGN = '{cc}';
const DOMAIN_PATTERN = new RegExp(`^(?:${LABEL}\\.)*\\{cc\\}(?:\\.${LABEL})+$`);

export type NewProgramme = {
  /** `tcn` */
  code: string;
  name: string;
  /** `{cc}` stands for the country code: `tcn.{cc}.eu-admin.net` */
  domainPattern: string;
  accountLimit?: number;
  /** Domains besides those of the countries that members may write to (T04) */
  allowedRecipientDomains?: readonly string[];
  digitalIdDays?: number;
  /** What is compulsory about markings (S06); nothing by default */
  markingPolicy?: MarkingPolicy;
};

/** Whether `{cc}` stands in it exactly once, as a whole label, and what is around it are labels of DNS. */
export function isDomainPattern(pattern: string): boolean {
  return pattern.length <= 200 && DOMAIN_PATTERN.test(pattern);
}

/**
 * Whether some country of one pattern could have the domain of a country of the other: `{cc}.l.example` and `tcn.{cc}.example`
 * both lead to `tcn.l.example`.
 */
export function patternsMeet(one: string, other: string): boolean {
  const [labels, others] = [one.split('.'), other.split('.')];
  return (
    labels.length === others.length &&
    labels.every((label, at) => {
      const against = others[at] ?? '';
      const couldBe = (wanted: string) => /^[a-z]{1,3}$/.test(wanted) || wanted === SIGN;
      return label === against || (label === SIGN && couldBe(against)) || (against === SIGN && couldBe(label));
    })
  );
}

/** A project on TESTA. @throws RangeError for a pattern without exactly one `{cc}` as a whole label */
export async function createProgramme(database: Database, programme: NewProgramme): Promise<Programme> {
  if (!isDomainPattern(programme.domainPattern)) {
    throw new RangeError(`not a domain pattern: ${programme.domainPattern}`);
  }
  return database.prisma.programme.create({
    data: { ...programme, allowedRecipientDomains: [...(programme.allowedRecipientDomains ?? [])] },
  });
}

/** As an administrator enters it; `hosted` when the accounts are in this database. */
export type NewMailServer = MailServer & {
  name: string;
  hosted: boolean;
  /** Where mail comes in, by name and by address; what is left out stays as it is */
  incomingHost?: string | null;
  incomingIp?: string | null;
  /** Of a hosted one: where POP3S answers; null: nowhere. Left out: as deploy/dovecot has it, or as it is */
  pop3Port?: number | null;
};

/**
 * A country of the programme with its mail server; the domain follows from the pattern. A server of that name is updated.
 * @param isoCode ISO 3166, two letters; only for countries that Annex A does not list
 */
export async function addCountry(
  database: Database,
  programme: Programme,
  code: string,
  server: NewMailServer,
  isoCode: string | null = isoOf(code),
): Promise<Country> {
  if (!/^[A-Z]{1,3}$/.test(code)) throw new RangeError(`not a distinguishing sign in ASCII: ${code}`);
  if (isoCode === null || !/^[A-Z]{2}$/.test(isoCode)) throw new RangeError(`no ISO 3166 code for ${code}`);
  const mailServer = await saveMailServer(database, server, programme.id);
  const domain = composeDomain(programme.domainPattern, code);
  return database.prisma.country.create({
    data: { programmeId: programme.id, code, isoCode, domain, mailServerId: mailServer.id },
  });
}

/** Also after a change of address or certificate authority. @param programmeId whose administrators may change it, for a new one */
export async function saveMailServer(
  database: Database,
  server: NewMailServer,
  programmeId: string | null = null,
): Promise<MailServerRow> {
  const { name } = server;
  const values = mailServerValues(server);
  return database.prisma.mailServer.upsert({
    where: { name },
    create: { name, programmeId, ...(server.hosted ? { pop3Port: MAIL_PORTS.pop3[0] } : {}), ...values },
    update: values,
  });
}

/** The columns of a mail server, but for its name. */
export function mailServerValues(server: Omit<NewMailServer, 'name'>) {
  const { hosted, imapHost, imapPort, imapTls, submissionHost, submissionPort, submissionTls } = server;
  return {
    hosted,
    imapHost,
    imapPort,
    imapTls,
    submissionHost,
    submissionPort,
    submissionTls,
    serverName: server.serverName ?? null,
    caPem: server.caPem ?? null,
    ...(server.incomingHost === undefined ? {} : { incomingHost: server.incomingHost }),
    ...(server.incomingIp === undefined ? {} : { incomingIp: server.incomingIp }),
    ...(server.pop3Port === undefined ? {} : { pop3Port: server.pop3Port }),
  };
}
