/** Where the servers of the test bed stand: addresses of the 127 network that look like those of the TESTA document. */
export interface CountryLayout {
  /** `b` or `d`: the country code in its domain */
  key: CountryKey;
  domain: string;
  hostName: string;
  address: string;
  /** Accounts come from Sealpost's database; otherwise from the server's own file */
  hosted: boolean;
}

export type CountryKey = 'b' | 'd';

export interface Layout {
  network: number;
  dnsAddress: string;
  relayAddress: string;
  relayHostName: string;
  countries: CountryLayout[];
}

export const IMAPS_PORT = 993;
export const POP3S_PORT = 995;
export const SUBMISSION_PORT = 587;
export const SMTP_PORT = 25;
export const DNS_PORT = 53;

/** Two test beds run side by side with different networks: 127.<network>.x.y. */
export const DEFAULT_NETWORK = 62;

export function layoutOf(network: number): Layout {
  if (!Number.isInteger(network) || network < 1 || network > 254) throw new RangeError('network: 1 to 254');
  return {
    network,
    dnsAddress: `127.${network}.0.53`,
    relayAddress: `127.${network}.0.17`,
    relayHostName: 'relay.eu-admin.net',
    countries: [country('b', `127.${network}.1.2`, true), country('d', `127.${network}.1.3`, false)],
  };
}

/** Every address and port that must be free. */
export function listenersOf(layout: Layout): { address: string; port: number; what: string }[] {
  return [
    { address: layout.dnsAddress, port: DNS_PORT, what: 'name server' },
    { address: layout.relayAddress, port: SMTP_PORT, what: 'relay' },
    ...layout.countries.flatMap(({ address, domain }) => [
      { address, port: SMTP_PORT, what: `mail server of ${domain}` },
      { address, port: SUBMISSION_PORT, what: `submission server of ${domain}` },
      { address, port: IMAPS_PORT, what: `IMAP server of ${domain}` },
      { address, port: POP3S_PORT, what: `POP3 server of ${domain}` },
    ]),
  ];
}

function country(key: CountryKey, address: string, hosted: boolean): CountryLayout {
  const domain = `tcn.${key}.eu-admin.net`;
  return { key, domain, hostName: `mail.${domain}`, address, hosted };
}
