import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { overrideParameters, renderFolder, type Settings } from '../deploy/render.ts';
import type { CertificateFiles } from './certificates.ts';
import { mailFolder, ownAccountsFile, ownAddressesFile, queueFolder, wireCopiesFolder } from './daemons.ts';
import {
  BALANCED_PORT,
  type CountryLayout,
  HOST_ADDRESS,
  type Layout,
  MILTER_PORT,
  type RelayLayout,
} from './layout.ts';
import { writeNetworkConfigurations } from './network-configurations.ts';

const DEPLOY = fileURLToPath(new URL('../deploy', import.meta.url));
const OWN_SERVER = fileURLToPath(new URL('./own-server', import.meta.url));

/** User id of all mailboxes; it needs no name on the system. */
export const MAIL_UID = 5000;

/** Times of Postfix, e.g. `{ minimal_backoff_time: '2s' }`; what is not named stays as in deploy/. */
export type TimeOverrides = Record<string, string>;

/** For tests: minutes become seconds. A warning comes after 8 s, a report after 30 s. */
export const SHORT_TIMES: TimeOverrides = {
  queue_run_delay: '1s',
  minimal_backoff_time: '2s',
  maximal_backoff_time: '2s',
  delay_warning_time: '8s',
  maximal_queue_lifetime: '30s',
  bounce_queue_lifetime: '30s',
};

export interface SystemUsers {
  postfix: { uid: number; gid: number };
  postdropGid: number;
  nsdUid: number;
  unboundUid: number;
  clamavUid: number;
}

export interface Site {
  place: string;
  layout: Layout;
  certificates: CertificateFiles;
  users: SystemUsers;
  times: TimeOverrides;
  dnsTtlSeconds: number;
  database: { socketFolder: string; port: number; name: string; user: string; password: string };
  service: { user: string; passwordHash: string };
}

/** Writes the configurations of all servers. */
export async function writeConfigurations(site: Site): Promise<void> {
  await mkdir(path.join(site.place, 'log'), { recursive: true });
  await Promise.all([
    writeNetworkConfigurations(site),
    ...site.layout.relays.map((relay) => writeRelay(site, relay)),
    ...site.layout.countries.flatMap((country) => [writeDovecot(site, country), writeMemberState(site, country)]),
  ]);
}

async function writeDovecot(site: Site, country: CountryLayout): Promise<void> {
  const folder = path.join(site.place, `dovecot-${country.key}`);
  const mail = mailFolder(site.place, country);
  await mkdir(mail, { recursive: true });
  await chown(mail, MAIL_UID, MAIL_UID);
  const etc = path.join(folder, 'etc');
  const settings: Settings = {
    RUN_FOLDER: path.join(folder, 'run'),
    STATE_FOLDER: path.join(folder, 'state'),
    LOG_FOLDER: folder,
    CONFIG_FOLDER: etc,
    MAIL_FOLDER: mail,
    INSTANCE_NAME: `testbed-${country.key}`,
    ADDRESS: country.address,
    DOMAIN: country.domain,
    HOST_NAME: country.hostName,
    MAIL_UID: String(MAIL_UID),
    POSTFIX_QUEUE_FOLDER: queueFolder(site.place, `mail-${country.key}`),
    SERVICE_USER: site.service.user,
    SERVICE_PASSWORD_HASH: site.service.passwordHash,
    SERVICE_NETWORKS: site.layout.namespaces ? `${HOST_ADDRESS}/32` : '127.0.0.0/8',
    ...certificateSettings(site, country.hostName),
    ...databaseSettings(site),
  };
  await mkdir(path.join(folder, 'state'), { recursive: true });
  await renderFolder(path.join(DEPLOY, 'dovecot'), etc, settings);
  if (!country.hosted) {
    await renderFolder(OWN_SERVER, etc, settings);
    await ensureFile(ownAccountsFile(site.place, country), 0o644);
  }
  // Dovecot's auth process reads these after it gave up root
  await chmod(etc, 0o711);
  if (country.hosted) await chmod(path.join(etc, 'service-users'), 0o644);
}

async function writeMemberState(site: Site, country: CountryLayout): Promise<void> {
  const name = `mail-${country.key}`;
  const etc = path.join(site.place, name, 'etc');
  const addresses = ownAddressesFile(site.place, country);
  await writePostfix(site, 'postfix-member-state', name, country, {
    ADDRESS: country.address,
    DOMAIN: country.domain,
    MAILBOX_MAP: country.hosted ? `proxy:pgsql:${path.join(etc, 'mailboxes.cf')}` : `hash:${addresses}`,
    CLIENT_RESTRICTIONS: 'permit',
    ...databaseSettings(site),
  });
  // proxymap has given up root when it reads this
  await chown(path.join(etc, 'mailboxes.cf'), 0, site.users.postfix.gid);
  await chmod(path.join(etc, 'mailboxes.cf'), 0o640);
  if (!country.hosted) await ensureFile(addresses, 0o644);
}

