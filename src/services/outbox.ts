import type { Config } from '../config.ts';
import type { AuditTrail } from './audit.ts';
import type { Database } from './database/connect.ts';
import type { SignedIn } from './session.ts';

/** What waits to be submitted and filed; any node works on it. */
export type Outbox = {
  /** Work on what is due: after a letter was committed, and at intervals. */
  wake(): void;
  /** A country's own server: letters that wait for their sender's sign-in can go now, with this session's credential. */
  attend(session: SignedIn): void;
  stop(): Promise<void>;
};

export type OutboxOptions = { config: Config; database: Database; audit: AuditTrail; now: () => Date };

/** Starts to work on what is due, on this node. */
export async function openOutbox(_options: OutboxOptions): Promise<Outbox> {
  return { wake: () => {}, attend: () => {}, stop: async () => {} };
}
