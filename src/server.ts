import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.ts';
import { makeSpoolFolder } from './bytes/spool.ts';
import type { Config } from './config.ts';
import type { Context } from './context.ts';
import { Clamd } from './mail/clamd.ts';
import { MailboxConnections } from './mail/mailbox-connections.ts';
import { startRemovingMail } from './services/accounts/remove-mail.ts';
import { openAuditTrail } from './services/audit.ts';
import { startCollecting } from './services/collection/collecting.ts';
import { connectDatabase } from './services/database/connect.ts';
import { startEmbeddedPostgres } from './services/database/embedded-postgres.ts';
import { migrate } from './services/database/migrate.ts';
import { startReportWatch } from './services/evidence/report-watch.ts';
import { startHousekeeping } from './services/housekeeping.ts';
import { openOutbox } from './services/letters/outbox.ts';
import { startMonitor } from './services/monitor/monitor.ts';
import { startSigningLists } from './services/publishing/refresh-published.ts';
import { EvidenceFetcher } from './services/revocation/fetch-evidence.ts';
import { startRefreshingLists } from './services/revocation/refresh-lists.ts';
import { listPoints } from './services/revocation/revocation-points.ts';
import { RevocationStore } from './services/revocation/revocation-store.ts';
import { startRecheckingCertificates } from './services/sessions/recheck-certificates.ts';
import { startCollectingLogs } from './services/tracing/collect-logs.ts';
import { createWorkerPool } from './smime/worker-pool.ts';

/** Everything a node runs, ready to listen or already listening. */
export type Node = {
  app: FastifyInstance;
  context: Context;
  /** Where the pages are, with the real port */
  url: string;
  /** Lets requests and jobs finish, then closes all connections; an embedded Postgres stops only if asked to. */
  stop(options?: { database?: boolean }): Promise<void>;
};

/** The process: database, migrations, wiring, listening. Throws before listening when something essential is missing. */
export async function startNode(config: Config): Promise<Node> {
  const embedded = config.databaseUrl ? null : await startEmbeddedPostgres(path.join(config.dataFolder, 'postgres'));
  const connectionString = config.databaseUrl ?? embedded!.connectionString;
  await migrate(connectionString);
  const database = connectDatabase(connectionString);
  const now = () => new Date();
  const mail = new MailboxConnections({ idleMs: config.mailIdleMs });
  makeSpoolFolder(config.spoolFolder);
  const workers = createWorkerPool({ spoolFolder: config.spoolFolder });
  const audit = openAuditTrail(database, config.nodeName, now);
  const outbox = await openOutbox({ config, database, audit, now });
  const collecting = startCollectingLogs({ config, database, now });
  const housekeeping = startHousekeeping(database, now);
  const removingMail = startRemovingMail({ database, config, audit, now });
  await listPoints(database, config, now());
  const revocation = new RevocationStore(database);
  const reports = startReportWatch({ config, database, audit, mail, workers, revocation, now });
  const collectingMail = startCollecting({ config, database, audit, now });
  const fetcher = new EvidenceFetcher(config.fetchProxy);
  const refreshing = startRefreshingLists({ database, fetcher, now });
  const scanner = config.scanner === null ? null : new Clamd(config.scanner.place, config.scanner);
  const shared = { config, database, mail, workers, outbox, reports, audit, revocation, fetcher, scanner };
  const context: Context = { ...shared, now };
  const rechecking = startRecheckingCertificates(context);
  const app = await buildApp(context);
  await app.listen({ host: config.host, port: config.port });
  const address = app.server.address();
  if (config.port === 0 && typeof address === 'object' && address) config.publicUrl.port = String(address.port);
  // Lists name addresses, so that the port must be known.
  const signing = startSigningLists({ database, config, now });
  const monitor = startMonitor({ database, config, now });
  return {
    app,
    context,
    url: config.publicUrl.origin,
    stop: async (options = {}) => {
      await drain(app, config.drainMs);
      await app.close();
      await monitor.stop();
      housekeeping.stop();
      await removingMail.stop();
      await refreshing.stop();
      await rechecking.stop();
      await collecting.stop();
      await collectingMail.stop();
      await signing.stop();
      await fetcher.close();
      await outbox.stop();
      await reports.stop();
      await mail.closeAll();
      await workers.close();
      await database.close();
      if (options.database) await embedded?.stop();
    },
  };
}

/** Goes on answering for a while, so that load balancers turn elsewhere before anything is refused. */
async function drain(app: FastifyInstance, drainMs: number): Promise<void> {
  app.readiness.ending = true;
  if (drainMs > 0) await new Promise((resolve) => setTimeout(resolve, drainMs));
}
