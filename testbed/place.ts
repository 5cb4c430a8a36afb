import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readlink, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';

/** Unix socket names have 107 characters; what the servers add to the folder's name is below 50. */
const MAX_FOLDER_LENGTH = 55;
const SYSTEM_FOLDER = '/var/lib/sealpost-testbed';

/**
 * The folder in which the servers run. That is `<folder>/servers`, unless users such as `dovenull` and `postfix` can not
 * get there (below a private home folder) or its name is too long for a socket: then it is one below /var/lib, and
 * `<folder>/servers` points to it.
 */
export async function preparePlace(folder: string): Promise<string> {
  const wanted = path.join(path.resolve(folder), 'servers');
  await mkdir(path.resolve(folder), { recursive: true });
  if (wanted.length <= MAX_FOLDER_LENGTH && (await everyoneReaches(path.dirname(wanted)))) {
    await mkdir(wanted, { recursive: true });
    await chmod(wanted, 0o711);
    return wanted;
  }
  const place = path.join(SYSTEM_FOLDER, createHash('sha256').update(wanted).digest('hex').slice(0, 12));
  // without the link the folder was removed since, and with it what belongs to it
  if (!(await pointsTo(wanted, place))) {
    await rm(place, { recursive: true, force: true });
    await rm(wanted, { recursive: true, force: true });
  }
  await mkdir(place, { recursive: true });
  await chmod(SYSTEM_FOLDER, 0o711);
  await chmod(place, 0o711);
  if (!(await pointsTo(wanted, place))) await symlink(place, wanted);
  return place;
}

async function everyoneReaches(folder: string): Promise<boolean> {
  for (let at = folder; ; at = path.dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

async function pointsTo(link: string, target: string): Promise<boolean> {
  try {
    return (await lstat(link)).isSymbolicLink() && (await readlink(link)) === target;
  } catch {
    return false;
  }
}
