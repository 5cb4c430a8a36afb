import type { Config } from '../../config.ts';
import type { Collection, Country, MailServer, Pop3Server } from '../../generated/prisma/client.ts';
import { connectMailbox } from '../../mail/imap-connection.ts';
import { ImapStore, StoreRefusedError } from '../../mail/imap-store.ts';
import type { Credential } from '../../mail/mail-server.ts';
import { type Listed, Pop3Connection, Pop3Error, type Pop3Failure } from '../../mail/pop3-connection.ts';
import { WireError, type WireTimes } from '../../mail/wire.ts';
import { SealBrokenError } from '../../vault/seal.ts';
import { mailServerOf } from '../accounts/mail-server.ts';
import type { Database } from '../database/connect.ts';
import { CollectedMessages } from './collected-messages.ts';
import type { CollectionClaim } from './collection-claims.ts';
import { openPassword, pop3ServerOf } from './collection-password.ts';
import { findStored } from './find-stored.ts';
import { readMessage, type UnfitReason } from './read-message.ts';

/**
 * How a round ended: `ok`, what the POP3 server did, or
 * - `uidl-unstable`: its identifiers change
 * - `over-quota`: no room in the hosted mailbox
 * - `mailbox-unreachable`, `mailbox-refused`: the hosted mailbox cannot be written to
 * - `no-password`: the password cannot be read any more
 * - `failed`: what nobody thought of
 */
export type Outcome =
  | 'ok'
  | Pop3Failure
  | 'uidl-unstable'
  | 'over-quota'
  | 'mailbox-unreachable'
  | 'mailbox-refused'
  | 'no-password'
  | 'failed';

/** Why a message stays at the other server. */
export type RefusalReason = UnfitReason;

export type CollectNeeds = {
  database: Database;
  config: Pick<Config, 'serverKeys' | 'serviceMail' | 'spoolFolder' | 'messageLimitBytes'>;
  now: () => Date;
  times?: WireTimes;
};

export type CollectedAccount = Collection & {
  server: Pop3Server;
  account: { id: string; address: string; country: Country & { mailServer: MailServer } };
};

export type Round = { outcome: Outcome; collected: number; deleted: number; signedIn: boolean };

class RoundError extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super(outcome);
    this.outcome = outcome;
  }
}

type KnownMessage = { id: bigint; sha256: string; storedAt: Date | null };

/** In one session: what a server that ends in between must be asked again stays small. */
const SESSION_MESSAGES = 100;
const SESSION_BYTES = 32 * 1024 * 1024;
/** So many messages whose names changed are no accident. */
const RENAMED_MAX = 3;
const DAY_MS = 24 * 3_600_000;

/**
 * One round for one mailbox: as many sessions as it takes.
 * @param signal ends it: somebody else may collect now
 * @throws ClaimLostError, the signal's reason, and what the database throws
 */
export async function collectMailbox(
  needs: CollectNeeds,
  row: CollectedAccount,
  claim: CollectionClaim,
  signal: AbortSignal,
): Promise<Round> {
  const round = new CollectionRound(needs, row, claim, signal);
  try {
    await round.run();
    return round.ended('ok');
  } catch (error) {
    if (error instanceof RoundError) return round.ended(error.outcome);
    if (error instanceof Pop3Error || error instanceof WireError) return round.ended(error.reason);
    throw error;
  } finally {
    await round.close();
  }
}

class CollectionRound {
  readonly #needs: CollectNeeds;
  readonly #row: CollectedAccount;
  readonly #messages: CollectedMessages;
  readonly #signal: AbortSignal;
  readonly #credential: Credential;
  /** Handled in this round, whatever came of it: nothing is tried twice */
  readonly #handled = new Set<string>();
  #store: ImapStore | null = null;
  #place: Awaited<ReturnType<ImapStore['place']>> | null = null;
  #collected = 0;
  #deleted = 0;
  #signedIn = false;
  #renamed = 0;
  #wasRefused = false;
  #isFull = false;

