import { Worker } from 'node:worker_threads';
import type { MailboxResult } from './imap-connection.ts';
import type { Appended, MessageFlag } from './imap-mailbox.ts';
import type { Credential, MailServer } from './mail-server.ts';

/** What the thread is told. Plain data. */
export interface AppendJob {
  server: MailServer;
  credential: Credential;
  folder: string;
  /** The message, in pieces that own their memory: they are given away */
  pieces: readonly Uint8Array[];
  options: { flags?: readonly MessageFlag[]; date?: Date };
}

/**
 * Stores a large message over a connection of its own in a thread of its own: imapflow takes a message as one buffer,
 * copies it and has all of it encrypted for TLS in one turn of the event loop, 0.2 s for 47 MB.
 * Never rejects; ending the signal ends the thread.
 */
export async function appendInThread(job: AppendJob, signal: AbortSignal): Promise<MailboxResult<Appended>> {
  if (signal.aborted) return { ok: false, reason: 'connection-lost' };
  const worker = new Worker(new URL('./append-worker.ts', import.meta.url));
  const answered = new Promise<MailboxResult<Appended>>((resolve) => {
    worker.once('message', resolve);
    worker.once('error', () => resolve({ ok: false, reason: 'connection-lost' }));
    worker.once('exit', () => resolve({ ok: false, reason: 'connection-lost' }));
  });
  const end = () => void worker.terminate();
  signal.addEventListener('abort', end, { once: true });
  try {
    const buffers = new Set(job.pieces.map((piece) => piece.buffer as ArrayBuffer));
    worker.postMessage(job, [...buffers]);
    return await answered;
  } finally {
    signal.removeEventListener('abort', end);
    await worker.terminate();
  }
}
