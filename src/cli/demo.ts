import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startWorld, type World } from '../../testbed/world.ts';
import { readConfig } from '../config.ts';
import { formatThumbprint } from '../pki/thumbprint.ts';
import { startNode } from '../server.ts';
import { reachableByOthers } from '../services/database/embedded-postgres.ts';
import { untilAskedToStop } from './serve.ts';

const DEFAULT_PORT = 8460;

/** `sealpost demo`: everything on loopback, until Ctrl-C. Accounts, mail and keys stay for the next time. */
export async function demo(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.error('usage: sealpost demo   (DATA_FOLDER and PORT may be set in the environment)');
    return 2;
  }
  const folder = demoFolder(process.env['DATA_FOLDER']);
  console.error(`Starting the little TESTA in ${folder} …`);
  const port = process.env['PORT'] ?? String(DEFAULT_PORT);
  // Certificates name where their lists are, and the first lists are signed.
  const publicUrl = new URL(process.env['PUBLIC_URL'] ?? `http://localhost:${port}`);
  const world = await startWorld({ folder, relays: 'all', publicUrl });
  try {
    const environment = { LOG_LEVEL: 'warn', ...process.env, PORT: port, DATA_FOLDER: folder, ...world.environment };
    const node = await startNode(readConfig(environment));
    console.log(welcome(world, node.url));
    await untilAskedToStop();
    console.error('Stopping …');
    await node.stop();
  } finally {
    await world.stop();
  }
  return 0;
}

/** Below the checkout, unless the users that the servers run as cannot get there. */
function demoFolder(chosen: string | undefined): string {
  if (chosen) return path.resolve(chosen);
  const near = path.resolve('data', 'demo');
  if (process.getuid?.() !== 0 || reachableByOthers(path.dirname(near))) return near;
  return fs.existsSync('/var/lib') ? '/var/lib/sealpost/demo' : path.join(os.tmpdir(), 'sealpost-demo');
}

function welcome(world: World, url: string): string {
  const people = Object.values(world.people).map(
    ({ name, address, password, pfxFile, pfxPassword }) => `
  ${name}
    address            ${address}
    mailbox password   ${password}
    Digital ID         ${pfxFile}
    its password       ${pfxPassword}`,
  );
  return `
Sealpost is ready: ${url}
${people.join('\n')}

  The root's thumbprint (SHA-256), as it would stand in a letter to you:
    ${formatThumbprint(world.root.sha256)}
  or SHA-1:
    ${formatThumbprint(world.root.sha1)}

Sign in as Alain in one browser window and as Marta in a private one; Carla administrates the programme: her second
factor is set up at the first entry. Ctrl-C stops everything.`;
}
