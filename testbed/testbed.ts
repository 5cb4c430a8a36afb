// The little TESTA: real mail servers for the demo and the tests, from the configurations in deploy/.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import argon2 from 'argon2';
import type { MailServer } from '../src/mail/mail-server.ts';
import { makeCertificates } from './certificates.ts';
import { SHORT_TIMES, type SystemUsers, type TimeOverrides, writeConfigurations } from './configurations.ts';
import {
  clamdSocket,
  daemonsOf,
  maildirOf,
  ownAccountsFile,
  ownAddressesFile,
  queueFolder,
  wireCopiesFolder,
} from './daemons.ts';
import { openDatabaseBridge } from './database-bridge.ts';
import {
  type CountryKey,
  type CountryLayout,
  DEFAULT_NETWORK,
  DNS_PORT,
  IMAPS_PORT,
  type Layout,
  layoutOf,
  listenersOf,
  MILTER_PORT,
  type MoreCountry,
  POP3S_PORT,
  type RelayName,
  SUBMISSION_PORT,
} from './layout.ts';
import { atSite, makeNamespaces, removeNamespaces } from './namespaces.ts';
import { addOwnAccount, rebuildAddressMap } from './own-accounts.ts';
import { missingPackages } from './packages.ts';
import { preparePlace } from './place.ts';
import { type Daemon, findTaken, killDaemon, startDaemon, stopDaemon } from './processes.ts';
import { startThroughSudo } from './remote.ts';

const run = promisify(execFile);

export interface TestbedOptions {
  /** Private to this test bed; mailboxes and queues in it are kept between starts */
  folder: string;
  /** Sealpost's database, for the hosted country. It need not run yet */
  database: { socketFolder: string; port?: number; name: string; user: string; password: string };
  /** `real`: the times of row T05; `short`: seconds instead of minutes. Default `real` */
  profile?: 'real' | 'short';
  /** Times of Postfix that differ from the profile */
  times?: TimeOverrides;
  /** `one` relay, as most tests need it; `all`: the network of the document, with resolvers and scanner. Default `one` */
  relays?: 'one' | 'all';
  /** Member states besides the two of every test bed */
  moreCountries?: MoreCountry[];
  /** The document's own addresses, 62.62.x.y, in network namespaces; `network` means nothing then */
  namespaces?: boolean;
  /** How long a resolver may keep an answer. Default 60 */
  dnsTtlSeconds?: number;
  /** Second number of the addresses 127.x.0.0, so that test beds can run side by side. Default 62 */
  network?: number;
}

export interface TestbedCountry {
  key: string;
  domain: string;
  hosted: boolean;
  /** As Sealpost's `mail_server` row: addresses, ports, TLS and the CA */
  mailServer: MailServer;
  pop3: { host: string; port: number; tls: 'implicit' };
  /** Logs in for any hosted mailbox as `address*user`: a Credential with `authorizationUser` */
  service: { user: string; password: string } | null;
}

/** `relay` is what stands at the first exchanger's address: a relay, or in the whole network the balancer before two of them. */
export type ServerName =
  | RelayName
  | 'dns'
  | `clamd-${string}`
  | `scanner-${string}`
  | `resolver-${string}`
  | `dovecot-${string}`
  | `mail-${string}`;

export interface TestbedDescription {
  caPem: string;
  countries: Record<CountryKey, TestbedCountry>;
  /** Those asked for by `moreCountries` */
  moreCountries: TestbedCountry[];
  mailExchangers: Layout['mailExchangers'];
  /** Where the servers run; logs are in `log/` and `dovecot-*` below it */
  place: string;
  relayQueueFolders: string[];
  /** Of every relay, the address its reports come from */
  relayAddresses: string[];
  /** Name of each relay with its log */
  relayLogs: Record<string, string>;
  /** The name server of eu-admin.net */
  dns: { address: string; port: number };
  /** Where the first country's servers ask; in the small network the name server itself */
  resolver: { address: string; port: number };
  /** Socket of the first relay's clamd; null in the small network */
  clamdSocket: string | null;
  /** Where the relays' clamav-milters listen; none in the small network */
  milters: { hostName: string; address: string; port: number }[];
}

