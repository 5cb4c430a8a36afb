/** Where the servers of the test bed stand: addresses that look like those of the TESTA document. */
export interface CountryLayout {
  /** `b`, `d` or one more: the country code in its domain */
  key: string;
  domain: string;
  hostName: string;
  address: string;
  /** Where its servers ask for names */
  resolverAddress: string;
  /** Accounts come from Sealpost's database; otherwise from the server's own file */
  hosted: boolean;
  site: string;
}

/** The two countries of every test bed. */
export type CountryKey = 'b' | 'd';

/** A country besides those two. */
export interface MoreCountry {
  /** Country code as in its domain, e.g. `fin` */
  key: string;
  hosted: boolean;
}

export type RelayName = 'relay' | 'relay2' | 'relay3' | 'relay4';

/** A Postfix that relays. */
export interface RelayLayout {
  name: RelayName;
  hostName: string;
  address: string;
  site: string;
}

export interface Layout {
  /** First two numbers of every address */
  base: string;
  network: number;
  dnsAddress: string;
  /** What DNS says, lowest preference first */
  mailExchangers: { preference: number; hostName: string; address: string }[];
  relays: RelayLayout[];
  /** Only in the whole network, where each relay also has its virus scanner: what stands before the first two */
  whole: { balancerAddress: string; balanced: RelayLayout[] } | null;
  countries: CountryLayout[];
  /** In network namespaces of their own, with the addresses of the document */
  namespaces: boolean;
}

export const IMAPS_PORT = 993;
export const POP3S_PORT = 995;
export const SUBMISSION_PORT = 587;
export const SMTP_PORT = 25;
export const DNS_PORT = 53;
export const MILTER_PORT = 7357;
export const BALANCED_PORT = 10025;

/** Two test beds run side by side with different networks: 127.<network>.x.y. */
export const DEFAULT_NETWORK = 62;
/** The network of the document, for namespaces. */
const DOCUMENT_NETWORK = '62.62';
/** The host's own address in it. */
export const HOST_ADDRESS = `${DOCUMENT_NETWORK}.255.254`;
const COUNTRY_CODE = /^[a-z]{1,3}$/;

export interface LayoutOptions {
  network: number;
  /** `one`: a single relay that scans nothing, and no resolvers. `all`: the network of the document */
  relays?: 'one' | 'all';
  moreCountries?: MoreCountry[];
  namespaces?: boolean;
}

export function layoutOf({ network, relays = 'one', moreCountries = [], namespaces = false }: LayoutOptions): Layout {
  if (!Number.isInteger(network) || network < 1 || network > 254) throw new RangeError('network: 1 to 254');
  const base = namespaces ? DOCUMENT_NETWORK : `127.${network}`;
  const at = (name: RelayName, last: number, site = 'testa'): RelayLayout => {
    return { name, hostName: `${name}.eu-admin.net`, address: `${base}.0.${last}`, site };
  };
  const first = at('relay', 17);
  const real = [at('relay2', 28), at('relay3', 29)];
  // the document names 62.62.0.241 as fourth exchanger and 62.62.0.249 in its list for the firewall: see docs/operation.md
  const backup = at('relay4', 241, 'backup');
  const exchangers = relays === 'one' ? [first] : [first, ...real, backup];
  return {
    base,
    network,
    namespaces,
    dnsAddress: `${base}.0.53`,
    mailExchangers: exchangers.map(({ hostName, address }, index) => ({ preference: index + 1, hostName, address })),
    relays: relays === 'one' ? [first] : [...real, backup],
    whole: relays === 'one' ? null : { balancerAddress: first.address, balanced: real },
    countries: countriesOf(base, moreCountries, relays === 'one'),
  };
}

function countriesOf(base: string, more: MoreCountry[], small: boolean): CountryLayout[] {
  const keys = new Set(['b', 'd']);
  for (const { key } of more) {
    if (!COUNTRY_CODE.test(key) || keys.has(key)) throw new RangeError(`${key}: one to three letters, each once`);
    keys.add(key);
  }
  return [{ key: 'b', hosted: true }, { key: 'd', hosted: false }, ...more].map(({ key, hosted }, index) => {
    const domain = `tcn.${key}.eu-admin.net`;
    const resolverAddress = small ? `${base}.0.53` : `${base}.53.${index + 2}`;
    const address = `${base}.1.${index + 2}`;
    return { key, domain, hostName: `mail.${domain}`, address, resolverAddress, hosted, site: `ms-${key}` };
  });
}

interface Listener {
  address: string;
  port: number;
  what: string;
}

/** Every address and port that must be free. */
export function listenersOf(layout: Layout): Listener[] {
  const { whole } = layout;
  return [
    { address: layout.dnsAddress, port: DNS_PORT, what: 'name server' },
    ...layout.mailExchangers.map(({ address, hostName }) => ({ address, port: SMTP_PORT, what: hostName })),
    ...(whole === null
      ? []
      : [
          ...layout.relays.map(({ address, hostName }) => {
            return { address, port: MILTER_PORT, what: `virus scanner of ${hostName}` };
          }),
          ...layout.countries.map(({ resolverAddress, domain }) => {
            return { address: resolverAddress, port: DNS_PORT, what: `resolver of ${domain}` };
          }),
        ]),
    ...layout.countries.flatMap(({ address, domain }) => [
      { address, port: SMTP_PORT, what: `mail server of ${domain}` },
      { address, port: SUBMISSION_PORT, what: `submission server of ${domain}` },
      { address, port: IMAPS_PORT, what: `IMAP server of ${domain}` },
      { address, port: POP3S_PORT, what: `POP3 server of ${domain}` },
    ]),
  ];
}
