import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { isIP } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type Settings, settings } from './settings.ts';

const MiB = 1024 * 1024;
const KEY_BYTES = 32;

/** Versioned secrets of the installation: new things are sealed under `current`, old ones open under the one they name. */
export type KeyRing = { current: string; keys: ReadonlyMap<string, Buffer> };

export type Config = {
  host: string;
  port: number;
  /** Origin of the pages, e.g. https://mail.example; null until the port is known (PORT=0) */
  publicUrl: URL;
  /** Cookies get `__Host-` and Secure, and HSTS is sent */
  secure: boolean;
  dataFolder: string;
  /** Where large content waits during a job, encrypted and without a name */
  spoolFolder: string;
  databaseUrl: string | null;
  serverKeys: KeyRing;
  sessionKeys: KeyRing;
  nodeName: string;
  serviceMail: { user: string; password: string } | null;
  trustedProxies: string[];
  /** Where a browser's certificate comes from */
  clientCertificates: Settings['CLIENT_CERTIFICATES'];
  /** PEM, for a node that speaks TLS itself */
  tls: { certificate: string; privateKey: string } | null;
  sessionMs: number;
  mailIdleMs: number;
  signInFailureMs: number;
  signInLimit: number;
  networkLimit: number;
  attachmentLimitBytes: number;
  messageLimitBytes: number;
  recipientLimit: number;
  retryMs: number;
  giveUpMs: number;
  /** Where revocation may be looked up; nothing else is ever fetched */
  revocationLists: string[];
  ocspResponders: string[];
  fetchProxy: string | null;
  /** Who may hand delivery reports to the senders' own servers */
  reportServers: { address: string; bits: number; family: 'ipv4' | 'ipv6' }[];
  relayLogs: { relay: string; file: string }[];
  /** Who is asked for MX records; empty: those of the system */
  dnsServers: string[];
  /** The network's own, which the resolvers ask: watched */
  nameServers: string[];
  /** What DNS is expected to say, lowest preference first; empty: not known */
  relays: { host: string; address: string }[];
  /** Milters of relays, for the monitor */
  relayScanners: { relay: string; host: string; port: number }[];
  /** Null: attachments are not scanned */
  scanner: ScannerSettings | null;
  monitorMs: number;
  alertAfterMs: number;
  metricsToken: string | null;
  drainMs: number;
  logLevel: Settings['LOG_LEVEL'];
};

/** A virus scanner: where it listens, and what scanning one attachment may cost. */
export type ScannerSettings = {
  place: { kind: 'unix'; path: string } | { kind: 'tcp'; host: string; port: number };
  timeoutMs: number;
  maxBytes: number;
  atOnce: number;
};

