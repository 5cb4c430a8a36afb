// Which way each copy of a message took, from the servers' own words in the copy.
import fs from 'node:fs/promises';
import path from 'node:path';

/** One server that took it, oldest first in `Copy.hops`; `at` is the second in which it began to, in milliseconds since 1970. */
export type Hop = { by: string; id: string; at: number };
export type Copy = { folder: string; hops: Hop[] };

/** Every message of a Maildir with its folders, by Message-ID. */
export async function copiesIn(maildir: string): Promise<Map<string, Copy[]>> {
  const copies = new Map<string, Copy[]>();
  // The first message makes the folder.
  const entries = await fs.readdir(maildir, { withFileTypes: true }).catch(() => []);
  const subfolders = entries.filter((entry) => entry.isDirectory() && !['new', 'cur', 'tmp'].includes(entry.name));
  for (const folder of ['', ...subfolders.map(({ name }) => name)]) {
    for (const state of ['new', 'cur']) {
      const at = path.join(maildir, folder, state);
      for (const name of await fs.readdir(at).catch(() => [])) {
        // Its owner may read it just now, which moves it: the next look finds it.
        const header = headerOf(await fs.readFile(path.join(at, name), 'latin1').catch(() => ''));
        const messageId = /^message-id:\s*(<[^>]+>)/im.exec(header)?.[1];
        if (messageId === undefined) continue;
        const others = copies.get(messageId) ?? [];
        copies.set(messageId, [...others, { folder: folder || 'INBOX', hops: hopsOf(header) }]);
      }
    }
  }
  return copies;
}

/** Unfolded, without the body: reports quote the header of others there. */
function headerOf(message: string): string {
  const end = /\r?\n\r?\n/.exec(message)?.index ?? message.length;
  return message.slice(0, end).replace(/\r?\n[ \t]+/g, ' ');
}

function hopsOf(header: string): Hop[] {
  const lines = header.split(/\r?\n/).filter((line) => /^received:/i.test(line));
  return lines.reverse().flatMap((line) => {
    const by = /\bby ([\w.-]+)/.exec(line)?.[1];
    const id = /\bid ([^\s;]+)/.exec(line)?.[1];
    const at = Date.parse(/;\s*([^;]+)$/.exec(line)?.[1] ?? '');
    return by === undefined || id === undefined ? [] : [{ by, id, at }];
  });
}

/** Between two servers, of which the second one took it twice: when it did so first and last. */
export type Parting = { last: string; next: string; from: number; to: number };

/**
 * Where two copies of one message parted: the last server that both came through, which handed it on twice; `null` when
 * they have none in common, so that it was submitted twice.
 */
export function partedAt(one: Copy, other: Copy): Parting | null {
  const common = one.hops.findIndex((hop, index) => hop.id !== other.hops[index]?.id);
  const index = common === -1 ? one.hops.length : common;
  if (index === 0) return null;
  const [mine, theirs] = [one.hops[index], other.hops[index]];
  const times = [mine, theirs].flatMap((hop) => (hop === undefined ? [] : [hop.at]));
  return {
    last: one.hops[index - 1]?.by ?? '',
    next: mine?.by ?? theirs?.by ?? '',
    from: Math.min(...times),
    to: Math.max(...times),
  };
}

/**
 * Messages in the queues of a Postfix, which is empty when all went on. Executable means complete; what cleanup(8) was
 * just writing when it was killed is no message, was answered to nobody, and is removed by qmgr(8) a day and a half later.
 */
export async function queuedIn(queueFolder: string): Promise<string[]> {
  const lists = ['maildrop', 'incoming', 'active', 'deferred'].map(async (name) => {
    const entries = await fs.readdir(path.join(queueFolder, name), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const complete = files.map(async ({ parentPath, name: file }) => {
      const found = await fs.stat(path.join(parentPath, file)).catch(() => null);
      return found !== null && (found.mode & 0o100) !== 0 ? [file] : [];
    });
    return (await Promise.all(complete)).flat();
  });
  return (await Promise.all(lists)).flat();
}
