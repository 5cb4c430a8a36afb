/** The programs that people get their .pfx files from, each in a folder of its own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Tools {
  readonly folder: string;
  /** Runs a program in the folder; throws with what it said when it fails. */
  run(program: string, args: readonly string[], input?: string): string;
  write(name: string, content: string | Uint8Array): void;
  read(name: string): Buffer;
  remove(): void;
}

export function openTools(): Tools {
  const folder = mkdtempSync(path.join(tmpdir(), 'sp-p12-'));
  const gnupg = path.join(folder, 'gnupg');
  mkdirSync(gnupg, { mode: 0o700 });
  writeFileSync(path.join(gnupg, 'gpg-agent.conf'), 'allow-loopback-pinentry\n');
  writeFileSync(path.join(gnupg, 'gpgsm.conf'), 'disable-crl-checks\ndisable-dirmngr\n');
  // keytool takes arguments as the locale says; C.UTF-8 is always there
  const env = { ...process.env, LC_ALL: 'C.UTF-8', GNUPGHOME: gnupg };
  const run = (program: string, args: readonly string[], input = ''): string => {
    const done = spawnSync(program, args, { cwd: folder, env, input, encoding: 'utf8', timeout: 120_000 });
    if (done.error) throw done.error;
    const said = `${done.stdout}${done.stderr}`;
    if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${said}`);
    return said;
  };
  return {
    folder,
    run,
    write: (name, content) => writeFileSync(path.join(folder, name), content, { mode: 0o600 }),
    read: (name) => readFileSync(path.join(folder, name)),
    remove: () => {
      spawnSync('gpgconf', ['--kill', 'gpg-agent'], { env }); // the agent of this folder only
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
