import type { Config } from './config.ts';
import type { Clamd } from './mail/clamd.ts';
import type { MailboxConnections } from './mail/mailbox-connections.ts';
import type { AuditTrail } from './services/audit.ts';
import type { Database } from './services/database/connect.ts';
import type { ReportWatch } from './services/evidence/report-watch.ts';
import type { Outbox } from './services/letters/outbox.ts';
import type { EvidenceFetcher } from './services/revocation/fetch-evidence.ts';
import type { RevocationStore } from './services/revocation/revocation-store.ts';
import type { WorkerPool } from './smime/worker-pool.ts';

/** What a request may need beside itself; made once in server.ts and passed on as an argument. */
export type Context = {
  config: Config;
  database: Database;
  mail: MailboxConnections;
  workers: WorkerPool;
  outbox: Outbox;
  reports: ReportWatch;
  audit: AuditTrail;
  revocation: RevocationStore;
  fetcher: EvidenceFetcher;
  /** Null where none is set up: attachments are not scanned */
  scanner: Clamd | null;
  /** The only clock */
  now: () => Date;
};
