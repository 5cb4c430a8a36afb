import fs from 'node:fs';
import path from 'node:path';

const FOLDERS = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** Where a program is that not every machine has; null where it is missing: a test then does without, and says so. */
export function findTool(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(':').filter((folder) => folder !== ''), ...FOLDERS];
  return folders.map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file)) ?? null;
}
