import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that starts in the background, writes its process id to a file and ends on SIGTERM. */
export interface Daemon {
  name: string;
  /** Program and arguments that start it and return */
  start: readonly [string, ...string[]];
  pidFile: string;
  /** What it says while it starts */
  outputFile: string;
  /** Name of the executable that the process id must belong to: ids are used again */
  executable: string;
  /** Where it answers once it is up */
  listeners: readonly { address: string; port: number }[];
}

/** Starts a server and waits until it accepts connections. */
export async function startDaemon(daemon: Daemon): Promise<void> {
  const [program, ...args] = daemon.start;
  // a file, not a pipe: the server keeps it open, and the pipe would never end
  const output = openSync(daemon.outputFile, 'w');
  const child = spawn(program, args, {
    // on an ordinary user's PATH there is no /usr/sbin
    env: { ...process.env, PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', output, output],
    cwd: '/',
  });
  closeSync(output);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${daemon.name} did not start: ${readFileSync(daemon.outputFile, 'utf8').trim()}`);
  await Promise.all(daemon.listeners.map(({ address, port }) => waitForPort(daemon.name, address, port)));
}

/** Ends a server by the process id in its file; one that is not running is fine. */
export async function stopDaemon(daemon: Daemon): Promise<void> {
  const pid = runningPid(daemon);
  if (pid === null) return;
  process.kill(pid, 'SIGTERM');
  if (await ended(daemon, pid, 5_000)) return;
  process.kill(pid, 'SIGKILL');
  if (!(await ended(daemon, pid, 5_000))) throw new Error(`${daemon.name} (process ${pid}) does not end`);
}

/** Process id of the running server, or null. */
export function runningPid(daemon: Pick<Daemon, 'pidFile' | 'executable'>): number | null {
  try {
    const pid = Number.parseInt(readFileSync(daemon.pidFile, 'utf8').trim(), 10);
    if (!Number.isInteger(pid) || pid <= 1) return null;
    const executable = path.basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''));
    return executable === daemon.executable ? pid : null;
  } catch {
    return null;
  }
}

async function ended(daemon: Daemon, pid: number, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (performance.now() < deadline) {
    if (!isAlive(pid) && !(await anyPortOpen(daemon))) return true;
    await sleep(20);
  }
  return false;
}

function isAlive(pid: number): boolean {
  try {
    // a process that ended but was not yet waited for counts as gone
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function anyPortOpen(daemon: Daemon): Promise<boolean> {
  const open = await Promise.all(daemon.listeners.map(({ address, port }) => accepts(address, port)));
  return open.includes(true);
}

async function waitForPort(name: string, address: string, port: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await accepts(address, port))) {
    if (performance.now() > deadline) throw new Error(`${name} does not answer on ${address}:${port}`);
    await sleep(20);
  }
}

function accepts(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: address, port });
    const settle = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** The first of these that another program already listens on, or null. */
export async function findTaken<T extends { address: string; port: number }>(
  listeners: readonly T[],
): Promise<T | null> {
  for (const listener of listeners) {
    if (await isTaken(listener.address, listener.port)) return listener;
  }
  return null;
}

function isTaken(address: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(true);
      else reject(error);
    });
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(false)));
  });
}
