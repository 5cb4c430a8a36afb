import { readFileSync } from 'node:fs';
import { isHost, isMailPort, MAIL_PORTS } from '../../mail/host.ts';
import type { MailServer } from '../../mail/mail-server.ts';
import { readAuthorityPem } from './mail-servers.ts';
import { RULE_BOUNDS } from './programme-rules.ts';

/** Where the hosted mailboxes are: only whoever operates the installation says so (docs/decisions/017). */
export type HostedPlace = { server: MailServer & { pop3Port?: number | null }; programmeName: string | null };

/** As an operator types it: host, or host and port, and a file with the certificates of the servers' authority. */
export type TypedPlace = {
  imap: string;
  submission: string;
  /** `none`: hosted mailboxes are not offered by POP3 */
  pop3: string | undefined;
  caFile: string | undefined;
  programmeName: string | undefined;
};

/** TLS follows from the port (RFC 8314). @throws RangeError for what is no mail server, Error for a file that cannot be read */
export function readHostedPlace({ imap, submission, pop3, caFile, programmeName }: TypedPlace): HostedPlace {
  const [imapHost, imapPort] = hostOf('--imap', imap, 'imap');
  const [submissionHost, submissionPort] = hostOf('--submission', submission, 'submission');
  if (pop3 !== undefined && pop3 !== 'none') throw new RangeError(`--pop3: expected none, not ${pop3}`);
  const caPem = caFile === undefined ? null : readAuthorityPem(readFileSync(caFile));
  if (caFile !== undefined && caPem === null) throw new Error(`${caFile}: no certificate could be read from it`);
  const name = programmeName?.replace(/\p{Cc}+/gu, ' ').trim() || null;
  if (name !== null && name.length > RULE_BOUNDS.name)
    throw new RangeError(`--programme-name: expected at most ${RULE_BOUNDS.name} characters`);
  return {
    programmeName: name,
    server: {
      imapHost,
      imapPort,
      imapTls: imapPort === 143 ? 'starttls' : 'implicit',
      submissionHost,
      submissionPort,
      submissionTls: submissionPort === 587 ? 'starttls' : 'implicit',
      serverName: null,
      caPem,
      // At the host of IMAP, as deploy/dovecot has it
      pop3Port: pop3 === 'none' ? null : MAIL_PORTS.pop3[0],
    },
  };
}

function hostOf(option: string, typed: string, kind: 'imap' | 'submission'): [host: string, port: number] {
  const [, bracketed, plain, port = String(MAIL_PORTS[kind][0])] =
    /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(typed) ?? [];
  const host = bracketed ?? plain ?? typed;
  if (!isHost(host) || !isMailPort(port, kind))
    throw new RangeError(`${option}: expected a host, or host and port ${MAIL_PORTS[kind].join(' or ')}, not ${typed}`);
  return [host, Number(port)];
}
