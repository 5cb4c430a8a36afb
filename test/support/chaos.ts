// Servers, nodes and the database that lose their power at any moment and come back.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '../../src/services/database/embedded-postgres.ts';
import { killFamily } from '../../testbed/processes.ts';
import type { ServerName } from '../../testbed/testbed.ts';
import type { World } from '../../testbed/world.ts';
import type { Random } from './random.ts';
import { type SpawnedNode, spawnTestNode } from './world.ts';

/** Something that can lose its power. */
export type Part = { name: string; kind: string; kill(): Promise<void>; start(): Promise<void> };

/** One loss of power: between these moments the part was away. Milliseconds since 1970. */
export type Fault = { part: string; kind: string; from: number; to: number };

export function serverPart(world: World, name: ServerName, kind: string): Part {
  const { testbed } = world;
  return {
    name,
    kind,
    kill: () => testbed.killServer(name),
    start: () => persistently(() => testbed.startServer(name)),
  };
}

export function databasePart(world: World): Part {
  const folder = path.join(world.folder, 'postgres');
  const pidFile = path.join(folder, 'cluster', 'postmaster.pid');
  return {
    name: 'postgres',
    kind: 'Postgres',
    kill: () => killFamily(Number(fs.readFileSync(pidFile, 'utf8').split('\n')[0]), 'postgres'),
    start: () => persistently(async () => void (await startEmbeddedPostgres(folder))),
  };
}

export type NodePart = Part & { url(): string };

/** A node in a process of its own, always on the same port once it has one. */
export function nodePart(world: World, name: string, settings: NodeJS.ProcessEnv): NodePart {
  let node: SpawnedNode | null = null;
  let port: string | null = null;
  const url = () => node?.url ?? `http://localhost:${port}`;
  return {
    name,
    kind: 'nodes',
    url,
    kill: async () => {
      await node?.kill('SIGKILL');
      node = null;
    },
    // As a service manager does it: while the database is away it ends again.
    start: () =>
      persistently(async () => {
        const own = port === null ? {} : { PORT: port };
        node = await spawnTestNode(world, { ...settings, NODE_NAME: name, ...own });
        port = new URL(node.url).port;
      }),
  };
}

/** What does not start because something else is down starts a little later. */
export async function persistently(start: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(300);
    }
  }
}

export type Chaos = {
  faults: readonly Fault[];
  /** Lets what is down come back, and ends nothing more. */
  end(): Promise<void>;
};

export type ChaosOptions = {
  random: Random;
  /** How long nothing happens between two faults; milliseconds */
  pauseMs: [number, number];
  /** How long a part stays away */
  downMs: [number, number];
  /** Faults that may overlap */
  atOnce: number;
  /** Faults in all: a slow machine needs longer for each, and shall not have more of them */
  atMost: number;
};

/** Ends parts at random moments until it is ended itself. Which part is drawn by kind first: there are more servers than databases. */
export function unleash(parts: readonly Part[], { random, pauseMs, downMs, atOnce, atMost }: ChaosOptions): Chaos {
  const faults: Fault[] = [];
  const down = new Set<Part>();
  const ended = new AbortController();
  const rest = (ms: number) => sleep(ms, undefined, { signal: ended.signal }).catch(() => {});
  const kinds = [...new Set(parts.map(({ kind }) => kind))];
  let begun = 0;
  const strike = async () => {
    while (!ended.signal.aborted && begun < atMost) {
      await rest(random.between(...pauseMs));
      const kind = random.pick(kinds);
      const standing = parts.filter((part) => part.kind === kind && !down.has(part));
      if (ended.signal.aborted || standing.length === 0) continue;
      const part = random.pick(standing);
      down.add(part);
      begun += 1;
      const from = Date.now();
      await part.kill();
      await rest(random.between(...downMs));
      await part.start();
      faults.push({ part: part.name, kind, from, to: Date.now() });
      down.delete(part);
    }
  };
  const striking = Promise.all(Array.from({ length: atOnce }, strike));
  // Heard at the end; until then it is no unhandled rejection.
  striking.catch(() => {});
  return {
    faults,
    end: async () => {
      ended.abort();
      await striking;
    },
  };
}
