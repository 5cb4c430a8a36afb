import path from 'node:path';
import {
  type CountryLayout,
  DNS_PORT,
  IMAPS_PORT,
  type Layout,
  POP3S_PORT,
  SMTP_PORT,
  SUBMISSION_PORT,
} from './layout.ts';
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

/** Everything that runs, in an order in which it can be started. */
export function daemonsOf(place: string, layout: Layout): Daemon[] {
  return [
    nameServer(place, layout),
    ...layout.countries.map((country) => dovecot(place, country)),
    ...layout.countries.map((country) =>
      postfix(place, `mail-${country.key}`, [
        { address: country.address, port: SMTP_PORT },
        { address: country.address, port: SUBMISSION_PORT },
      ]),
    ),
    postfix(place, 'relay', [{ address: layout.relayAddress, port: SMTP_PORT }]),
  ];
}

function nameServer(place: string, layout: Layout): Daemon {
  return {
    name: 'dns',
    start: ['nsd', '-c', path.join(place, 'dns', 'etc', 'nsd.conf')],
    pidFile: path.join(place, 'dns', 'run', 'nsd.pid'),
    outputFile: path.join(place, 'log', 'dns.start'),
    executable: 'nsd',
    listeners: [{ address: layout.dnsAddress, port: DNS_PORT }],
  };
}

function dovecot(place: string, country: CountryLayout): Daemon {
  const folder = path.join(place, `dovecot-${country.key}`);
  return {
    name: `dovecot-${country.key}`,
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

function postfix(place: string, name: string, listeners: Daemon['listeners']): Daemon {
  return {
    name,
    start: ['postfix', '-c', path.join(place, name, 'etc'), 'start'],
    pidFile: path.join(queueFolder(place, name), 'pid', 'master.pid'),
    outputFile: path.join(place, 'log', `${name}.start`),
    executable: 'master',
    listeners,
  };
}
