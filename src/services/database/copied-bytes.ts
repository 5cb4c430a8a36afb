import type pg from 'pg';
import { withConnection } from './borrowed-connection.ts';

/** Signature, flags and length of the extension that begin COPY's binary form. */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const HEAD_BYTES = SIGNATURE.length + 8;
const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;

type Connection = { query(text: string): void };
type CopyData = { chunk: Buffer };

/**
 * The rows of one `bytea` column by COPY: an ordinary result comes as hexadecimal text, which takes the event loop five
 * times as long to read.
 * @param query a SELECT of one column without parameters: COPY takes none, so nothing foreign may stand in it
 */
export function copiedBytes(pool: Pick<pg.Pool, 'connect'>, query: string): Promise<Buffer[]> {
  return withConnection(pool, (client) => client.query(new BinaryCopy(query)).rows);
}

/** What `pg` expects of a query that handles the protocol's messages itself. */
class BinaryCopy {
  readonly rows: Promise<Buffer[]>;
  readonly #query: string;
  readonly #read: Buffer[] = [];
  #begun = false;
  #failure: Error | null = null;
  #settle!: (error: Error | null) => void;

  constructor(query: string) {
    this.#query = query;
    this.rows = new Promise((resolve, reject) => {
      this.#settle = (error) => (error === null ? resolve(this.#read) : reject(error));
    });
  }

  submit(connection: Connection): void {
    connection.query(`copy (${this.#query}) to stdout (format binary)`);
  }

  /** One message for each row, the first with the head before it, the last one without a row (PostgreSQL, COPY). */
  handleCopyData({ chunk }: CopyData): void {
    let at = 0;
    if (!this.#begun) {
      this.#begun = true;
      if (!chunk.subarray(0, SIGNATURE.length).equals(SIGNATURE)) this.#failure = new Error('not COPY in binary form');
      at = HEAD_BYTES;
    }
    if (this.#failure !== null || at === chunk.length || chunk.readInt16BE(at) < 0) return;
    const length = chunk.readInt32BE(at + COUNT_BYTES);
    const start = at + COUNT_BYTES + LENGTH_BYTES;
    if (chunk.readInt16BE(at) !== 1 || length < 0 || start + length !== chunk.length) {
      this.#failure = new Error('a row of COPY is not one column of bytes');
      return;
    }
    // A copy in a buffer of its own: `chunk` is a window into what the connection reads into next.
    const row = Buffer.allocUnsafeSlow(length);
    chunk.copy(row, 0, start);
    this.#read.push(row);
  }

  handleError(error: Error): void {
    this.#settle(error);
  }

  handleReadyForQuery(): void {
    this.#settle(this.#failure);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleCommandComplete(): void {}
  handleCopyInResponse(): void {}
  handleCopyOutResponse(): void {}
}
