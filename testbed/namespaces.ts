// The test bed with the real addresses of the document: each site in a network namespace of its own, joined by a bridge.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HOST_ADDRESS, type Layout } from './layout.ts';

const run = promisify(execFile);
const BRIDGE = 'sealpost-testa';

/** What stands before a command so that it runs where a site is. */
export function atSite(layout: Layout, site: string): string[] {
  return layout.namespaces ? ['/usr/sbin/ip', 'netns', 'exec', namespaceOf(site)] : [];
}

function namespaceOf(site: string): string {
  return `sealpost-${site}`;
}

/**
 * Makes the bridge, a namespace per site and its addresses. Until they are removed, this machine sends everything for
 * 62.62.0.0/16 to them; nothing else changes.
 * @throws when this machine allows no namespaces, or such a network stands already
 */
export async function makeNamespaces(layout: Layout): Promise<void> {
  await ip('link', 'add', BRIDGE, 'type', 'bridge');
  try {
    await ip('addr', 'add', `${HOST_ADDRESS}/16`, 'dev', BRIDGE);
    await ip('link', 'set', BRIDGE, 'up');
    let index = 0;
    for (const [site, addresses] of addressesBySite(layout)) {
      await makeNamespace(site, addresses, index);
      index += 1;
    }
  } catch (error) {
    await removeNamespaces(layout);
    throw error;
  }
}

/** Removes what `makeNamespaces` made; what is not there is fine. The servers must have ended. */
export async function removeNamespaces(layout: Layout): Promise<void> {
  for (const site of addressesBySite(layout).keys()) await ip('netns', 'del', namespaceOf(site)).catch(() => {});
  await ip('link', 'del', BRIDGE).catch(() => {});
}

async function makeNamespace(site: string, addresses: string[], index: number): Promise<void> {
  const name = namespaceOf(site);
  // names of interfaces have 15 characters
  const outer = `sp-site-${index}`;
  await ip('netns', 'add', name);
  await ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  await ip('link', 'set', outer, 'master', BRIDGE);
  await ip('link', 'set', outer, 'up');
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  for (const address of addresses) await ip('-n', name, 'addr', 'add', `${address}/16`, 'dev', 'eth0');
  await ip('-n', name, 'link', 'set', 'eth0', 'up');
}

function addressesBySite(layout: Layout): Map<string, string[]> {
  const sites = new Map<string, string[]>();
  const place = (site: string, ...addresses: string[]) => {
    sites.set(site, [...(sites.get(site) ?? []), ...addresses]);
  };
  place('testa', layout.dnsAddress);
  if (layout.whole !== null) place('testa', layout.whole.balancerAddress, layout.whole.scannerAddress);
  for (const { site, address } of layout.relays) place(site, address);
  for (const { site, address, resolverAddress } of layout.countries) {
    place(site, address, ...(layout.whole === null ? [] : [resolverAddress]));
  }
  return sites;
}

async function ip(...args: string[]): Promise<void> {
  const env = { ...process.env, PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` };
  await run('ip', args, { env });
}
