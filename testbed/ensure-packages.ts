// `node testbed/ensure-packages.ts [--browser] [--pkcs12] [--matrix] [--proxy] [--logs]`: installs the Debian packages that are missing, or says which.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import {
  BROWSER_PACKAGES,
  LOG_PACKAGES,
  MATRIX_PACKAGES,
  missingPackages,
  PKCS12_PACKAGES,
  PROXY_PACKAGES,
  SERVER_PACKAGES,
} from './packages.ts';

const POLICY_FILE = '/usr/sbin/policy-rc.d';

const wanted = [
  ...SERVER_PACKAGES,
  ...(process.argv.includes('--browser') ? BROWSER_PACKAGES : []),
  ...(process.argv.includes('--pkcs12') ? PKCS12_PACKAGES : []),
  ...(process.argv.includes('--matrix') ? MATRIX_PACKAGES : []),
  ...(process.argv.includes('--proxy') ? PROXY_PACKAGES : []),
  ...(process.argv.includes('--logs') ? LOG_PACKAGES : []),
];
const missing = await missingPackages(wanted);
if (missing.length > 0) {
  if (process.getuid?.() === 0) installAsRoot(missing);
  else if (mayUseSudo()) installThroughSudo();
  else giveUp(missing);
}

function mayUseSudo(): boolean {
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
}

function installThroughSudo(): never {
  const again = ['-n', process.execPath, ...process.execArgv, import.meta.filename, ...process.argv.slice(2)];
  process.exit(spawnSync('sudo', again, { stdio: 'inherit' }).status ?? 1);
}

function installAsRoot(names: string[]): void {
  console.log(`Installing Debian packages: ${names.join(' ')}`);
  // the packages would start servers of their own, on addresses that are none of our business
  const own = !existsSync(POLICY_FILE);
  if (own) writeFileSync(POLICY_FILE, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    spawnSync('debconf-set-selections', { input: 'postfix postfix/main_mailer_type select No configuration\n' });
    // without lists, or with old ones, the first try fails
    if (!aptGet('install', ...names) && !(aptGet('update') && aptGet('install', ...names))) giveUp(names);
  } finally {
    if (own) rmSync(POLICY_FILE, { force: true });
  }
}

function aptGet(command: 'update' | 'install', ...names: string[]): boolean {
  const options = command === 'install' ? ['-y', '--no-install-recommends'] : [];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', ['-q', command, ...options, ...names], { stdio: 'inherit', env }).status === 0;
}

function giveUp(names: string[]): never {
  console.error(`These Debian packages are missing and could not be installed from here. Please run:

  sudo apt-get update
  sudo apt-get install --no-install-recommends ${names.join(' ')}

The mail servers need none of them to run as a service: sudo systemctl disable --now postfix dovecot nsd unbound haproxy clamav-daemon clamav-milter clamav-freshclam`);
  if (existsSync(POLICY_FILE)) rmSync(POLICY_FILE, { force: true });
  process.exit(1);
}
