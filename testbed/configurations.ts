import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { overrideParameters, renderFolder, type Settings } from '../deploy/render.ts';
import type { CertificateFiles } from './certificates.ts';
import { mailFolder, ownAccountsFile, ownAddressesFile, queueFolder, wireCopiesFolder } from './daemons.ts';
import type { CountryLayout, Layout } from './layout.ts';

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
  smtp_connect_timeout: '3s',
};

export interface SystemUsers {
  postfix: { uid: number; gid: number };
  postdropGid: number;
  nsdUid: number;
}

export interface Site {
  place: string;
  layout: Layout;
  certificates: CertificateFiles;
  users: SystemUsers;
  times: TimeOverrides;
  database: { socketFolder: string; port: number; name: string; user: string; password: string };
  service: { user: string; passwordHash: string };
}

/** Writes the configurations of all servers. */
export async function writeConfigurations(site: Site): Promise<void> {
  await mkdir(path.join(site.place, 'log'), { recursive: true });
  await Promise.all([
    writeNameServer(site),
    writeRelay(site),
    ...site.layout.countries.flatMap((country) => [writeDovecot(site, country), writeMemberState(site, country)]),
  ]);
}

async function writeNameServer({ place, layout, users }: Site): Promise<void> {
  const folder = path.join(place, 'dns');
  const run = path.join(folder, 'run');
  await mkdir(run, { recursive: true });
  await chown(run, users.nsdUid, -1);
  const records = [
    `relay IN A ${layout.relayAddress}`,
    ...layout.countries.flatMap(({ key, address }) => [`mail.tcn.${key} IN A ${address}`, `tcn.${key} IN MX 1 relay`]),
  ];
  const pointers = [
    pointer(layout.relayAddress, layout.relayHostName),
    ...layout.countries.map(({ address, hostName }) => pointer(address, hostName)),
  ];
  const written = await renderFolder(path.join(DEPLOY, 'nsd'), path.join(folder, 'etc'), {
    ADDRESS: layout.dnsAddress,
    CONFIG_FOLDER: path.join(folder, 'etc'),
    RUN_FOLDER: run,
    LOG_FOLDER: run,
    REVERSE_ZONE: `${layout.network}.127.in-addr.arpa`,
    SERIAL: '1',
    RECORDS: records.join('\n'),
    POINTERS: pointers.join('\n'),
  });
  await Promise.all([path.join(folder, 'etc'), ...written].map((each) => chown(each, users.nsdUid, -1)));
}

function pointer(address: string, hostName: string): string {
  const [, , third, fourth] = address.split('.');
  return `${fourth}.${third} IN PTR ${hostName}.`;
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
    SERVICE_NETWORKS: '127.0.0.0/8',
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
  await writePostfix(site, 'postfix-member-state', name, country.hostName, {
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

async function writeRelay(site: Site): Promise<void> {
  const { layout, place } = site;
  await writePostfix(site, 'postfix-relay', 'relay', layout.relayHostName, {
    ADDRESS: layout.relayAddress,
    MEMBER_STATE_SERVERS: layout.countries.map(({ address }) => `${address}/32`).join(', '),
    ROUTES: layout.countries.map(({ domain, address }) => `${domain}  smtp:[${address}]`).join('\n'),
  });
  // Only in the test bed: a copy of each passing message, so that a test can look at what is on the wire
  const copies = wireCopiesFolder(place);
  await mkdir(copies, { recursive: true });
  await chown(copies, MAIL_UID, MAIL_UID);
  const mainCf = path.join(place, 'relay', 'etc', 'main.cf');
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

async function writePostfix(site: Site, source: string, name: string, hostName: string, own: Settings): Promise<void> {
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
    HOST_NAME: hostName,
    // "127.62.1.2" would be refused here: no interface lists it, although the whole network answers on lo
    INTERFACE: '127.0.0.1',
    ...certificateSettings(site, hostName),
    ...own,
  });
  await chmod(etc, 0o755);
  const mainCf = path.join(etc, 'main.cf');
  await writeFile(mainCf, overrideParameters(await readFile(mainCf, 'utf8'), site.times));
  // postqueue and sendmail run without root
  await Promise.all(['main.cf', 'master.cf'].map((file) => chmod(path.join(etc, file), 0o644)));
  await writeFile(path.join(etc, 'dynamicmaps.cf'), DYNAMIC_MAPS, { mode: 0o644 });
  await writeChrootFiles(queue, site.layout);
}

/** A configuration folder of one's own also lists the maps that Debian packs apart. */
const DYNAMIC_MAPS = 'pgsql\tpostfix-pgsql.so\tdict_pgsql_open\n';

/** Postfix's SMTP client is locked into the queue folder: there it looks for the name server. */
async function writeChrootFiles(queue: string, layout: Layout): Promise<void> {
  const etc = path.join(queue, 'etc');
  await mkdir(etc, { recursive: true });
  await Promise.all([
    writeFile(path.join(etc, 'resolv.conf'), `nameserver ${layout.dnsAddress}\n`),
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
