import type { MailServer as MailServerRow } from '../../generated/prisma/client.ts';
import type { MailServer } from '../../mail/mail-server.ts';

/** The row of an administrator as the mail library wants it. */
export function mailServerOf(row: MailServerRow): MailServer {
  return {
    imapHost: row.imapHost,
    imapPort: row.imapPort,
    imapTls: row.imapTls === 'starttls' ? 'starttls' : 'implicit',
    submissionHost: row.submissionHost,
    submissionPort: row.submissionPort,
    submissionTls: row.submissionTls === 'implicit' ? 'implicit' : 'starttls',
    serverName: row.serverName,
    caPem: row.caPem,
  };
}
