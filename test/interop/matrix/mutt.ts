/** mutt, a mail program of people: driven through a terminal, it signs and encrypts with OpenSSL and shows what it reads. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MatrixPeople } from './matrix-people.ts';
import type { Key } from './peer.ts';

export interface Mutt {
  /** The message that mutt sends to its own user. */
  send(text: string, security: 'sign' | 'encrypt' | 'both'): Promise<Buffer>;
  /** What the pager shows of a message, the words of OpenSSL with it. */
  show(message: Buffer): Promise<string>;
}

const TIMEOUT_MS = 60_000;
const MENU = { sign: 's', encrypt: 'e', both: 'b' } as const;

export function openMutt({ people, by, file }: MatrixPeople, user: Key): Mutt {
  const home = file('mutt');
  const at = (name: string) => join(home, name);
  for (const name of ['', 'Mail', 'certificates', 'keys']) mkdirSync(at(name));
  const hash = `${people.openssl('x509', '-in', by[user].certificateFile, '-noout', '-hash').toString().trim()}.0`;
  copyFileSync(by[user].certificateFile, at(`certificates/${hash}`));
  copyFileSync(by[user].keyFile, at(`keys/${hash}`));
  for (const name of ['certificates', 'keys']) {
    writeFileSync(at(`${name}/.index`), `${by[user].address} ${hash} label ? t\n`);
  }
  writeFileSync(at('sendmail'), `#!/bin/sh\ncat > '${at('sent')}'\n`, { mode: 0o755 });
  writeFileSync(at('pager'), `#!/bin/sh\ncat "$1" > '${at('shown')}'\n`, { mode: 0o755 });
  writeFileSync(at('muttrc'), settings(home, hash, by[user].address, people.rootFile));
  return {
    send: async (text, security) => {
      writeFileSync(at('body'), text);
      rmSync(at('sent'), { force: true });
      const steps: Step[] = [
        [/To: \S+@/, '\n'],
        [/Security:/, 'S'],
        [/or \(c\)lear/, MENU[security]],
        [new RegExp(security === 'encrypt' ? 'Encrypt \\(S/MIME' : 'Sign'), 'y'],
        ...(security === 'encrypt' ? [] : [[/passphrase/, '\n'] as const]),
      ];
      await drive(home, ['-i', 'body', '-s', 'matrix', by[user].address], [...steps]);
      return readFileSync(at('sent'));
    },
    show: async (message) => {
      writeFileSync(at('box'), Buffer.concat([Buffer.from('From a@b Fri Nov 27 21:00:00 2026\n'), message, LINE]));
      rmSync(at('shown'), { force: true });
      const display = ['-R', '-f', 'box', '-e', 'push "<display-message>"'];
      const asked: Step = [/passphrase/, '\n']; // an empty one is not kept, so it asks for each step
      await drive(home, display, [asked, asked, asked], at('shown'));
      return readFileSync(at('shown'), 'utf8');
    },
  };
}

const LINE = Buffer.from('\n');

/** Once the screen says this, these keys are typed. */
type Step = readonly [RegExp, string];

function settings(home: string, hash: string, address: string, rootFile: string): string {
  // mutt's own settings for S/MIME come first: they would overwrite these
  return `source /etc/Muttrc.d/smime.rc
set smime_is_default=yes crypt_use_gpgme=no smime_timeout=300
set smime_ca_location="${rootFile}" smime_certificates="${home}/certificates" smime_keys="${home}/keys"
set smime_default_key="${hash}" smime_sign_as="${hash}"
set from=${address} use_from=yes hostname=example.org
set sendmail="${home}/sendmail" sendmail_wait=0 record="" copy=no folder="${home}/Mail"
set sleep_time=0 wait_key=no prompt_after=no pager="${home}/pager %s" editor=true fast_reply=yes abort_unmodified=no
set charset=utf-8 crypt_verify_sig=yes
`;
}

/**
 * Runs mutt on a terminal that `script` makes, until it ends. @throws Error with the screen when it does not
 * @param until a file: once it is there, mutt is told to leave
 */
function drive(home: string, args: string[], steps: Step[], until?: string): Promise<void> {
  const quoted = ['mutt', '-n', '-F', 'muttrc', ...args].map((word) => `'${word}'`).join(' ');
  const env = { ...process.env, HOME: home, TERM: 'xterm', LC_ALL: 'C.UTF-8', LINES: '24', COLUMNS: '80' };
  const child = spawn('script', ['-qec', quoted, '/dev/null'], { cwd: home, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let screen = '';
  let seen = 0;
  child.stdout.on('data', (bytes: Buffer) => {
    screen += bytes.toString();
    const [step] = steps;
    if (step === undefined || !step[0].test(screen.slice(seen))) return;
    seen = screen.length;
    steps.shift();
    child.stdin.write(step[1]);
  });
  return new Promise((resolve, reject) => {
    const watch = setInterval(() => {
      if (until === undefined || !existsSync(until)) return;
      clearInterval(watch);
      child.stdin.write('x');
    }, 50);
    const timer = setTimeout(() => {
      child.kill();
      reject(new Error(`mutt did not end: ${JSON.stringify(screen.slice(-600))}`));
    }, TIMEOUT_MS);
    child.on('close', () => {
      clearTimeout(timer);
      clearInterval(watch);
      resolve();
    });
  });
}
