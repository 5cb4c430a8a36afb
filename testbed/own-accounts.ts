import { execFile } from 'node:child_process';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import argon2 from 'argon2';

const run = promisify(execFile);

/**
 * Adds an account to a server of its own, or changes its password: a line in Dovecot's file and one in Postfix's map.
 * The hash is cheap, since what is tested is not this server's resistance.
 */
export async function addOwnAccount(
  files: { accounts: string; addresses: string; at: string[] },
  address: string,
  password: string,
): Promise<void> {
  const login = address.toLowerCase();
  if (!/^[a-z0-9._-]+@[a-z0-9.-]+$/.test(login)) throw new Error(`Not an address for this server: ${address}`);
  const hash = await argon2.hash(password, { type: argon2.argon2id, memoryCost: 1024, timeCost: 2, parallelism: 1 });
  await setLine(files.accounts, `${login}:`, `${login}:{ARGON2ID}${hash}::::::`);
  await setLine(files.addresses, `${login}\t`, `${login}\t${login}`);
  await rebuildAddressMap(files.addresses, files.at);
}

/**
 * Postfix reads the compiled map, and notices by itself when it changed. The map lies beside the server's `main.cf`:
 * without it postmap would look for one in /etc/postfix, which a fresh machine does not have.
 * @param at what stands before the command: the server's own addresses must be there
 */
export async function rebuildAddressMap(file: string, at: string[]): Promise<void> {
  const [program = '', ...args] = [...at, '/usr/sbin/postmap', '-c', path.dirname(file), `hash:${file}`];
  await run(program, args);
}

async function setLine(file: string, prefix: string, line: string): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((each) => each !== '' && !each.startsWith(prefix));
  await writeFile(`${file}.new`, [...lines, line, ''].join('\n'), { mode: 0o644 });
  await rename(`${file}.new`, file);
}