export interface Testbed extends TestbedDescription {
  /** Adds an account on a country's own server, or changes its password. */
  addOwnAccount(country: string, address: string, password: string): Promise<void>;
  stopServer(name: ServerName): Promise<void>;
  /** All its processes at once with -9. */
  killServer(name: ServerName): Promise<void>;
  startServer(name: ServerName): Promise<void>;
  /** Maildir of an address: files in `cur`, `new` and the folders of its other mailboxes. */
  mailboxFolder(address: string): string;
  /** Every message that passed the relay, as it was on the wire. */
  wireCopies(): Promise<Buffer[]>;
  /** Ends all servers. The folder can then be removed, or used for another start. */
  stop(): Promise<void>;
}

/**
 * Starts all servers; needs root, or sudo without a password.
 * @throws Error with a sentence for a person: not root, a package missing, an address taken, a server that does not start
 */
export async function startTestbed(options: TestbedOptions): Promise<Testbed> {
  if (process.getuid?.() !== 0) return startThroughSudo(options);
  const missing = await missingPackages();
  if (missing.length > 0)
    throw new Error(`Debian packages are missing: ${missing.join(' ')}. Run testbed/ensure-packages.ts`);
  const layout = layoutOf({ ...options, network: options.network ?? DEFAULT_NETWORK });
  const place = await preparePlace(options.folder);
  const daemons = daemonsOf(place, layout);
  // what a killed run left behind
  await stopTestbed(options);
  if (layout.namespaces) await makeNamespaces(place, layout);
  const taken = layout.namespaces ? null : await findTaken(listenersOf(layout));
  if (taken !== null) {
    throw new Error(
      `Address ${taken.address} port ${taken.port} (${taken.what}) is taken: end what listens there, or choose another network`,
    );
  }
  const port = options.database.port ?? 5432;
  const bridge = await openDatabaseBridge(path.join(place, 'database'), options.database.socketFolder, port);
  try {
    const service = await serviceCredential(place);
    const certificates = await makeCertificates(path.join(place, 'tls'), [...layout.relays, ...layout.countries]);
    await writeConfigurations({
      place,
      layout,
      certificates,
      users: await systemUsers(),
      times: { ...(options.profile === 'short' ? SHORT_TIMES : {}), ...options.times },
      dnsTtlSeconds: options.dnsTtlSeconds ?? 60,
      database: { ...options.database, socketFolder: bridge.folder, port: bridge.port },
      service,
    });
    const own = ownServers(layout);
    await Promise.all(
      own.map((country) => rebuildAddressMap(ownAddressesFile(place, country), atSite(layout, country.site))),
    );
    await startAll(daemons);
    return openTestbed(describe(place, layout, certificates.caPem, service), layout, daemons, () => bridge.close());
  } catch (error) {
    await Promise.allSettled(daemons.map(stopDaemon));
    if (layout.namespaces) await removeNamespaces(place, layout);
    await bridge.close();
    throw error;
  }
}

/** Ends what runs in a folder, also after the process that started it was killed. */
export async function stopTestbed(
  options: Pick<TestbedOptions, 'folder' | 'network' | 'moreCountries' | 'namespaces'>,
): Promise<void> {
  const place = await preparePlace(options.folder);
  const layouts = (['one', 'all'] as const).map((relays) => {
    return layoutOf({ ...options, network: options.network ?? DEFAULT_NETWORK, relays });
  });
  for (const layout of layouts) {
    await Promise.all(daemonsOf(place, layout).map(stopDaemon));
    if (layout.namespaces) await removeNamespaces(place, layout);
  }
}

