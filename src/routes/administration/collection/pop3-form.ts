import { isDomainName, isHost, isMailPort } from '../../../mail/host.ts';
import { readAuthorityPem } from '../../../services/administration/mail-servers.ts';
import type { Pop3Place } from '../../../services/collection/collection-password.ts';
import { typedText } from '../named.ts';

/** What the fields show: values as they are stored, or as they were typed. TLS follows from the port (RFC 8314, RFC 2595). */
export type Pop3Fields = { host: string; port: string; serverName: string; caPem: string };
export type Pop3Faults = Partial<Record<keyof Pop3Fields, true>>;

const HOST_MAX = 253;
const PEM_MAX = 20_000;

export function fieldsOfPop3(server: Pop3Place | null): Pop3Fields {
  return {
    host: server?.host ?? '',
    port: String(server?.port ?? 995),
    serverName: server?.serverName ?? '',
    caPem: server?.caPem ?? '',
  };
}

export function readPop3Form(body: unknown): { fields: Pop3Fields; faults: Pop3Faults; place: Pop3Place | null } {
  const typed = (body as Record<string, unknown> | null | undefined)?.['caPem'];
  const pem =
    typeof typed === 'string'
      ? typed
          .slice(0, PEM_MAX)
          .replace(/[^\P{Cc}\n\r]/gu, ' ')
          .trim()
      : '';
  const fields: Pop3Fields = {
    host: typedText(body, 'host', HOST_MAX),
    port: typedText(body, 'port', 5),
    serverName: typedText(body, 'serverName', HOST_MAX),
    caPem: pem,
  };
  const caPem = pem === '' ? null : readAuthorityPem(Buffer.from(pem));
  const faults: Pop3Faults = {};
  if (!isHost(fields.host)) faults.host = true;
  if (!isMailPort(fields.port, 'pop3')) faults.port = true;
  if (fields.serverName !== '' && !isDomainName(fields.serverName)) faults.serverName = true;
  if (pem !== '' && caPem === null) faults.caPem = true;
  if (Object.keys(faults).length > 0) return { fields, faults, place: null };
  const { host, port, serverName } = fields;
  const tls = port === '110' ? 'starttls' : 'implicit';
  return { fields, faults, place: { host, port: Number(port), tls, serverName: serverName || null, caPem } };
}
