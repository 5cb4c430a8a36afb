// A country's server that offers its mailboxes by POP3 only, beside the network: what hosted mailboxes are collected from.
import { execFile } from 'node:child_process';
import { appendFile, chmod, chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import argon2 from 'argon2';
import { renderFolder } from '../deploy/render.ts';
import type { WirePlace } from '../src/mail/wire.ts';
import { makeCertificates } from './certificates.ts';
import { MAIL_UID } from './configurations.ts';
import { POP3S_PORT } from './layout.ts';
import { type Daemon, runningPid, startDaemon, stopDaemon } from './processes.ts';

const run = promisify(execFile);
const DEPLOY = fileURLToPath(new URL('../deploy/dovecot', import.meta.url));
const OWN_SERVER = fileURLToPath(new URL('./own-server', import.meta.url));

/** After the file for hosted mailboxes: a server without IMAP. */
const POP3_ONLY = '\nprotocols = pop3\n';

export interface Pop3Only {
  place: WirePlace;
  addMailbox(login: string, password: string): Promise<void>;
  /** Puts messages there, in this order, as they arrive */
  deliver(login: string, messages: readonly Uint8Array[]): Promise<void>;
  /** How many messages lie in a mailbox */
  count(login: string): Promise<number>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** With SIGKILL, and what it serves at the time with it */
  kill(): Promise<void>;
}

export interface Pop3OnlyOptions {
  /** Private to it; users such as `dovenull` must get there */
  folder: string;
  address: string;
}

/** Configured and started. */
export async function startPop3Only({ folder, address }: Pop3OnlyOptions): Promise<Pop3Only> {
  const hostName = 'pop.tcn.b.eu-admin.net';
  const { caPem, servers } = await makeCertificates(path.join(folder, 'certificates'), [{ hostName, address }]);
  const files = servers.get(hostName);
  if (files === undefined) throw new Error('no certificate');
  const etc = path.join(folder, 'etc');
  const mail = path.join(folder, 'mail');
  const users = path.join(etc, 'users');
  for (const each of ['mail', 'state', 'queue/private']) await mkdir(path.join(folder, each), { recursive: true });
  await chown(mail, MAIL_UID, MAIL_UID);
  const settings = {
    RUN_FOLDER: path.join(folder, 'run'),
    STATE_FOLDER: path.join(folder, 'state'),
    LOG_FOLDER: folder,
    CONFIG_FOLDER: etc,
    MAIL_FOLDER: mail,
    INSTANCE_NAME: 'pop3-only',
    ADDRESS: address,
    DOMAIN: 'tcn.b.eu-admin.net',
    HOST_NAME: hostName,
    MAIL_UID: String(MAIL_UID),
    POSTFIX_QUEUE_FOLDER: path.join(folder, 'queue'),
    CERTIFICATE_FILE: files.certificateFile,
    PRIVATE_KEY_FILE: files.privateKeyFile,
    SERVICE_USER: 'nobody',
    SERVICE_PASSWORD_HASH: '!',
    SERVICE_NETWORKS: '127.0.0.0/8',
    DATABASE_SOCKET_FOLDER: '',
    DATABASE_PORT: '',
    DATABASE_NAME: '',
    DATABASE_USER: '',
    DATABASE_PASSWORD: '',
  };
  await renderFolder(DEPLOY, etc, settings);
  await renderFolder(OWN_SERVER, etc, settings);
  await appendFile(path.join(etc, 'dovecot.conf'), POP3_ONLY);
  await writeFile(users, '', { mode: 0o644 });
  for (const each of [folder, etc]) await chmod(each, 0o711);
  const daemon: Daemon = {
    name: 'pop3-only',
    runs: 'background',
    start: ['dovecot', '-c', path.join(etc, 'dovecot.conf')],
    pidFile: path.join(folder, 'run', 'master.pid'),
    outputFile: path.join(folder, 'start.log'),
    executable: 'dovecot',
    listeners: [{ address, port: POP3S_PORT }],
  };
  await startDaemon(daemon);
  const maildir = (login: string) => {
    const [local = '', domain = ''] = login.split('@');
    return path.join(mail, domain, local, 'Maildir');
  };
  let delivered = 0;
  return {
    place: { host: address, port: POP3S_PORT, tls: 'implicit', serverName: hostName, caPem },
    addMailbox: async (login, password) => {
      const cost = { type: argon2.argon2id, memoryCost: 1024, timeCost: 2, parallelism: 1 } as const;
      const lines = (await readFile(users, 'utf8')).split('\n').filter((line) => !line.startsWith(`${login}:`));
      await writeFile(users, [`${login}:{ARGON2ID}${await argon2.hash(password, cost)}::::::`, ...lines].join('\n'));
      for (const each of ['', 'cur', 'new', 'tmp']) await mkdir(path.join(maildir(login), each), { recursive: true });
      await run('chown', ['-R', `${MAIL_UID}:${MAIL_UID}`, mail]);
    },
    deliver: async (login, messages) => {
      for (const message of messages) {
        delivered += 1;
        const name = `${1_700_000_000 + delivered}.M${delivered}P1.pop3`;
        const file = path.join(maildir(login), 'tmp', name);
        await writeFile(file, message);
        await chown(file, MAIL_UID, MAIL_UID);
        await rename(file, path.join(maildir(login), 'new', name));
      }
    },
    count: async (login) => {
      const found = await Promise.all(['new', 'cur'].map((each) => readdir(path.join(maildir(login), each))));
      return found.flat().length;
    },
    start: () => startDaemon(daemon),
    stop: () => stopDaemon(daemon),
    kill: async () => {
      const pid = runningPid(daemon);
      if (pid === null) return;
      for (const each of [pid, ...(await childrenOf(pid))]) {
        try {
          process.kill(each, 'SIGKILL');
        } catch {
          // it ended by itself
        }
      }
      while (runningPid(daemon) !== null) await new Promise((resolve) => setTimeout(resolve, 10));
      // Nobody may have waited for the process yet: Dovecot would believe that it runs.
      await rm(daemon.pidFile, { force: true });
    },
  };
}

async function childrenOf(parent: number): Promise<number[]> {
  const found = await Promise.all(
    (await readdir('/proc')).map(async (name) => {
      if (!/^\d+$/.test(name)) return [];
      const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(fields[1]) === parent ? [Number(name)] : [];
    }),
  );
  return found.flat();
}
