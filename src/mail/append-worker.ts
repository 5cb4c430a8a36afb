/** The thread in which a large message is stored; see append-thread.ts. */
import { parentPort } from 'node:worker_threads';
import type { AppendJob } from './append-thread.ts';
import { connectMailbox, type MailboxResult } from './imap-connection.ts';
import { type Appended, appendMessage } from './imap-mailbox.ts';

const port = parentPort;
if (port === null) throw new Error('append-worker.ts runs as a worker thread');

port.once('message', async (job: AppendJob) => port.postMessage(await append(job)));

async function append({ server, credential, folder, pieces, options }: AppendJob): Promise<MailboxResult<Appended>> {
  const connected = await connectMailbox(server, credential);
  if (!connected.ok) return { ok: false, reason: 'connection-lost' };
  try {
    return await appendMessage(connected.connection, folder, Buffer.concat(pieces), options);
  } finally {
    await connected.connection.close();
  }
}
