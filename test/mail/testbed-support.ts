// A test bed with a database of its own that holds just what the mail servers ask for.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import argon2 from 'argon2';
import pg from 'pg';
import { connectMailbox, type MailboxConnection } from '../../src/mail/imap-connection.ts';
import type { Credential } from '../../src/mail/mail-server.ts';
import { startEmbeddedPostgres } from '../../src/services/database/embedded-postgres.ts';
import { startTestbed, type Testbed, type TestbedCountry, type TestbedOptions } from '../../testbed/testbed.ts';

export interface MailFixture {
  testbed: Testbed;
  folder: string;
  addHostedAccount(address: string, password: string, options?: { quotaMb?: number; active?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

const MAIL_ROLE_PASSWORD = 'mail-role-secret';

export async function startMailFixture(network: number, options: Partial<TestbedOptions> = {}): Promise<MailFixture> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sealpost-mail-'));
  // mkdtemp makes it private; Postgres and the mail servers run as other users
  await chmod(folder, 0o711);
  const postgres = await startEmbeddedPostgres(path.join(folder, 'database'));
  const client = new pg.Client({ connectionString: postgres.connectionString });
  await client.connect();
  await client.query(`
    create table hosted_mailbox (address text primary key, password_hash text, quota_mb int, active bool,
      receives bool not null default true);
    create role sealpost_mail login password '${MAIL_ROLE_PASSWORD}';
    grant select on hosted_mailbox to sealpost_mail`);
  const database = {
    socketFolder: postgres.socketFolder,
    port: postgres.port,
    name: 'sealpost',
    user: 'sealpost_mail',
    password: MAIL_ROLE_PASSWORD,
  };
  const closeDatabase = async () => {
    await client.end();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
  let testbed: Testbed;
  try {
    testbed = await startTestbed({ folder, profile: 'short', network, database, ...options });
  } catch (error) {
    await closeDatabase();
    throw error;
  }
  return {
    testbed,
    folder,
    addHostedAccount: async (address, password, { quotaMb = 0, active = true } = {}) => {
      const cost = { memoryCost: 1024, timeCost: 2, parallelism: 1 };
      const hash = await argon2.hash(password, { type: argon2.argon2id, ...cost });
      await client.query(
        'insert into hosted_mailbox (address, password_hash, quota_mb, active) values (lower($1), $2, $3, $4)',
        [address, hash, quotaMb, active],
      );
    },
    stop: async () => {
      await testbed.stop();
      await rm(testbed.place, { recursive: true, force: true });
      await closeDatabase();
    },
  };
}

/** Signs in, or fails the test. */
export async function signIn(country: TestbedCountry, credential: Credential): Promise<MailboxConnection> {
  const result = await connectMailbox(country.mailServer, credential);
  if (!result.ok) throw new Error(`Sign-in of ${credential.user}: ${result.reason}`);
  return result.connection;
}

/** A plain letter with CRLF line ends. */
export function letter(fields: {
  from: string;
  to: string;
  subject: string;
  messageId?: string;
  text?: string;
}): Buffer {
  const lines = [
    `From: <${fields.from}>`,
    `To: <${fields.to}>`,
    `Subject: ${fields.subject}`,
    `Message-ID: <${fields.messageId ?? crypto.randomUUID()}@test.invalid>`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    fields.text ?? 'Good morning.',
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}

/** Asks again until `probe` gives something; 20 s at most, or as long as is said. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false>,
  milliseconds = 20_000,
): Promise<T> {
  const deadline = performance.now() + milliseconds;
  while (performance.now() < deadline) {
    const value = await probe();
    if (value !== null && value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`In vain waited for: ${what}`);
}

/** Says lines to an SMTP server from a local address, each after the answer to the last, and gives all answers. */
export async function smtpDialogue(host: string, localAddress: string, ...lines: string[]): Promise<string> {
  const socket = net.connect({ host, port: 25, localAddress });
  socket.setTimeout(5_000, () => socket.destroy(new Error('No answer')));
  let answers = '';
  let pending = '';
  for await (const chunk of socket) {
    pending += String(chunk);
    if (!/^\d{3} .*\r\n$/m.test(pending.slice(pending.lastIndexOf('\r\n', pending.length - 3) + 1))) continue;
    answers += pending;
    pending = '';
    const line = lines.shift();
    if (line === undefined) break;
    socket.write(`${line}\r\n`);
  }
  socket.destroy();
  return answers + pending;
}