  constructor(needs: CollectNeeds, row: CollectedAccount, claim: CollectionClaim, signal: AbortSignal) {
    this.#needs = needs;
    this.#row = row;
    this.#messages = new CollectedMessages(needs.database, claim);
    this.#signal = signal;
    if (needs.config.serviceMail === null) throw new TypeError('collecting without a service credential');
    this.#credential = { ...needs.config.serviceMail, authorizationUser: row.account.address };
  }

  async run(): Promise<void> {
    await this.#settle();
    while (await this.#session());
    if (this.#wasRefused) throw new RoundError('mailbox-refused');
  }

  ended(outcome: Outcome): Round {
    return { outcome, collected: this.#collected, deleted: this.#deleted, signedIn: this.#signedIn };
  }

  async close(): Promise<void> {
    if (this.#signal.aborted) this.#store?.abandon();
    else await this.#store?.close();
  }

  /** A message that an earlier round may have stored, or not: looked for before anything else. */
  async #settle(): Promise<void> {
    const message = await this.#messages.unsettled();
    if (message === null) return;
    const server = mailServerOf(this.#row.account.country.mailServer);
    const connected = await connectMailbox(server, this.#credential);
    if (!connected.ok) {
      throw new RoundError(connected.reason === 'refused' ? 'mailbox-refused' : 'mailbox-unreachable');
    }
    try {
      const found = await findStored(connected.connection, message, this.#needs.config.spoolFolder);
      if (!found.ok) throw new RoundError('mailbox-unreachable');
      if (found.value) await this.#countStored(message.id);
      else await this.#messages.forget(message.id);
    } finally {
      await connected.connection.close();
    }
  }

  /** @returns whether there is more to do */
  async #session(): Promise<boolean> {
    this.#signal.throwIfAborted();
    const pop3 = await Pop3Connection.open(pop3ServerOf(this.#row.server), this.#login(), this.#needs.times);
    this.#signedIn = true;
    const end = () => {
      pop3.close();
      this.#store?.abandon();
    };
    this.#signal.addEventListener('abort', end, { once: true });
    try {
      const listed = await pop3.list();
      await this.#messages.listed([...new Set(listed.map(({ uidl }) => uidl))], this.#needs.now());
      const wanted = await this.#plan(listed);
      const uidls = new Set(listed.map(({ uidl }) => uidl));
      const deletions: bigint[] = [];
      let bytes = 0;
      let done = 0;
      for (const { entry, key, stored } of wanted) {
        if (done === SESSION_MESSAGES || bytes > SESSION_BYTES || this.#isFull) break;
        this.#signal.throwIfAborted();
        this.#handled.add(key);
        const id = await this.#take(pop3, entry, stored, uidls);
        if (id !== null) deletions.push(id);
        bytes += entry.octets;
        done += 1;
      }
      await this.#messages.deleting(deletions, this.#needs.now());
      await pop3.quit();
      this.#deleted += deletions.length;
      if (this.#isFull) throw new RoundError('over-quota');
      if (this.#renamed >= RENAMED_MAX) throw new RoundError('uidl-unstable');
      return done < wanted.length;
    } finally {
      this.#signal.removeEventListener('abort', end);
      pop3.close();
    }
  }

  #login(): { user: string; password: string } {
    const { accountId, login, server, sealedPassword, serverKeyVersion } = this.#row;
    if (sealedPassword === null) throw new RoundError('no-password');
    try {
      const purpose = { accountId, login, server };
      return { user: login, password: openPassword(this.#needs.config, sealedPassword, serverKeyVersion, purpose) };
    } catch (error) {
      if (error instanceof SealBrokenError) throw new RoundError('no-password');
      throw error;
    }
  }

  /** Those to be read: new ones, and those whose time at the other server is over. */
  async #plan(listed: readonly Listed[]) {
    const known = await this.#messages.known();
    const turns = new Map<string, number>();
    for (const { uidl } of listed) turns.set(uidl, (turns.get(uidl) ?? 0) + 1);
    const seen = new Map<string, number>();
    const stored = new Map<string, KnownMessage[]>();
    const storedOf = (uidl: string) => {
      const found = stored.get(uidl) ?? (known.get(uidl) ?? []).filter(({ state }) => state === 'stored');
      stored.set(uidl, found);
      return found;
    };
    return listed.flatMap((entry) => {
      const turn = (seen.get(entry.uidl) ?? 0) + 1;
      seen.set(entry.uidl, turn);
      const key = `${entry.uidl} ${turn}`;
      if (this.#handled.has(key)) return [];
      const rows = known.get(entry.uidl) ?? [];
      const match = rows.find(({ listedOctets }) => Number(listedOctets) === entry.octets);
      // Where a name stands for several messages, as RFC 1939 section 7 allows for equal ones, only their bytes tell.
      const isDone = turns.get(entry.uidl) === 1 && match !== undefined && !this.#isOver(match.storedAt);
      return isDone ? [] : [{ entry, key, stored: storedOf(entry.uidl) }];
    });
  }

  /** Whether a message has no more business at the other server. */
  #isOver(storedAt: Date | null): boolean {
    const { leave, leaveDays } = this.#row;
    if (storedAt === null || leave === 'keep') return false;
    return leave === 'delete' || this.#needs.now().getTime() - storedAt.getTime() >= leaveDays * DAY_MS;
  }

  /**
   * Reads one message, stores it where it is new, and marks it for deletion where it has no more business there: only ever
   * a message whose bytes were just seen to be those that lie in the mailbox.
   * @returns what was marked
   */
  async #take(
    pop3: Pop3Connection,
    entry: Listed,
    stored: KnownMessage[],
    uidls: ReadonlySet<string>,
  ): Promise<bigint | null> {
    const { config, now } = this.#needs;
    const message = await readMessage(pop3, entry, config);
    try {
      if (!message.ok) {
        await this.#messages.refuse(entry, message.reason, now());
        return null;
      }
      const same =
        stored.find(({ sha256 }) => sha256 === message.sha256) ?? (await this.#renamedFrom(entry, message, uidls));
      const settled = same ?? (await this.#storeMessage(entry, message));
      if (settled === null) return null;
      // The next one of the same name may be the same message.
      if (settled !== same) stored.push({ ...settled, sha256: message.sha256 });
      if (!this.#isOver(settled.storedAt)) return null;
      await pop3.remove(entry.number);
      return settled.id;
    } finally {
      await message.release();
    }
  }

  async #renamedFrom(entry: Listed, message: { sha256: string; octets: number }, uidls: ReadonlySet<string>) {
    const before = await this.#messages.renamed(message, uidls);
    if (before === null) return null;
    await this.#messages.rename(before.id, entry, this.#needs.now());
    if (!before.retired) this.#renamed += 1;
    return before;
  }

  /** In this order: it is written down where the message will be found, it is stored, it is written down that it is. */
  async #storeMessage(
    entry: Listed,
    message: { sha256: string; octets: number; bytes(): AsyncIterable<Uint8Array> },
  ): Promise<{ id: bigint; storedAt: Date } | null> {
    const place = await this.#storePlace();
    const id = await this.#messages.begin(entry, message, place.at, this.#needs.now());
    const stored = await ofMailbox(place.store.append(message.octets, message.bytes()));
    if (!stored.ok) {
      await this.#messages.forget(id);
      if (stored.reason === 'over-quota') this.#isFull = true;
      else if (stored.reason === 'too-large') await this.#messages.refuse(entry, 'too-large', this.#needs.now());
      else this.#wasRefused = true;
      return null;
    }
    this.#place = stored.next;
    return { id, storedAt: await this.#countStored(id) };
  }

  async #countStored(id: bigint): Promise<Date> {
    const at = this.#needs.now();
    await this.#messages.stored(id, at);
    this.#collected += 1;
    return at;
  }

  async #storePlace() {
    if (this.#store === null) {
      this.#store = await ofMailbox(
        ImapStore.open(mailServerOf(this.#row.account.country.mailServer), this.#credential),
      );
    }
    this.#place ??= await ofMailbox(this.#store.place());
    return { store: this.#store, at: this.#place };
  }
}

/** What goes wrong with the hosted mailbox is not the other server's. */
async function ofMailbox<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoreRefusedError) throw new RoundError('mailbox-refused');
    if (error instanceof WireError) throw new RoundError('mailbox-unreachable');
    throw error;
  }
}
