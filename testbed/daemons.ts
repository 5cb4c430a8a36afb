import path from 'node:path';
import {
  type CountryLayout,
  DNS_PORT,
  IMAPS_PORT,
  type Layout,
  MILTER_PORT,
  POP3S_PORT,
  type RelayLayout,
  type RelayName,
  SMTP_PORT,
  SUBMISSION_PORT,
} from './layout.ts';
import { atSite } from './namespaces.ts';
import type { Daemon } from './processes.ts';

/** Folder of the mailboxes of a country; below it `<domain>/<local part>/Maildir`. */
export function mailFolder(place: string, country: CountryLayout): string {
  return path.join(place, `dovecot-${country.key}`, 'mail');
}

/** Maildir of an address. */
export function maildirOf(place: string, layout: Layout, address: string): string {
  const [localPart = '', domain = ''] = address.toLowerCase().split('@');
  const country = layout.countries.find((each) => each.domain === domain);
  if (country === undefined) throw new Error(`${domain} is not a domain of the test bed`);
  return path.join(mailFolder(place, country), domain, localPart, 'Maildir');
}

export function ownAccountsFile(place: string, country: CountryLayout): string {
  return path.join(place, `dovecot-${country.key}`, 'etc', 'users');
}

export function ownAddressesFile(place: string, country: CountryLayout): string {
  return path.join(place, `mail-${country.key}`, 'etc', 'addresses');
}

export function queueFolder(place: string, name: string): string {
  return path.join(place, name, 'queue');
}

export function wireCopiesFolder(place: string): string {
  return path.join(place, 'wire-copies');
}

/** Folder of clamd and its milter at a relay. */
export function scannerFolder(place: string, relay: RelayName): string {
  return path.join(place, `scanner-${relay}`);
}

/** Where clamd of a relay is asked. */
export function clamdSocket(place: string, relay: RelayName): string {
  return path.join(scannerFolder(place, relay), 'run', 'clamd.sock');
}

/** Everything that runs, in an order in which it can be started. */
export function daemonsOf(place: string, layout: Layout): Daemon[] {
  const daemons = [
    nameServer(place, layout),
    ...wholeNetwork(place, layout),
    ...layout.countries.map((country) => dovecot(place, country)),
    ...layout.countries.map((country) =>
      postfix(place, `mail-${country.key}`, country.site, [
        { address: country.address, port: SMTP_PORT },
        { address: country.address, port: SUBMISSION_PORT },
      ]),
    ),
    ...layout.relays.map(({ name, site, address }) => postfix(place, name, site, [{ address, port: SMTP_PORT }])),
  ];
  return daemons.map((daemon) => ({ ...daemon, start: [...atSite(layout, daemon.site), ...daemon.start] }));
}

/** What the small network does without: resolvers, balancer and scanner. */
function wholeNetwork(place: string, { whole, countries, relays }: Layout): PlacedDaemon[] {
  if (whole === null) return [];
  return [
    ...countries.map((country) => resolver(place, country)),
    ...relays.flatMap((relay) => [clamd(place, relay), milter(place, relay)]),
    balancer(place, whole.balancerAddress),
  ];
}

type PlacedDaemon = Daemon & { site: string };

function nameServer(place: string, layout: Layout): PlacedDaemon {
  return {
    name: 'dns',
    site: 'testa',
    runs: 'background',
    start: ['nsd', '-c', path.join(place, 'dns', 'etc', 'nsd.conf')],
    pidFile: path.join(place, 'dns', 'run', 'nsd.pid'),
    outputFile: path.join(place, 'log', 'dns.start'),
    executable: 'nsd',
    listeners: [{ address: layout.dnsAddress, port: DNS_PORT }],
  };
}

function resolver(place: string, { key, site, resolverAddress }: CountryLayout): PlacedDaemon {
  const name = `resolver-${key}`;
  return {
    name,
    site,
    runs: 'background',
    start: ['unbound', '-c', path.join(place, name, 'etc', 'unbound.conf')],
    pidFile: path.join(place, name, 'run', 'unbound.pid'),
    outputFile: path.join(place, 'log', `${name}.start`),
    executable: 'unbound',
    listeners: [{ address: resolverAddress, port: DNS_PORT }],
  };
}

function clamd(place: string, { name, site }: RelayLayout): PlacedDaemon {
  const folder = scannerFolder(place, name);
  return {
    name: `clamd-${name}`,
    site,
    // in the background its first process sometimes misses the word of the second that it is up, and never returns
    runs: 'foreground',
    start: ['clamd', '--foreground', '-c', path.join(folder, 'etc', 'clamd.conf')],
    pidFile: path.join(folder, 'run', 'clamd.pid'),
    outputFile: path.join(place, 'log', `clamd-${name}.start`),
    executable: 'clamd',
    listeners: [{ path: clamdSocket(place, name) }],
  };
}

function milter(place: string, { name, site, address }: RelayLayout): PlacedDaemon {
  const folder = scannerFolder(place, name);
  return {
    name: `scanner-${name}`,
    site,
    runs: 'foreground',
    start: ['clamav-milter', '--foreground', '-c', path.join(folder, 'etc', 'clamav-milter.conf')],
    pidFile: path.join(folder, 'run', 'clamav-milter.pid'),
    outputFile: path.join(place, 'log', `scanner-${name}.start`),
    executable: 'clamav-milter',
    listeners: [{ address, port: MILTER_PORT }],
  };
}

/** Its name is that of what stands at its address in the small network. */
function balancer(place: string, address: string): PlacedDaemon {
  return {
    name: 'relay',
    site: 'testa',
    runs: 'background',
    start: ['haproxy', '-D', '-f', path.join(place, 'balancer', 'etc', 'haproxy.cfg')],
    pidFile: path.join(place, 'balancer', 'run', 'haproxy.pid'),
    outputFile: path.join(place, 'log', 'relay.start'),
    executable: 'haproxy',
    listeners: [{ address, port: SMTP_PORT }],
    // a relay that does not answer its first question counts as down for some seconds
    last: true,
  };
}

function dovecot(place: string, country: CountryLayout): PlacedDaemon {
  const folder = path.join(place, `dovecot-${country.key}`);
  return {
    name: `dovecot-${country.key}`,
    site: country.site,
    runs: 'background',
    start: ['dovecot', '-c', path.join(folder, 'etc', 'dovecot.conf')],
    pidFile: path.join(folder, 'run', 'master.pid'),
    outputFile: path.join(place, 'log', `dovecot-${country.key}.start`),
    executable: 'dovecot',
    listeners: [
      { address: country.address, port: IMAPS_PORT },
      { address: country.address, port: POP3S_PORT },
    ],
  };
}

function postfix(place: string, name: string, site: string, listeners: Daemon['listeners']): PlacedDaemon {
  return {
    name,
    site,
    runs: 'background',
    start: ['postfix', '-c', path.join(place, name, 'etc'), 'start'],
    pidFile: path.join(queueFolder(place, name), 'pid', 'master.pid'),
    outputFile: path.join(place, 'log', `${name}.start`),
    executable: 'master',
    listeners,
  };
}
