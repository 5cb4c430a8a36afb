// Settings files and certificates for `try-install.sh`: node test/install/settings.ts TARGET, a folder below each root's /etc/sealpost-try.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import argon2 from 'argon2';
import { makeCertificates } from '../../testbed/certificates.ts';

const target = process.argv[2] ?? '';
/** Where the folder is seen from inside. */
const INSIDE = '/etc/sealpost-try';
const [BALANCER, RELAY2, RELAY3, NAMES] = ['62.62.0.17', '62.62.0.28', '62.62.0.29', '62.62.0.53'];
const [MAIL, RESOLVER, NODE] = ['62.62.1.2', '62.62.53.2', '62.62.1.10'];
const DOMAIN = 'tcn.b.eu-admin.net';
const RELAYS = [
  { hostName: 'relay2.eu-admin.net', address: RELAY2, isClient: true },
  { hostName: 'relay3.eu-admin.net', address: RELAY3, isClient: true },
];
/** In the order of their preferences; the first is the balancer of the other two. */
const EXCHANGERS = [{ hostName: 'relay.eu-admin.net', address: BALANCER }, ...RELAYS];
const HOSTS = [...EXCHANGERS, { hostName: `mail.${DOMAIN}`, address: MAIL }];
const NODE_NAME = 'node.eu-admin.net';

mkdirSync(target, { recursive: true });
await makeCertificates(path.join(target, 'tls'), [...HOSTS, { hostName: NODE_NAME, address: NODE }]);
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
  ...EXCHANGERS.map(({ hostName }, index) => `${DOMAIN}. IN MX ${index + 1} ${hostName}.`),
];
const pointer = (hostName: string, address: string) => {
  const [, , third, fourth] = address.split('.');
  return `${fourth}.${third} IN PTR ${hostName}.`;
};
const logs = (hostName: string) => ({
  LOG_RECEIVER: NODE,
  LOG_PORT: '2514',
  LOG_CERTIFICATE_FILE: `${INSIDE}/tls/${hostName}.pem`,
  LOG_PRIVATE_KEY_FILE: `${INSIDE}/tls/${hostName}.key`,
  LOG_CA_FILE: `${INSIDE}/tls/ca.pem`,
});
const relay = (hostName: string, address: string) => ({
  ...postfix(hostName, address),
  ...logs(hostName),
  LOG_RECEIVER_NAME: NODE_NAME,
  INSTANCE_NAME: hostName.split('.')[0] ?? '',
  BALANCED_LISTENER: `${address}:10025`,
  MILTERS: `inet:${address}:7357`,
  MILTER_ADDRESS: address,
  MILTER_PORT: '7357',
  MEMBER_STATE_SERVERS: `${MAIL}/32`,
  ROUTES: `${DOMAIN}  smtp:[${MAIL}]`,
  RUN_FOLDER: '/run/clamav',
  DATABASE_FOLDER: '/var/lib/clamav',
});
const files: Record<string, Record<string, string>> = {
  ...Object.fromEntries(RELAYS.map(({ hostName, address }, index) => [`relay${index + 2}`, relay(hostName, address)])),
  balancer: {
    ADDRESS: BALANCER,
    HOST_NAME: 'relay.eu-admin.net',
    RUN_FOLDER: '/run/haproxy',
    RELAYS: RELAYS.map(({ hostName, address }) => `  server ${hostName.split('.')[0]} ${address}:10025`).join('\n'),
  },
  'name-server': {
    ADDRESS: NAMES,
    RUN_FOLDER: '/run/nsd',
    LOG_FOLDER: '/var/log/nsd',
    REVERSE_ZONE: '62.62.in-addr.arpa',
    SERIAL: '1',
    TTL: '3600',
    RECORDS: records.join('\n'),
    POINTERS: HOSTS.map(({ hostName, address }) => pointer(hostName, address)).join('\n'),
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
    NODE_RELAYS: EXCHANGERS.map(({ hostName, address }) => `${hostName}=${address}`).join(','),
    // the balancer writes no reports
    REPORT_SERVERS: RELAYS.map(({ address }) => address).join(','),
    RELAY_LOGS: RELAYS.map(({ hostName }) => `${hostName}=/var/log/relays/${hostName}.log`).join(','),
    METRICS_TOKEN: randomBytes(24).toString('hex'),
    ...logs(NODE_NAME),
    LOG_SENDERS: RELAYS.map(({ hostName }) => `"${hostName}"`).join(', '),
  },
};
for (const [role, settings] of Object.entries(files)) {
  writeFileSync(path.join(target, `${role}.json`), JSON.stringify(settings, null, 2), { mode: 0o600 });
}
writeFileSync(path.join(target, 'addresses'), [BALANCER, RELAY2, RELAY3, NAMES, MAIL, RESOLVER, NODE].join('\n'));
