// Settings files and certificates for `try-install.sh`: node test/install/settings.ts TARGET, a folder below both roots' /etc/sealpost-try.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import argon2 from 'argon2';
import { makeCertificates } from '../../testbed/certificates.ts';

const target = process.argv[2] ?? '';
/** Where the folder is seen from inside. */
const INSIDE = '/etc/sealpost-try';
const [RELAY, NAMES, MAIL, RESOLVER, NODE] = ['62.62.0.17', '62.62.0.53', '62.62.1.2', '62.62.53.2', '62.62.1.10'];
const DOMAIN = 'tcn.b.eu-admin.net';
const HOSTS = [
  { hostName: 'relay.eu-admin.net', address: RELAY },
  { hostName: `mail.${DOMAIN}`, address: MAIL },
];

mkdirSync(target, { recursive: true });
await makeCertificates(path.join(target, 'tls'), HOSTS);
const servicePassword = randomBytes(18).toString('base64url');
const hash = await argon2.hash(servicePassword, { type: argon2.argon2id });
const postfix = (hostName: string, address: string) => ({
  ADDRESS: address,
  INTERFACE: address,
  HOST_NAME: hostName,
  LOG_FOLDER: '/var/log/mail',
  QUEUE_FOLDER: '/var/spool/postfix',
  DATA_FOLDER: '/var/lib/postfix',
  CERTIFICATE_FILE: `${INSIDE}/tls/${hostName}.pem`,
  PRIVATE_KEY_FILE: `${INSIDE}/tls/${hostName}.key`,
  CA_FILE: `${INSIDE}/tls/ca.pem`,
});
const database = {
  DATABASE_SOCKET_FOLDER: '/var/run/postgresql',
  DATABASE_PORT: '5432',
  DATABASE_NAME: 'sealpost',
  DATABASE_USER: 'sealpost_mail',
  DATABASE_PASSWORD: randomBytes(18).toString('base64url'),
};
const service = { SERVICE_USER: 'sealpost-service', SERVICE_PASSWORD: servicePassword };
const records = [
  ...HOSTS.map(({ hostName, address }) => `${hostName}. IN A ${address}`),
  `${DOMAIN}. IN MX 1 relay.eu-admin.net.`,
];
const files: Record<string, Record<string, string>> = {
  relay: {
    ...postfix('relay.eu-admin.net', RELAY),
    INSTANCE_NAME: 'relay',
    BALANCED_LISTENER: '127.0.0.1:10025',
    MILTERS: 'inet:127.0.0.1:7357',
    MILTER_ADDRESS: '127.0.0.1',
    MILTER_PORT: '7357',
    MEMBER_STATE_SERVERS: `${MAIL}/32`,
    ROUTES: `${DOMAIN}  smtp:[${MAIL}]`,
    RUN_FOLDER: '/run/clamav',
    DATABASE_FOLDER: '/var/lib/clamav',
  },
  'name-server': {
    ADDRESS: NAMES,
    RUN_FOLDER: '/run/nsd',
    LOG_FOLDER: '/var/log/nsd',
    REVERSE_ZONE: '62.62.in-addr.arpa',
    SERIAL: '1',
    TTL: '3600',
    RECORDS: records.join('\n'),
    POINTERS: `17.0 IN PTR relay.eu-admin.net.\n2.1 IN PTR mail.${DOMAIN}.`,
  },
  resolver: {
    ADDRESS: RESOLVER,
    INSTANCE_NAME: 'resolver',
    RUN_FOLDER: '/run/unbound',
    LOG_FOLDER: '/var/log/unbound',
    CLIENT_NETWORKS: '62.62.0.0/16',
    NAME_SERVER: NAMES,
    REVERSE_ZONE: '62.62.in-addr.arpa',
  },
  'mail-server': {
    ...postfix(`mail.${DOMAIN}`, MAIL),
    ...database,
    INSTANCE_NAME: 'mail-b',
    DOMAIN,
    MAILBOX_MAP: 'proxy:pgsql:/etc/postfix/mailboxes.cf',
    CLIENT_RESTRICTIONS: 'permit',
    RUN_FOLDER: '/run/dovecot',
    STATE_FOLDER: '/var/lib/dovecot',
    MAIL_FOLDER: '/var/mail/hosted',
    MAIL_UID: '5000',
    POSTFIX_QUEUE_FOLDER: '/var/spool/postfix',
    SERVICE_USER: service.SERVICE_USER,
    SERVICE_PASSWORD_HASH: `{ARGON2ID}${hash}`,
    SERVICE_NETWORKS: '62.62.0.0/16,127.0.0.0/8',
  },
  node: {
    ...service,
    ...database,
    PUBLIC_URL: 'http://localhost:8460',
    DNS_SERVERS: RESOLVER,
    REPORT_SERVERS: RELAY,
    NODE_RELAYS: `relay.eu-admin.net=${RELAY}`,
  },
};
for (const [role, settings] of Object.entries(files)) {
  writeFileSync(path.join(target, `${role}.json`), JSON.stringify(settings, null, 2), { mode: 0o600 });
}
writeFileSync(path.join(target, 'addresses'), [RELAY, NAMES, MAIL, RESOLVER, NODE].join('\n'));
