import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../src/config.ts';
import { type Node, startNode } from '../../src/server.ts';
import { startWorld, type World, type WorldOptions } from '../../testbed/world.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The little TESTA with people, in a folder of its own that goes with it. Small keys, short times. */
export async function startTestWorld(options: Partial<WorldOptions> = {}): Promise<World> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-'));
  fs.chmodSync(folder, 0o711);
  const world = await startWorld({ folder, profile: 'short', keyAlgorithm: 'RSA-2048', network: 71, ...options });
  return {
    ...world,
    stop: async () => {
      await world.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Settings that make a test quick without changing what is tested. */
const QUICK: NodeJS.ProcessEnv = {
  LOG_LEVEL: 'error',
  SIGN_IN_FAILURE_MS: '300',
  RETRY_SECONDS: '2',
  NETWORK_LIMIT: '10000',
  // servers are stopped here on purpose, and nobody wants a mail about it
  MONITOR_SECONDS: '3600',
};

/** A node in this process, on a port of its own. */
export function startTestNode(world: World, settings: NodeJS.ProcessEnv = {}): Promise<Node> {
  return startNode(readConfig({ ...QUICK, ...world.environment, PORT: '0', DATA_FOLDER: world.folder, ...settings }));
}

export type SpawnedNode = { url: string; child: ChildProcess; kill(signal?: NodeJS.Signals): Promise<void> };

/** A node in a process of its own, so that it can be killed. */
export async function spawnTestNode(world: World, settings: NodeJS.ProcessEnv = {}): Promise<SpawnedNode> {
  const port = settings['PORT'] ?? String(await freePort());
  const env = {
    PATH: process.env['PATH'],
    ...QUICK,
    ...world.environment,
    DATA_FOLDER: world.folder,
    ...settings,
    PORT: port,
  };
  const child = spawn(process.execPath, ['src/cli.ts', 'serve'], {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (piece) => {
      said += piece;
      if (said.includes('Sealpost answers')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the node ended with ${code}: ${said}`)));
  });
  return {
    url: `http://localhost:${port}`,
    child,
    kill: async (signal = 'SIGKILL') => {
      child.kill(signal);
      await ended;
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