/** Every wrong or missing setting at once, each with what is expected. */
export class SettingsError extends Error {
  readonly code = 'settings';
  readonly problems: string[];
  constructor(problems: string[]) {
    super(`The settings are not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/**
 * The only reader of the environment. `NAME_FILE` names a file that holds the value of `NAME`, for secrets.
 * @throws SettingsError
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const given = readGiven(environment, problems);
  const parsed = settings.safeParse(given);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0]);
      problems.push(`${name}: expected ${settings.shape[name as keyof Settings]?.description ?? issue.message}`);
    }
    throw new SettingsError(problems);
  }
  const values = parsed.data;
  const tls = readTls(values, problems);
  const publicUrl = new URL(values.PUBLIC_URL ?? `${tls ? 'https' : 'http'}://localhost:${values.PORT}`);
  const local = publicUrl.hostname === 'localhost' || publicUrl.hostname === '127.0.0.1';
  if (publicUrl.protocol === 'http:' && !local)
    problems.push('PUBLIC_URL: expected https://…, http only for localhost');
  if ((values.SERVICE_MAIL_USER === undefined) !== (values.SERVICE_MAIL_PASSWORD === undefined)) {
    problems.push('SERVICE_MAIL_USER and SERVICE_MAIL_PASSWORD: expected both or neither');
  }
  const revocationLists = readAddresses('REVOCATION_LISTS', values, problems);
  const ocspResponders = readAddresses('OCSP_RESPONDERS', values, problems);
  const reportServers = readNetworks(values, problems);
  const relayLogs = readLogFiles(values, problems);
  const dnsServers = readServers('DNS_SERVERS', values, problems);
  const nameServers = readServers('NAME_SERVERS', values, problems);
  const relays = readRelays(values, problems);
  const relayScanners = readRelayScanners(values, problems);
  const scanner = readScanner(values, problems);
  const dataFolder = path.resolve(values.DATA_FOLDER);
  const keyRing = (name: 'SERVER_KEYS' | 'SESSION_KEYS') => readKeyRing(name, values, dataFolder, problems);
  const serverKeys = keyRing('SERVER_KEYS');
  const sessionKeys = keyRing('SESSION_KEYS');
  if (problems.length > 0 || serverKeys === null || sessionKeys === null) throw new SettingsError(problems);
  return {
    host: values.HOST,
    port: values.PORT,
    publicUrl,
    secure: publicUrl.protocol === 'https:',
    dataFolder,
    spoolFolder: path.join(dataFolder, 'spool'),
    databaseUrl: values.DATABASE_URL ?? null,
    serverKeys,
    sessionKeys,
    nodeName: values.NODE_NAME ?? `${os.hostname()}:${values.PORT}`.replace(/[^\w.:-]/g, '_').slice(0, 64),
    serviceMail:
      values.SERVICE_MAIL_USER && values.SERVICE_MAIL_PASSWORD
        ? { user: values.SERVICE_MAIL_USER, password: values.SERVICE_MAIL_PASSWORD }
        : null,
    trustedProxies: listIn(values.TRUSTED_PROXIES),
    clientCertificates: values.CLIENT_CERTIFICATES,
    tls,
    sessionMs: values.SESSION_HOURS * 3_600_000,
    mailIdleMs: values.MAIL_IDLE_SECONDS * 1000,
    signInFailureMs: values.SIGN_IN_FAILURE_MS,
    signInLimit: values.SIGN_IN_LIMIT,
    networkLimit: values.NETWORK_LIMIT,
    attachmentLimitBytes: values.ATTACHMENT_LIMIT_MB * MiB,
    messageLimitBytes: values.MESSAGE_LIMIT_MB * MiB,
    recipientLimit: values.RECIPIENT_LIMIT,
    retryMs: values.RETRY_SECONDS * 1000,
    giveUpMs: values.GIVE_UP_HOURS * 3_600_000,
    revocationLists,
    ocspResponders,
    fetchProxy: values.FETCH_PROXY ?? null,
    reportServers,
    relayLogs,
    dnsServers,
    nameServers,
    relays,
    relayScanners,
    scanner,
    monitorMs: values.MONITOR_SECONDS * 1000,
    alertAfterMs: values.ALERT_AFTER_SECONDS * 1000,
    metricsToken: values.METRICS_TOKEN ?? null,
    drainMs: values.DRAIN_SECONDS * 1000,
    logLevel: values.LOG_LEVEL,
  };
}

/** A certificate that nobody can prove the way of is worth nothing: what brings it must be set up too. */
function readTls(values: Settings, problems: string[]): Config['tls'] {
  const { TLS_CERTIFICATE: certificate, TLS_PRIVATE_KEY: privateKey, CLIENT_CERTIFICATES: from } = values;
  if ((certificate === undefined) !== (privateKey === undefined))
    problems.push('TLS_CERTIFICATE and TLS_PRIVATE_KEY: expected both or neither');
  if (from === 'node' && certificate === undefined)
    problems.push('CLIENT_CERTIFICATES: expected TLS_CERTIFICATE and TLS_PRIVATE_KEY with node');
  if (from === 'proxy' && values.TRUSTED_PROXIES.trim() === '')
    problems.push('CLIENT_CERTIFICATES: expected TRUSTED_PROXIES with proxy');
  return certificate && privateKey ? { certificate, privateKey } : null;
}

/** Only what the schema knows; an empty value counts as not given, `NAME_FILE` as the file's content. */
function readGiven(environment: NodeJS.ProcessEnv, problems: string[]): Record<string, string> {
  const given: Record<string, string> = {};
  for (const name of Object.keys(settings.shape)) {
    const value = environment[name];
    const file = environment[`${name}_FILE`];
    if (value && file) problems.push(`${name} and ${name}_FILE: expected one of them`);
    if (value) given[name] = value;
    if (!file) continue;
    try {
      given[name] = fs.readFileSync(file, 'utf8').trim();
    } catch {
      problems.push(`${name}_FILE: expected a readable file, not ${file}`);
    }
  }
  return given;
}

function listIn(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean);
}

function readServers(name: 'DNS_SERVERS' | 'NAME_SERVERS', values: Settings, problems: string[]): string[] {
  const servers = listIn(values[name]);
  if (servers.some((each) => isIP(each) === 0)) problems.push(`${name}: expected ${settings.shape[name].description}`);
  return servers;
}

function isDomainLike(host: string): boolean {
  return /^[\w-]+(\.[\w-]+)+$/.test(host);
}

function readRelays(values: Settings, problems: string[]): Config['relays'] {
  const relays = listIn(values.RELAYS).map((each) => {
    const [host = '', address = ''] = each.split('=').map((half) => half.trim());
    return { host: host.toLowerCase(), address };
  });
  if (relays.some(({ host, address }) => !isDomainLike(host) || isIP(address) === 0))
    problems.push(`RELAYS: expected ${settings.shape.RELAYS.description}`);
  return relays;
}

function readRelayScanners(values: Settings, problems: string[]): Config['relayScanners'] {
  const scanners = listIn(values.RELAY_SCANNERS).map((each) => {
    const [, relay = '', bracketed, plain, port] =
      /^([\w.-]+)\s*=\s*(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(each) ?? [];
    return { relay: relay.toLowerCase(), host: bracketed ?? plain ?? '', port: Number(port) };
  });
  if (
    scanners.some(({ relay, host, port }) => !isDomainLike(relay) || isIP(host) === 0 || !(port >= 1 && port <= 65_535))
  )
    problems.push(`RELAY_SCANNERS: expected ${settings.shape.RELAY_SCANNERS.description}`);
  return scanners;
}

/** What was decrypted here goes to a scanner of this machine, unless somebody says openly that it may go elsewhere. */
function readScanner(values: Settings, problems: string[]): ScannerSettings | null {
  const { SCANNER: text, SCANNER_ELSEWHERE: elsewhere } = values;
  if (text === undefined) return null;
  const place = scannerPlace(text);
  if (place === null) problems.push(`SCANNER: expected ${settings.shape.SCANNER.description}`);
  else if (place.kind === 'tcp' && !isLoopback(place.host) && elsewhere !== 'allow')
    problems.push(
      `SCANNER: expected an address of this machine, not ${place.host}; or SCANNER_ELSEWHERE: ${settings.shape.SCANNER_ELSEWHERE.description}`,
    );
  if (place === null) return null;
  const { SCANNER_SECONDS: seconds, SCANNER_LIMIT_MB: megabytes, SCANNER_AT_ONCE: atOnce } = values;
  return { place, timeoutMs: seconds * 1000, maxBytes: megabytes * MiB, atOnce };
}

function scannerPlace(text: string): ScannerSettings['place'] | null {
  const [, file] = /^unix:(\/.+)$/.exec(text) ?? [];
  if (file !== undefined) return { kind: 'unix', path: file };
  const [, bracketed, plain, digits] = /^tcp:(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return null;
  if (bracketed !== undefined && isIP(bracketed) !== 6) return null;
  // What the name means may change: of this machine, it is the address.
  return { kind: 'tcp', host: host.toLowerCase() === 'localhost' ? '127.0.0.1' : host, port };
}

function isLoopback(host: string): boolean {
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
}

function readAddresses(name: 'REVOCATION_LISTS' | 'OCSP_RESPONDERS', values: Settings, problems: string[]): string[] {
  const addresses = listIn(values[name]);
  if (addresses.some((each) => !/^https?:$/.test(URL.parse(each)?.protocol ?? '')))
    problems.push(`${name}: expected ${settings.shape[name].description}`);
  return addresses;
}

function readNetworks({ REPORT_SERVERS: text }: Settings, problems: string[]): Config['reportServers'] {
  const entries = text.split(',').map((each) => each.trim());
  return entries.filter(Boolean).flatMap((entry) => {
    const [address = '', given, ...rest] = entry.split('/');
    const version = isIP(address);
    const most = version === 6 ? 128 : 32;
    const bits = given === undefined ? most : /^\d{1,3}$/.test(given) ? Number(given) : Number.NaN;
    if (version === 0 || rest.length > 0 || !(bits <= most)) {
      problems.push(`REPORT_SERVERS: expected ${settings.shape.REPORT_SERVERS.description}, not ${entry}`);
      return [];
    }
    return [{ address, bits, family: version === 6 ? ('ipv6' as const) : ('ipv4' as const) }];
  });
}

function readLogFiles({ RELAY_LOGS: text }: Settings, problems: string[]): Config['relayLogs'] {
  const entries = text.split(',').map((each) => each.trim());
  return entries.filter(Boolean).flatMap((entry) => {
    const [, relay, file] = /^([\w.-]{1,64})=(.+)$/.exec(entry) ?? [];
    if (relay !== undefined && file !== undefined) return [{ relay, file }];
    problems.push(`RELAY_LOGS: expected ${settings.shape.RELAY_LOGS.description}, not ${entry}`);
    return [];
  });
}

function readKeyRing(
  name: 'SERVER_KEYS' | 'SESSION_KEYS',
  values: Settings,
  dataFolder: string,
  problems: string[],
): KeyRing | null {
  // With a database of one's own there may be several nodes, and a generated secret would fit only one of them.
  const text = values[name] ?? (values.DATABASE_URL ? undefined : generatedKeys(name, dataFolder));
  const keys = new Map<string, Buffer>();
  for (const entry of (text ?? '').split(',').filter(Boolean)) {
    const [, id, base64] = /^\s*([\w-]{1,16}):([A-Za-z0-9+/_-]+=*)\s*$/.exec(entry) ?? [];
    const key = Buffer.from(base64 ?? '', 'base64');
    if (id && key.length === KEY_BYTES) keys.set(id, key);
    else problems.push(`${name}: expected ${settings.shape[name].description}`);
  }
  const current = [...keys.keys()].at(-1);
  if (current === undefined) {
    problems.push(`${name}: missing; expected ${settings.shape[name].description}`);
    return null;
  }
  return { current, keys };
}

/** A single installation without settings keeps its secrets beside its data, readable by its user only. */
function generatedKeys(name: string, dataFolder: string): string {
  const folder = path.join(dataFolder, 'secrets');
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, name.toLowerCase());
  try {
    fs.writeFileSync(file, `1:${randomBytes(KEY_BYTES).toString('base64')}`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return fs.readFileSync(file, 'utf8').trim();
}

/** The key of this version. @throws Error when the installation no longer has it */
export function keyOf(ring: KeyRing, version: string): Buffer {
  const key = ring.keys.get(version);
  if (!key) throw new Error(`The key ${version} is missing in the settings`);
  return key;
}