async function startAll(daemons: Daemon[]): Promise<void> {
  for (const last of [undefined, true]) {
    const started = await Promise.allSettled(daemons.filter((daemon) => daemon.last === last).map(startDaemon));
    const failure = started.find((each) => each.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }
}

function openTestbed(
  description: TestbedDescription,
  layout: Layout,
  daemons: Daemon[],
  closeBridge: () => Promise<void>,
): Testbed {
  const { place } = description;
  const daemon = (name: ServerName) => {
    const found = daemons.find((each) => each.name === name);
    if (found === undefined) throw new Error(`No server is called ${name}`);
    return found;
  };
  return {
    ...description,
    addOwnAccount: async (key, address, password) => {
      const country = ownServers(layout).find((each) => each.key === key);
      if (country === undefined) throw new Error(`${key} has its accounts in Sealpost's database`);
      const files = { accounts: ownAccountsFile(place, country), addresses: ownAddressesFile(place, country) };
      await addOwnAccount({ ...files, at: atSite(layout, country.site) }, address, password);
    },
    stopServer: (name) => stopDaemon(daemon(name)),
    killServer: (name) => killDaemon(daemon(name)),
    startServer: (name) => startDaemon(daemon(name)),
    mailboxFolder: (address) => maildirOf(place, layout, address),
    wireCopies: () => readWireCopies(place),
    stop: async () => {
      await Promise.all(daemons.map(stopDaemon));
      if (layout.namespaces) await removeNamespaces(place, layout);
      await closeBridge();
    },
  };
}

export async function readWireCopies(place: string): Promise<Buffer[]> {
  const folder = path.join(wireCopiesFolder(place), 'new');
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.sort().map((name) => readFile(path.join(folder, name))));
}

function ownServers(layout: Layout): CountryLayout[] {
  return layout.countries.filter((country) => !country.hosted);
}

function describe(
  place: string,
  layout: Layout,
  caPem: string,
  service: { user: string; password: string },
): TestbedDescription {
  const describeCountry = (country: CountryLayout): TestbedCountry => {
    const mailServer: MailServer = {
      imapHost: country.address,
      imapPort: IMAPS_PORT,
      imapTls: 'implicit',
      submissionHost: country.address,
      submissionPort: SUBMISSION_PORT,
      submissionTls: 'starttls',
      caPem,
      serverName: country.hostName,
    };
    const { user, password } = service;
    return {
      key: country.key,
      domain: country.domain,
      hosted: country.hosted,
      mailServer,
      pop3: { host: country.address, port: POP3S_PORT, tls: 'implicit' },
      service: country.hosted ? { user, password } : null,
    };
  };
  const [b, d, ...more] = layout.countries;
  const [first] = layout.relays;
  if (b === undefined || d === undefined) throw new Error('A test bed has two countries at least');
  return {
    caPem,
    place,
    countries: { b: describeCountry(b), d: describeCountry(d) },
    moreCountries: more.map(describeCountry),
    mailExchangers: layout.mailExchangers,
    relayQueueFolders: layout.relays.map(({ name }) => queueFolder(place, name)),
    relayAddresses: layout.relays.map(({ address }) => address),
    relayLogs: Object.fromEntries(layout.relays.map(({ name }) => [name, path.join(place, 'log', `${name}.log`)])),
    dns: { address: layout.dnsAddress, port: DNS_PORT },
    resolver: { address: b.resolverAddress, port: DNS_PORT },
    clamdSocket: first === undefined || layout.whole === null ? null : clamdSocket(place, first.name),
    milters: (layout.whole === null ? [] : layout.relays).map(({ hostName, address }) => {
      return { hostName, address, port: MILTER_PORT };
    }),
  };
}

/** The same password at each start: what was sealed with it in a database stays usable. */
async function serviceCredential(place: string): Promise<{ user: string; password: string; passwordHash: string }> {
  const file = path.join(place, 'service-password');
  let password: string;
  try {
    password = (await readFile(file, 'utf8')).trim();
  } catch {
    password = randomBytes(24).toString('base64url');
    await writeFile(file, password, { mode: 0o600 });
  }
  const cost = { memoryCost: 1024, timeCost: 2, parallelism: 1 };
  const hash = await argon2.hash(password, { type: argon2.argon2id, ...cost });
  return { user: 'sealpost-service', password, passwordHash: `{ARGON2ID}${hash}` };
}

async function systemUsers(): Promise<SystemUsers> {
  const [passwd, group] = await Promise.all([
    run('getent', ['passwd', 'postfix', 'nsd', 'unbound', 'clamav']),
    run('getent', ['group', 'postdrop']),
  ]);
  const users = new Map(passwd.stdout.split('\n').map((line) => [line.split(':')[0], line.split(':')]));
  const id = (name: string, field: number) => Number(users.get(name)?.[field]);
  return {
    postfix: { uid: id('postfix', 2), gid: id('postfix', 3) },
    postdropGid: Number(group.stdout.split(':')[2]),
    nsdUid: id('nsd', 2),
    unboundUid: id('unbound', 2),
    clamavUid: id('clamav', 2),
  };
}
