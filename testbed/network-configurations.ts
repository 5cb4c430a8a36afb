// What stands between the member states' mail servers: name server, resolvers, balancer and virus scanner.
import { chown, copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderFolder, type Settings } from '../deploy/render.ts';
import type { Site } from './configurations.ts';
import { scannerFolder } from './daemons.ts';
import { BALANCED_PORT, type CountryLayout, type Layout, MILTER_PORT, type RelayLayout } from './layout.ts';

const DEPLOY = fileURLToPath(new URL('../deploy', import.meta.url));

/** Writes the configurations of everything that is no mail server. */
export async function writeNetworkConfigurations(site: Site): Promise<void> {
  const { whole, countries, relays } = site.layout;
  await Promise.all([
    writeNameServer(site),
    ...(whole === null
      ? []
      : [
          ...countries.map((country) => writeResolver(site, country)),
          writeBalancer(site, whole),
          ...relays.map((relay) => writeScanner(site, relay)),
        ]),
  ]);
}

async function writeNameServer({ place, layout, users, dnsTtlSeconds }: Site): Promise<void> {
  const folder = path.join(place, 'dns');
  const run = await runFolder(folder, users.nsdUid);
  const { mailExchangers, relays, countries } = layout;
  const hosts = new Map([...mailExchangers, ...relays, ...countries].map((host) => [host.hostName, host.address]));
  const exchangers = mailExchangers.map(({ preference, hostName }) => `IN MX ${preference} ${hostName}.`);
  const names = [...hosts].map(([hostName, address]) => `${hostName}. IN A ${address}`);
  const domains = countries.flatMap(({ domain }) => exchangers.map((exchanger) => `${domain}. ${exchanger}`));
  const etc = path.join(folder, 'etc');
  const written = await renderFolder(path.join(DEPLOY, 'nsd'), etc, {
    ADDRESS: layout.dnsAddress,
    CONFIG_FOLDER: etc,
    RUN_FOLDER: run,
    LOG_FOLDER: run,
    REVERSE_ZONE: reverseZone(layout),
    SERIAL: '1',
    TTL: String(dnsTtlSeconds),
    RECORDS: [...names, ...domains].join('\n'),
    POINTERS: [...hosts].map(([hostName, address]) => pointer(address, hostName)).join('\n'),
  });
  await Promise.all([etc, ...written].map((each) => chown(each, users.nsdUid, -1)));
}

function reverseZone({ base }: Layout): string {
  return `${base.split('.').reverse().join('.')}.in-addr.arpa`;
}

function pointer(address: string, hostName: string): string {
  const [, , third, fourth] = address.split('.');
  return `${fourth}.${third} IN PTR ${hostName}.`;
}

async function writeResolver({ place, layout, users }: Site, country: CountryLayout): Promise<void> {
  const name = `resolver-${country.key}`;
  const folder = path.join(place, name);
  const run = await runFolder(folder, users.unboundUid);
  const etc = path.join(folder, 'etc');
  const written = await renderFolder(path.join(DEPLOY, 'unbound'), etc, {
    ADDRESS: country.resolverAddress,
    CLIENT_NETWORKS: layout.namespaces ? `${layout.base}.0.0/16` : '127.0.0.0/8',
    CONFIG_FOLDER: etc,
    RUN_FOLDER: run,
    LOG_FOLDER: run,
    INSTANCE_NAME: name,
    NAME_SERVER: layout.dnsAddress,
    REVERSE_ZONE: reverseZone(layout),
  });
  await Promise.all([etc, ...written].map((each) => chown(each, users.unboundUid, -1)));
}

async function writeBalancer({ place }: Site, whole: NonNullable<Layout['whole']>): Promise<void> {
  const folder = path.join(place, 'balancer');
  const settings: Settings = {
    ADDRESS: whole.balancerAddress,
    HOST_NAME: 'relay.eu-admin.net',
    RUN_FOLDER: await runFolder(folder, 0),
    RELAYS: whole.balanced.map(({ name, address }) => `  server ${name} ${address}:${BALANCED_PORT}`).join('\n'),
  };
  await renderFolder(path.join(DEPLOY, 'haproxy'), path.join(folder, 'etc'), settings);
}

async function writeScanner({ place, users }: Site, relay: RelayLayout): Promise<void> {
  const folder = scannerFolder(place, relay.name);
  const run = await runFolder(folder, users.clamavUid);
  const etc = path.join(folder, 'etc');
  const database = path.join(folder, 'signatures');
  await mkdir(database, { recursive: true });
  await renderFolder(path.join(DEPLOY, 'clamav'), etc, {
    DATABASE_FOLDER: database,
    RUN_FOLDER: run,
    LOG_FOLDER: run,
    MILTER_ADDRESS: relay.address,
    MILTER_PORT: String(MILTER_PORT),
  });
  const signatures = 'sealpost-test.ndb';
  await copyFile(path.join(DEPLOY, 'clamav', signatures), path.join(database, signatures));
}

async function runFolder(folder: string, uid: number): Promise<string> {
  const run = path.join(folder, 'run');
  await mkdir(run, { recursive: true });
  await chown(run, uid, -1);
  return run;
}
