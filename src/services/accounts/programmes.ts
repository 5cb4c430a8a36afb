import type { Country, MailServer as MailServerRow, MarkingPolicy, Programme } from '../../generated/prisma/client.ts';
import type { MailServer } from '../../mail/mail-server.ts';
import type { Database } from '../database/connect.ts';
import { composeDomain } from './address-rule.ts';
import { isoOf } from './annex-a.ts';

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

/** A project on TESTA. @throws RangeError for a pattern without exactly one `{cc}` as a whole label */
export async function createProgramme(database: Database, programme: NewProgramme): Promise<Programme> {
  if (!/^([a-z0-9-]+\.)*\{cc\}(\.[a-z0-9-]+)+$/.test(programme.domainPattern)) {
    throw new RangeError(`not a domain pattern: ${programme.domainPattern}`);
  }
  return database.prisma.programme.create({
    data: { ...programme, allowedRecipientDomains: [...(programme.allowedRecipientDomains ?? [])] },
  });
}

/** As an administrator enters it; `hosted` when the accounts are in this database. */
export type NewMailServer = MailServer & { name: string; hosted: boolean };

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
  const mailServer = await saveMailServer(database, server);
  const domain = composeDomain(programme.domainPattern, code);
  return database.prisma.country.create({
    data: { programmeId: programme.id, code, isoCode, domain, mailServerId: mailServer.id },
  });
}

/** Also after a change of address or certificate authority. */
export async function saveMailServer(database: Database, server: NewMailServer): Promise<MailServerRow> {
  const { name, hosted, imapHost, imapPort, imapTls, submissionHost, submissionPort, submissionTls } = server;
  const values = {
    hosted,
    imapHost,
    imapPort,
    imapTls,
    submissionHost,
    submissionPort,
    submissionTls,
    serverName: server.serverName ?? null,
    caPem: server.caPem ?? null,
  };
  return database.prisma.mailServer.upsert({ where: { name }, create: { name, ...values }, update: values });
}
