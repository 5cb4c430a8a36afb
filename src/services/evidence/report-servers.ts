import { BlockList, isIP } from 'node:net';
import type { Config } from '../../config.ts';
import type { MailServer } from '../../generated/prisma/client.ts';
import type { ReportOrigin } from '../../mail/report-origin.ts';

/** Names under which a country's server writes the Received field of what it takes. */
export function ownHostsOf(server: Pick<MailServer, 'serverName' | 'imapHost' | 'submissionHost'>): Set<string> {
  const names = [server.serverName, server.imapHost, server.submissionHost];
  return new Set(names.flatMap((name) => (name === null || isIP(name) !== 0 ? [] : [name.toLowerCase()])));
}

/**
 * Whether a report may be believed for the way it came: with an empty return path, written by the sender's own server or
 * handed to it by a listed one. What else has the envelope id must have it from one of these.
 */
export function cameFromListed(origin: ReportOrigin, config: Pick<Config, 'reportServers'>): boolean {
  if (!origin.nullSender || origin.handedInBy === null) return false;
  return origin.handedInBy === 'own' || isListed(origin.handedInBy, config.reportServers);
}

/** Whether an address is one of REPORT_SERVERS, or in one of its networks. */
export function isListed(address: string, networks: Config['reportServers']): boolean {
  const list = new BlockList();
  for (const { address: network, bits, family } of networks) list.addSubnet(network, bits, family);
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