async function writeRelay(site: Site, relay: RelayLayout): Promise<void> {
  const { layout, place } = site;
  const { whole } = layout;
  const isBalanced = whole?.balanced.includes(relay) ?? false;
  await writePostfix(site, 'postfix-relay', relay.name, relay, {
    ADDRESS: relay.address,
    BALANCED_LISTENER: `${isBalanced || !layout.namespaces ? relay.address : '127.0.0.1'}:${BALANCED_PORT}`,
    MILTERS: whole === null ? '' : `inet:${relay.address}:${MILTER_PORT}`,
    MEMBER_STATE_SERVERS: layout.countries.map(({ address }) => `${address}/32`).join(', '),
    ROUTES: layout.countries.map(({ domain, address }) => `${domain}  smtp:[${address}]`).join('\n'),
  });
  // Only in the test bed: a copy of each passing message, so that a test can look at what is on the wire
  const copies = wireCopiesFolder(place);
  await mkdir(copies, { recursive: true });
  await chown(copies, MAIL_UID, MAIL_UID);
  const mainCf = path.join(place, relay.name, 'etc', 'main.cf');
  const lines = [
    'always_bcc = copy@wire.invalid',
    'virtual_mailbox_domains = wire.invalid',
    `virtual_mailbox_base = ${copies}`,
    'virtual_mailbox_maps = inline:{ copy@wire.invalid=./ }',
    `virtual_uid_maps = static:${MAIL_UID}`,
    `virtual_gid_maps = static:${MAIL_UID}`,
    `virtual_minimum_uid = ${MAIL_UID}`,
    'virtual_transport = virtual',
  ];
  await writeFile(mainCf, `${await readFile(mainCf, 'utf8')}\n${lines.join('\n')}\n`);
}

async function writePostfix(
  site: Site,
  source: string,
  name: string,
  host: CountryLayout | RelayLayout,
  own: Settings,
): Promise<void> {
  const { layout } = site;
  const folder = path.join(site.place, name);
  const etc = path.join(folder, 'etc');
  const queue = queueFolder(site.place, name);
  await makeQueue(queue, site.users);
  await mkdir(path.join(folder, 'data'), { recursive: true });
  await chown(path.join(folder, 'data'), site.users.postfix.uid, -1);
  await renderFolder(path.join(DEPLOY, source), etc, {
    QUEUE_FOLDER: queue,
    DATA_FOLDER: path.join(folder, 'data'),
    CONFIG_FOLDER: etc,
    LOG_FOLDER: path.join(site.place, 'log'),
    INSTANCE_NAME: name,
    HOST_NAME: host.hostName,
    // "127.62.1.2" would be refused here: no interface lists it, although the whole network answers on lo
    INTERFACE: layout.namespaces ? host.address : '127.0.0.1',
    ...certificateSettings(site, host.hostName),
    ...own,
  });
  await chmod(etc, 0o755);
  const mainCf = path.join(etc, 'main.cf');
  await writeFile(mainCf, overrideParameters(await readFile(mainCf, 'utf8'), site.times));
  // postqueue and sendmail run without root
  await Promise.all(['main.cf', 'master.cf'].map((file) => chmod(path.join(etc, file), 0o644)));
  await writeFile(path.join(etc, 'dynamicmaps.cf'), DYNAMIC_MAPS, { mode: 0o644 });
  await writeChrootFiles(queue, 'resolverAddress' in host ? host.resolverAddress : layout.dnsAddress);
}

/** A configuration folder of one's own also lists the maps that Debian packs apart. */
const DYNAMIC_MAPS = 'pgsql\tpostfix-pgsql.so\tdict_pgsql_open\n';

/** Postfix's SMTP client is locked into the queue folder: there it looks for the name server. */
async function writeChrootFiles(queue: string, nameServer: string): Promise<void> {
  const etc = path.join(queue, 'etc');
  await mkdir(etc, { recursive: true });
  await Promise.all([
    writeFile(path.join(etc, 'resolv.conf'), `nameserver ${nameServer}\n`),
    writeFile(path.join(etc, 'nsswitch.conf'), 'hosts: files dns\nservices: files\n'),
    writeFile(path.join(etc, 'hosts'), '127.0.0.1 localhost\n'),
    writeFile(path.join(etc, 'services'), 'smtp 25/tcp\nsubmission 587/tcp\ndomain 53/udp\n'),
  ]);
}

/** Folders that Postfix would make at its first start; Dovecot's sockets must be there before. */
async function makeQueue(queue: string, { postfix, postdropGid }: SystemUsers): Promise<void> {
  await mkdir(queue, { recursive: true });
  await chmod(queue, 0o755);
  const own = async (name: string, mode: number, uid: number, gid: number) => {
    await mkdir(path.join(queue, name), { recursive: true });
    await chown(path.join(queue, name), uid, gid);
    await chmod(path.join(queue, name), mode);
  };
  const states = 'active bounce corrupt defer deferred flush hold incoming private saved trace'.split(' ');
  await Promise.all([
    ...states.map((name) => own(name, 0o700, postfix.uid, 0)),
    own('public', 0o710, postfix.uid, postdropGid),
    own('maildrop', 0o730, postfix.uid, postdropGid),
    own('pid', 0o755, 0, 0),
  ]);
}

async function ensureFile(file: string, mode: number): Promise<void> {
  await writeFile(file, '', { flag: 'a' });
  await chmod(file, mode);
}

function certificateSettings({ certificates }: Site, hostName: string): Settings {
  const files = certificates.servers.get(hostName);
  if (files === undefined) throw new Error(`No certificate for ${hostName}`);
  return {
    CERTIFICATE_FILE: files.certificateFile,
    PRIVATE_KEY_FILE: files.privateKeyFile,
    CA_FILE: certificates.caFile,
  };
}

function databaseSettings({ database }: Site): Settings {
  return {
    DATABASE_SOCKET_FOLDER: database.socketFolder,
    DATABASE_PORT: String(database.port),
    DATABASE_NAME: database.name,
    DATABASE_USER: database.user,
    DATABASE_PASSWORD: database.password,
  };
}
