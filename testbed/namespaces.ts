// The test bed with the real addresses of the document: each site in a network namespace of its own, joined by a bridge.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
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
 * @throws Error with a sentence for a person: this machine allows no namespaces, or such a network stands already
 */
export async function makeNamespaces(place: string, layout: Layout): Promise<void> {
  try {
    await ip('link', 'add', BRIDGE, 'type', 'bridge');
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() ?? String(error);
    throw new Error(
      /exists/i.test(said)
        ? 'Another test bed has the addresses of the document on this machine: end it first'
        : `This machine allows no network namespaces (${said}): run the test bed without --namespaces`,
    );
  }
  await writeFile(markFile(place), '');
  try {
    await ip('addr', 'add', `${HOST_ADDRESS}/16`, 'dev', BRIDGE);
    await ip('link', 'set', BRIDGE, 'up');
    const sites = [...addressesBySite(layout)];
    await Promise.all(sites.map(([site, addresses], index) => makeNamespace(site, addresses, index)));
  } catch (error) {
    await removeNamespaces(place, layout);
    throw error;
  }
}

/** Removes what `makeNamespaces` made in this place, and nothing of another's. The servers must have ended. */
export async function removeNamespaces(place: string, layout: Layout): Promise<void> {
  if (!existsSync(markFile(place))) return;
  const sites = [...addressesBySite(layout).keys()];
  await Promise.all(sites.map((site) => ip('netns', 'del', namespaceOf(site)).catch(() => {})));
  await ip('link', 'del', BRIDGE).catch(() => {});
  await rm(markFile(place), { force: true });
}

/** Says that the namespaces of this machine belong to the test bed of this place. */
function markFile(place: string): string {
  return path.join(place, 'namespaces');
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
  if (layout.whole !== null) place('testa', layout.whole.balancerAddress);
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
