// `npm test`: checks, then every test against real servers. Arguments: folders of test/ to run; --long for what takes hours.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../src/services/database/embedded-postgres.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => path.join(root, 'node_modules', '.bin', name);
const args = process.argv.slice(2);
const long = args.includes('--long');
const chosen = args.filter((arg) => !arg.startsWith('--'));

function run(title: string, command: string, commandArgs: string[], env: NodeJS.ProcessEnv = {}): boolean {
  console.log(`\n== ${title}`);
  const startedMs = performance.now();
  const done = spawnSync(command, commandArgs, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  console.log(
    `== ${title}: ${done.status === 0 ? 'passed' : 'FAILED'} in ${Math.round((performance.now() - startedMs) / 1000)} s`,
  );
  return done.status === 0;
}

function testFiles(folder: string): string[] {
  const at = path.join(root, 'test', folder);
  if (!fs.existsSync(at)) return [];
  return fs
    .readdirSync(at, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.join('test', folder, name))
    .sort();
}

/** Quick ones side by side; those that start servers one after the other, since they share ports and two cores. */
const PARALLEL = ['unit', 'conformance', 'interop', 'app', 'fuzz'];
const SERIAL = ['mail', 'browser'];

const results: boolean[] = [];
results.push(run('Prisma client', process.execPath, ['bin/generate-client.mjs']));
if (chosen.length === 0) {
  results.push(
    run('Debian packages', process.execPath, [
      'testbed/ensure-packages.ts',
      '--browser',
      '--pkcs12',
      '--matrix',
      '--proxy',
      '--logs',
    ]),
  );
  results.push(run('types', bin('tsc'), ['--noEmit']));
  results.push(run('lint and format', path.join(root, 'node_modules/@biomejs/cli-linux-x64/biome'), ['ci', '.']));
}
const postgres = fs.mkdtempSync(path.join(os.tmpdir(), 'sealpost-tests-'));
fs.chmodSync(postgres, 0o711);
const env: NodeJS.ProcessEnv = { SEALPOST_TEST_POSTGRES: postgres, ...(long ? { SEALPOST_LONG: '1' } : {}) };
const wanted = (folders: string[]) => folders.filter((folder) => chosen.length === 0 || chosen.includes(folder));
const parallel = wanted(PARALLEL).flatMap(testFiles);
const serial = wanted(SERIAL).flatMap(testFiles);
// Seven targets of an hour each, two at a time, when it is to be long.
const flags = ['--test', `--test-timeout=${long ? 4 * 3_600_000 : 900_000}`];
if (parallel.length > 0)
  results.push(run('libraries and pages', process.execPath, [...flags, '--test-concurrency=2', ...parallel], env));
if (serial.length > 0)
  results.push(run('real servers', process.execPath, [...flags, '--test-concurrency=1', ...serial], env));
if (fs.existsSync(path.join(postgres, 'cluster'))) await (await startEmbeddedPostgres(postgres)).stop();
fs.rmSync(postgres, { recursive: true, force: true });
process.exitCode = results.every(Boolean) ? 0 : 1;
