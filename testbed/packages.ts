import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What the test bed starts. */
export const SERVER_PACKAGES = [
  'dovecot-core',
  'dovecot-imapd',
  'dovecot-pop3d',
  'dovecot-lmtpd',
  'dovecot-pgsql',
  'postfix',
  'postfix-pgsql',
  'nsd',
  'unbound',
  'haproxy',
  'clamav-daemon',
  'clamav-milter',
  'openssl',
] as const;

/** What the browser tests need besides. */
export const BROWSER_PACKAGES = ['chromium'] as const;

/** Programs whose PKCS#12 files the interoperability tests exchange: certtool, pk12util, gpgsm, keytool. */
export const PKCS12_PACKAGES = [
  'gnutls-bin',
  'libnss3-tools',
  'gpgsm',
  'gpg-agent',
  'openjdk-17-jre-headless',
] as const;

/** Programs whose S/MIME the matrix of interoperability exchanges besides; Java runs its part of Bouncy Castle from source. */
export const MATRIX_PACKAGES = ['libbcpkix-java', 'openjdk-17-jdk-headless', 'mutt'] as const;

/** The reverse proxy of `deploy/nginx`, for the tests that put it in front of a node. */
export const PROXY_PACKAGES = ['nginx-light'] as const;

/** What brings the relays' logs to a node and keeps them from growing, as in `deploy/rsyslog-*` and `deploy/logrotate`. */
export const LOG_PACKAGES = ['rsyslog', 'rsyslog-relp', 'logrotate'] as const;

/** Those that are not installed. */
export async function missingPackages(names: readonly string[] = SERVER_PACKAGES): Promise<string[]> {
  let listed = '';
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg fills these in
    ({ stdout: listed } = await run('dpkg-query', ['-W', '-f=${Package} ${db:Status-Status}\n', ...names]));
  } catch (error) {
    // it fails when one of them is unknown, and lists the others all the same; no dpkg: this is no Debian
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new Error('The mail servers need Debian 12 or a system like it: there is no dpkg-query here');
    }
    listed = (error as { stdout?: string }).stdout ?? '';
  }
  const installed = new Set(
    listed
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, status]) => status === 'installed')
      .map(([name]) => name),
  );
  return names.filter((name) => !installed.has(name));
}
