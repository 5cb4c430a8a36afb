import type { SignedIn } from './session.ts';

/** What waits to be submitted and filed; any node works on it. */
export type Outbox = {
  /** Work on what is due: after a letter was committed, and at intervals. */
  wake(): void;
  /** A country's own server: letters that wait for their sender's sign-in can go now, with this session's credential. */
  attend(session: SignedIn): void;
  stop(): Promise<void>;
};
