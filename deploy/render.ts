// Fills in the configurations of this folder: `node deploy/render.ts settings.json deploy/dovecot /etc/dovecot`.
// The test bed calls the same function, so that what is proved there is what an operator installs.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Values for the names between at signs. */
export type Settings = Record<string, string>;

/**
 * Replaces `@NAME@` by its value.
 * @throws when a name has no value: a half-filled configuration is worse than none
 */
export function fillIn(template: string, settings: Settings): string {
  return template.replace(/@([A-Z][A-Z_]*)@/g, (_, name: string) => {
    const value = settings[name];
    if (value === undefined) throw new Error(`No value for @${name}@`);
    return value;
  });
}

/** Changes `name = value` lines of a Postfix main.cf, e.g. to shorten times for a test; the names must be there. */
export function overrideParameters(mainCf: string, overrides: Settings): string {
  let text = mainCf;
  for (const [name, value] of Object.entries(overrides)) {
    const line = new RegExp(`^${name} = .*$`, 'm');
    if (!line.test(text)) throw new Error(`${name} is not set in this main.cf`);
    text = text.replace(line, () => `${name} = ${value}`);
  }
  return text;
}

/** A domain, or with a point in front all that lie under it, and a transport. */
const OUTSIDE_ROUTE = /^(\.?)((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)[ \t]+(?:smtp|relay):\S*$/;

/**
 * The domains of outside partners (row T04) as the access tables have them.
 * @param routes lines as `partner.example  smtp:[198.51.100.25]`
 * @throws when a line is something else, or opens what the network itself is for
 */
export function outsidePatterns(routes: string): string {
  const lines = routes.split('\n').filter((line) => line.trim() !== '');
  const patterns = lines.map((line) => {
    const [, below, domain = ''] = OUTSIDE_ROUTE.exec(line.trim()) ?? [];
    if (domain === '') throw new Error(`OUTSIDE_ROUTES: expected a domain and smtp:[host], not ${line}`);
    if (/(^|\.)eu-admin\.net$/.test(domain)) throw new Error(`OUTSIDE_ROUTES: ${domain} is not outside`);
    return `/@${below ? '([a-z0-9-]+\\.)+' : ''}${domain.replaceAll('.', '\\.')}$/  DUNNO`;
  });
  return patterns.join('\n');
}

/** Writes all files of `source` to `target`, filled in. Only root may read them: some hold passwords. */
export async function renderFolder(source: string, target: string, settings: Settings): Promise<string[]> {
  const { OUTSIDE_ROUTES = '' } = settings;
  const all = { ...settings, OUTSIDE_ROUTES, OUTSIDE_PATTERNS: outsidePatterns(OUTSIDE_ROUTES) };
  await mkdir(target, { recursive: true });
  const names = (await readdir(source, { withFileTypes: true })).filter((entry) => entry.isFile());
  const written: string[] = [];
  for (const { name } of names) {
    const file = path.join(target, name);
    await writeFile(file, fillIn(await readFile(path.join(source, name), 'utf8'), all), { mode: 0o600 });
    written.push(file);
  }
  return written;
}

if (import.meta.main) {
  const [settingsFile, source, target] = process.argv.slice(2);
  if (settingsFile === undefined || source === undefined || target === undefined) {
    console.error('Usage: node deploy/render.ts settings.json <folder of deploy/> <target folder>');
    process.exit(2);
  }
  // the folder that a configuration names as its own is where it is written, unless the settings say otherwise
  const settings = { CONFIG_FOLDER: target, ...(JSON.parse(await readFile(settingsFile, 'utf8')) as Settings) };
  for (const file of await renderFolder(source, target, settings)) console.log(file);
}
