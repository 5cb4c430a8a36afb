import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** `implicit`: TLS from the first byte (RFC 8314); `starttls`: the connection is upgraded before anything is said. */
export type TlsMode = 'implicit' | 'starttls';

/** IMAP and submission servers of one country. Hosts are chosen by administrators only, never by a user. */
export interface MailServer {
  imapHost: string;
  imapPort: number;
  imapTls: TlsMode;
  submissionHost: string;
  submissionPort: number;
  submissionTls: TlsMode;
  /** PEM of the CA that issued the servers' certificates; null: the CAs that Node knows */
  caPem: string | null;
  /** Name in the servers' certificates where it differs from the host, e.g. when the host is an IP address */
  serverName: string | null;
}

/**
 * A user's own login, or a service's login on behalf of a user: then `user` and `password` are the service's and
 * `authorizationUser` is the mailbox it acts for (Dovecot's master user, `mailbox*service` on the wire).
 */
export interface Credential {
  user: string;
  password: string;
  authorizationUser?: string;
}

/** The separator of Dovecot's `auth_master_user_separator` in `deploy/dovecot`. */
const MASTER_USER_SEPARATOR = '*';

/** The SASL user name of a credential, for IMAP and for submission alike. */
export function loginName(credential: Credential): string {
  if (credential.authorizationUser === undefined) return credential.user;
  return `${credential.authorizationUser}${MASTER_USER_SEPARATOR}${credential.user}`;
}

/**
 * A login name that would turn into a service login by a separator typed by a person is never sent.
 * Control characters would end the command or the SASL message (NUL, RFC 4616).
 */
export function isSafeLogin(credential: Credential): boolean {
  const typed = [credential.user, credential.authorizationUser ?? ''];
  if (typed.some((name) => name.includes(MASTER_USER_SEPARATOR) || /[\x00-\x1f\x7f]/.test(name))) return false;
  return credential.user !== '' && credential.password !== '' && !/[\x00\r\n]/.test(credential.password);
}

/** TLS options for `host`: the certificate is always checked, against the administrator's CA where there is one. */
export function tlsOptions(server: Pick<MailServer, 'caPem' | 'serverName'>, host: string): ConnectionOptions {
  const name = server.serverName ?? host;
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    // SNI has names only (RFC 6066 section 3); an address is checked against the certificate's own addresses.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(server.caPem === null ? {} : { ca: server.caPem }),
  };
}
