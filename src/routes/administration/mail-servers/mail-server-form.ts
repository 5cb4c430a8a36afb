import type { FastifyRequest } from 'fastify';
import { isDomainName, isHost, isMailAddress, isMailPort } from '../../../mail/host.ts';
import type { TlsMode } from '../../../mail/mail-server.ts';
import {
  type OwnMailServer,
  readAuthorityPem,
  SERVER_NAME_MAX,
  type UsedMailServer,
} from '../../../services/administration/mail-servers.ts';
import { readCertificateUploads } from '../../certificate-uploads.ts';

const CA_BYTES = 256 * 1024;
const TYPED_MAX = 20_000;

/** What the fields show: values as they are stored, or as they were typed. */
export type MailServerFields = {
  name: string;
  imapHost: string;
  imapPort: string;
  imapTls: string;
  submissionHost: string;
  submissionPort: string;
  submissionTls: string;
  serverName: string;
  incomingHost: string;
  incomingIp: string;
  caPem: string;
};

export const NEW_FIELDS: MailServerFields = {
  name: '',
  imapHost: '',
  imapPort: '993',
  imapTls: 'implicit',
  submissionHost: '',
  submissionPort: '587',
  submissionTls: 'starttls',
  serverName: '',
  incomingHost: '',
  incomingIp: '',
  caPem: '',
};
const NAMES = Object.keys(NEW_FIELDS) as (keyof MailServerFields)[];

export function fieldsOf(server: UsedMailServer): MailServerFields {
  return Object.fromEntries(NAMES.map((name) => [name, String(server[name] ?? '')])) as MailServerFields;
}

export type MailServerFaults = Partial<Record<keyof MailServerFields, string>>;

export type MailServerForm = {
  fields: MailServerFields;
  /** Ends of the keys of texts, by field */
  faults: MailServerFaults;
  server: OwnMailServer;
};

/** The form with its file: a file with certificates takes the place of what stands in the field. @throws AppError form-expired */
export async function readMailServerForm(request: FastifyRequest): Promise<MailServerForm> {
  const uploads = await readCertificateUploads(request, CA_BYTES);
  const text = (name: keyof MailServerFields) =>
    (uploads.fields.get(name) ?? '')
      .slice(0, TYPED_MAX)
      .replace(/[^\P{Cc}\n\r]/gu, ' ')
      .trim();
  const fields = Object.fromEntries(NAMES.map((name) => [name, text(name)])) as MailServerFields;
  const faults = faultsOf(fields);
  const [file] = uploads.files;
  const given = file?.bytes ?? (fields.caPem === '' ? null : Buffer.from(fields.caPem));
  const caPem = given && readAuthorityPem(given);
  if (uploads.tooLarge || (given && caPem === null)) faults.caPem = 'caPem';
  else if (file && caPem) fields.caPem = caPem;
  return { fields, faults, server: serverOf(fields, caPem) };
}

function faultsOf(fields: MailServerFields): MailServerFaults {
  const faults: MailServerFaults = {};
  if (fields.name === '' || fields.name.length > SERVER_NAME_MAX) faults.name = 'name';
  for (const name of ['imapHost', 'submissionHost'] as const) if (!isHost(fields[name])) faults[name] = 'host';
  if (!isMailPort(fields.imapPort, 'imap')) faults.imapPort = 'imapPort';
  if (!isMailPort(fields.submissionPort, 'submission')) faults.submissionPort = 'submissionPort';
  for (const name of ['serverName', 'incomingHost'] as const)
    if (fields[name] !== '' && !isDomainName(fields[name])) faults[name] = 'domain';
  if (fields.incomingIp !== '' && !isMailAddress(fields.incomingIp)) faults.incomingIp = 'ip';
  return faults;
}

function serverOf(fields: MailServerFields, caPem: string | null): OwnMailServer {
  const tls = (mode: string): TlsMode => (mode === 'starttls' ? 'starttls' : 'implicit');
  return {
    name: fields.name,
    imapHost: fields.imapHost,
    imapPort: Number(fields.imapPort),
    imapTls: tls(fields.imapTls),
    submissionHost: fields.submissionHost,
    submissionPort: Number(fields.submissionPort),
    submissionTls: tls(fields.submissionTls),
    serverName: fields.serverName || null,
    incomingHost: fields.incomingHost || null,
    incomingIp: fields.incomingIp || null,
    caPem,
  };
}
