import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app.ts';
import { makeSpoolFolder } from '../../src/bytes/spool.ts';
import { type Config, readConfig } from '../../src/config.ts';
import type { Context } from '../../src/context.ts';
import type { Account } from '../../src/generated/prisma/client.ts';
import { MailboxConnections } from '../../src/mail/mailbox-connections.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry, createProgramme } from '../../src/services/accounts/programmes.ts';
import { openAuditTrail } from '../../src/services/audit.ts';
import type { Database } from '../../src/services/database/connect.ts';
import { startReportWatch } from '../../src/services/evidence/report-watch.ts';
import { openOutbox } from '../../src/services/letters/outbox.ts';
import { EvidenceFetcher } from '../../src/services/revocation/fetch-evidence.ts';
import { RevocationStore } from '../../src/services/revocation/revocation-store.ts';
import { createSession } from '../../src/services/sessions/session.ts';
import { createWorkerPool } from '../../src/smime/worker-pool.ts';
import { freshDatabase } from './database.ts';

export type TestApp = {
  app: FastifyInstance;
  context: Context;
  config: Config;
  database: Database;
  /** Two clerks of one country; nobody answers at their mail server */
  alain: Account;
  elise: Account;
  /** Sets the clock that the application sees */
  setNow(at: Date): void;
  /** A cookie of a fresh session, as sign-in would give it */
  cookieFor(account: Account): Promise<string>;
  stop(): Promise<void>;
};

/** The application with the real Postgres and no mail servers: what they would answer is tested in test/mail. */
export async function startTestApp(): Promise<TestApp> {
  const database = await freshDatabase();
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-app-'));
  const config = readConfig({ DATA_FOLDER: data, LOG_LEVEL: 'silent', NODE_NAME: 'test' });
  makeSpoolFolder(config.spoolFolder);
  let now: Date | null = null;
  const clock = () => now ?? new Date();
  const audit = openAuditTrail(database, config.nodeName, clock);
  const mail = new MailboxConnections({ idleMs: 1000 });
  const workers = createWorkerPool({ spoolFolder: config.spoolFolder });
  const revocation = new RevocationStore(database);
  const context: Context = {
    config,
    database,
    audit,
    now: clock,
    mail,
    reports: startReportWatch({ config, database, audit, mail, workers, revocation, now: clock }),
    workers,
    outbox: await openOutbox({ config, database, audit, now: clock }),
    revocation,
    fetcher: new EvidenceFetcher(null),
    scanner: null,
  };
  const app = await buildApp(context);
  const { alain, elise } = await settleClerks(database);
  return {
    app,
    context,
    config,
    database,
    alain,
    elise,
    setNow: (at) => {
      now = at;
    },
    cookieFor: async (account) => {
      const of = {
        accountId: account.id,
        mailboxPassword: 'mailbox-password-canary',
        network: '127.0.0.1',
        userAgent: 'test',
      };
      return `sid=${await createSession(database, config, of, clock())}`;
    },
    stop: async () => {
      await app.close();
      await context.outbox.stop();
      await context.reports.stop();
      await context.fetcher.close();
      await context.mail.closeAll();
      await context.workers.close();
      await database.drop();
      fs.rmSync(data, { recursive: true, force: true });
    },
  };
}

async function settleClerks(database: Database): Promise<{ alain: Account; elise: Account }> {
  const programme = await createProgramme(database, {
    code: 'tcn',
    name: 'TACHOnet, test phase',
    domainPattern: 'tcn.{cc}.eu-admin.net',
  });
  const belgium = await addCountry(database, programme, 'B', {
    name: 'nobody answers',
    hosted: true,
    imapHost: '127.0.0.1',
    imapPort: 1,
    imapTls: 'implicit',
    submissionHost: '127.0.0.1',
    submissionPort: 1,
    submissionTls: 'starttls',
    serverName: null,
    caPem: null,
  });
  const settle = async (firstName: string, surname: string) => {
    const made = await createHostedAccount(database, belgium, {
      firstName,
      surname,
      password: 'mailbox-password-canary',
    });
    if (!made.ok) throw new Error(made.problem);
    return made.account;
  };
  return { alain: await settle('Alain', 'Dupont'), elise: await settle('Elise', 'Maes') };
}

/** The token that the forms of a page carry. */
export function tokenOf(html: string): string {
  return /name="_csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
}
