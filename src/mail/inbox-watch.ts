import type { ImapFlow } from 'imapflow';
import type { MailboxResult } from './imap-connection.ts';

/** Milliseconds after the last task before IDLE begins: the clicks of one page should not each have to end it again. */
const REST_MS = 300;

type Run = (task: (client: ImapFlow) => Promise<MailboxResult<null>>) => Promise<MailboxResult<null>>;

/** Notices new mail in INBOX on a connection that also serves tasks: IDLE (RFC 2177) whenever it is free. */
export class InboxWatch {
  readonly #client: ImapFlow;
  readonly #run: Run;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | null = null;
  #uidNext = 0;
  #ended = false;

  constructor(client: ImapFlow, run: Run) {
    this.#client = client;
    this.#run = run;
    client.on('exists', ({ path, count, prevCount }) => {
      if (path === 'INBOX' && count > prevCount) this.#tell();
    });
  }

  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.rest();
    return () => this.#listeners.delete(listener);
  }

  end(): void {
    this.#ended = true;
    this.#listeners.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** The connection has nothing to do: IDLE soon, if someone waits for mail. */
  rest(): void {
    if (this.#ended || this.#listeners.size === 0 || this.#client.idling) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#enter(), REST_MS);
    this.#timer.unref();
  }

  async #enter(): Promise<void> {
    this.#timer = null;
    await this.#run(async (client) => {
      if (client.idling || this.#ended) return { ok: true, value: null };
      const inbox =
        client.mailbox !== false && client.mailbox.path === 'INBOX'
          ? client.mailbox
          : await client.mailboxOpen('INBOX');
      // mail that came while another folder was open
      if (this.#uidNext !== 0 && inbox.uidNext > this.#uidNext) this.#tell();
      this.#uidNext = inbox.uidNext;
      // ends when the next command breaks it, or with the connection: nobody waits for that
      client.idle().catch(() => {});
      return { ok: true, value: null };
    });
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
