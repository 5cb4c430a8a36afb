import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/** A name of DNS in ASCII with at least two labels, or an IP address: what a connection may be made to. */
export function isHost(text: string): boolean {
  return isIP(text) === 0 ? isDomainName(text) : isMailAddress(text);
}

/** Not an address: a name whose last label is all digits would be read as one. */
export function isDomainName(text: string): boolean {
  const labels = text.split('.');
  if (text.length > 253 || labels.length < 2 || !labels.every((label) => LABEL.test(label))) return false;
  return /[a-z]/i.test(labels.at(-1) ?? '');
}

/** The ports that servers of this kind have (RFC 8314 section 3, RFC 6409 section 3.1, RFC 1939 section 3): nothing else is ever connected to. */
export const MAIL_PORTS = { imap: [993, 143], submission: [587, 465], incoming: [25], pop3: [995, 110] } as const;

export function isMailPort(text: string, kind: keyof typeof MAIL_PORTS): boolean {
  return MAIL_PORTS[kind].some((port) => String(port) === text);
}

/** Addresses behind which no mail server is: none at all, this link only (where clouds hand out their secrets), many at once. */
const NO_SERVER = new BlockList();
NO_SERVER.addSubnet('0.0.0.0', 8);
NO_SERVER.addSubnet('169.254.0.0', 16);
NO_SERVER.addSubnet('224.0.0.0', 3);
NO_SERVER.addAddress('::', 'ipv6');
NO_SERVER.addSubnet('fe80::', 10, 'ipv6');
NO_SERVER.addSubnet('ff00::', 8, 'ipv6');
// Translated into IPv4 by the network (RFC 6052): the address within would not be looked at.
NO_SERVER.addSubnet('64:ff9b::', 96, 'ipv6');

/** Whether a mail server can have this IP address; also one that is written as an IPv4 address within IPv6. */
export function isMailAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  return !NO_SERVER.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

export type HostFailure = 'no-name' | 'not-allowed';

/** `said`: the address that no mail server can have */
export class HostError extends Error {
  readonly reason: HostFailure;
  readonly said: string;
  constructor(reason: HostFailure, said = '', cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
    this.said = said;
  }
}

/**
 * Where a connection to this host goes. All addresses of the name are looked at: a single bad one among them is a name to distrust.
 * Connect to the address and not to the name again: that could stand for another one by then.
 * @throws HostError
 */
export async function mailAddressOf(host: string): Promise<string> {
  const found = await lookup(host, { all: true }).catch((cause) => {
    throw new HostError('no-name', '', cause);
  });
  const bad = found.find(({ address }) => !isMailAddress(address));
  if (bad) throw new HostError('not-allowed', bad.address);
  const [first] = found;
  if (!first) throw new HostError('no-name');
  return first.address;
}
