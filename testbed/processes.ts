import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type Listener = { address: string; port: number } | { path: string };

/** A server that writes its process id to a file and ends on SIGTERM. */
export interface Daemon {
  name: string;
  /** Program and arguments that start it */
  start: readonly string[];
  /** `background`: what starts it returns. `foreground`: it is the server itself */
  runs: 'background' | 'foreground';
  pidFile: string;
  /** What it says while it starts */
  outputFile: string;
  /** Name of the executable that the process id must belong to: ids are used again */
  executable: string;
  /** Where it answers once it is up */
  listeners: readonly Listener[];
  /** Starts once the others answer */
  last?: true;
}

/** Starts a server and waits until it accepts connections. */
export async function startDaemon(daemon: Daemon): Promise<void> {
  const [program = '', ...args] = daemon.start;
  // a file, not a pipe: the server keeps it open, and the pipe would never end
  const output = openSync(daemon.outputFile, 'w');
  const child = spawn(program, args, {
    // on an ordinary user's PATH there is no /usr/sbin
    env: { ...process.env, PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', output, output],
    cwd: '/',
    // one in the foreground outlives this process like the others, and Ctrl-C at the terminal does not reach it
    detached: daemon.runs === 'foreground',
  });
  closeSync(output);
  const exit = once(child, 'exit').then(([code]) => {
    if (code === 0 && daemon.runs === 'background') return;
    throw new Error(`${daemon.name} did not start: ${readFileSync(daemon.outputFile, 'utf8').trim()}`);
  });
  const answer = () => Promise.all(daemon.listeners.map((listener) => waitFor(daemon.name, listener)));
  if (daemon.runs === 'background') {
    await exit;
    await answer();
  } else {
    child.unref();
    await Promise.race([exit, answer()]);
    exit.catch(() => {});
  }
}

/** Ends a server, by the process id in its file, and its child processes; one that is not running is fine. */
export async function stopDaemon(daemon: Daemon): Promise<void> {
  const pid = runningPid(daemon);
  if (pid === null) return;
  // Dovecot's children serve their clients to the end, which here is to be a server that is down
  const family = [...childrenOf(pid), processOf(pid)];
  process.kill(pid, 'SIGTERM');
  if (!(await allEnded([processOf(pid)], 3_000))) process.kill(pid, 'SIGKILL');
  signalAll(family, 'SIGTERM');
  if (!(await allEnded(family, 3_000))) signalAll(family, 'SIGKILL');
  if (!(await allEnded(family, 3_000))) throw new Error(`${daemon.name} (process ${pid}) does not end`);
}

/** Ends a server and all its processes at once with SIGKILL, as if its machine lost its power; one that is not running is fine. */
export async function killDaemon(daemon: Daemon): Promise<void> {
  const pid = runningPid(daemon);
  if (pid === null) return;
  await killFamily(pid, daemon.name);
}

/** The same by a process id. @param name for the error */
export async function killFamily(pid: number, name: string): Promise<void> {
  // stopped first: one that was just about to fork would leave a child behind that nobody saw
  signalAll([processOf(pid)], 'SIGSTOP');
  const family = familyOf(pid);
  signalAll(family, 'SIGKILL');
  if (!(await allEnded(family, 10_000))) throw new Error(`${name} (process ${pid}) does not end`);
}

function familyOf(pid: number): SeenProcess[] {
  const descendants = childrenOf(pid).flatMap((child) => familyOf(child.pid));
  return [processOf(pid), ...descendants].filter(isAlive);
}

/** A process id alone may belong to another program a moment later; with its start time it does not. */
interface SeenProcess {
  pid: number;
  startTime: string;
}

function processOf(pid: number): SeenProcess {
  return { pid, startTime: readStat(pid)?.startTime ?? '' };
}

function childrenOf(parent: number): SeenProcess[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(pid) : null;
    return stat?.parent === parent ? [{ pid, startTime: stat.startTime }] : [];
  });
}

function isAlive({ pid, startTime }: SeenProcess): boolean {
  const stat = readStat(pid);
  // a process that ended but was not yet waited for counts as gone
  return stat !== null && stat.state !== 'Z' && stat.startTime === startTime;
}

function signalAll(processes: SeenProcess[], signal: NodeJS.Signals): void {
  for (const each of processes.filter(isAlive)) {
    try {
      process.kill(each.pid, signal);
    } catch {
      // it ended by itself in between
    }
  }
}

async function allEnded(processes: SeenProcess[], milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (processes.some(isAlive)) {
    if (performance.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}

/** proc(5): the name in parentheses may hold anything, the fields are counted after it. */
function readStat(pid: number): { state: string; parent: number; startTime: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '' };
  } catch {
    return null;
  }
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

async function waitFor(name: string, listener: Listener): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await accepts(listener))) {
    if (performance.now() > deadline) throw new Error(`${name} does not answer on ${JSON.stringify(listener)}`);
    await sleep(20);
  }
}

function accepts(listener: Listener): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = 'path' in listener ? net.connect(listener.path) : net.connect(listener.port, listener.address);
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
