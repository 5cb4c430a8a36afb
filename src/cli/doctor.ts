import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../config.ts';
import { connectDatabase } from '../services/database/connect.ts';
import { startEmbeddedPostgres } from '../services/database/embedded-postgres.ts';
import type { CheckLine, LineState } from '../services/setup-check/check-line.ts';
import type { TestLogin } from '../services/setup-check/check-mail-server.ts';
import { englishWords } from '../services/setup-check/check-words.ts';
import { everyCountry, inOrder, runChecks } from '../services/setup-check/run-checks.ts';

const USAGE = 'usage: sealpost doctor [--json] [--login ADDRESS --password-file F]';

const MARKS: Record<LineState, string> = { ok: ' ok ', notice: 'note', failed: 'FAIL', 'not-tried': ' -- ' };

/** `sealpost doctor` (cli.md): the set-up check of row T08 for all programmes of this installation. Nothing is sent or changed. */
export async function doctor(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  const config = readConfig(process.env);
  const database = connectDatabase(config.databaseUrl ?? (await embedded(config.dataFolder)));
  const lines: CheckLine[] = [];
  try {
    const needs = { config, database, now: () => new Date() };
    const countries = await everyCountry(database);
    await runChecks(
      needs,
      { installation: true, countries, login: options.login },
      {
        expect: async () => {},
        line: async (line) => {
          lines.push(line);
          if (!options.json) console.error(`${MARKS[line.state]} ${line.subject} ${line.about}`);
        },
      },
    );
  } finally {
    await database.close().catch(() => {});
  }
  tell(inOrder(lines), options.json);
  return 0;
}

function tell(lines: readonly CheckLine[], json: boolean): void {
  const told = lines.map((line) => ({ ...line, ...englishWords(line) }));
  const failed = lines.filter(({ state }) => state === 'failed').length;
  if (json) {
    console.log(JSON.stringify({ ok: failed === 0, lines: told }));
    return;
  }
  for (const { state, title, about, tried, result, said, advice, milliseconds } of told) {
    console.log(`\n[${MARKS[state]}] ${title}${about === '' ? '' : ` (${about})`}`);
    console.log(`       tried      ${tried}`);
    console.log(`       came back  ${result}${said === '' ? '' : ` It said: ${said}`} (${milliseconds} ms)`);
    if (advice !== '') console.log(`       to do      ${advice}`);
  }
  console.log(`\n${failed === 0 ? 'Everything that was tried works.' : `${failed} of ${lines.length} lines failed.`}`);
}

async function embedded(dataFolder: string): Promise<string> {
  return (await startEmbeddedPostgres(path.join(dataFolder, 'postgres'))).connectionString;
}

function readOptions(args: string[]): { json: boolean; login: TestLogin | null } | null {
  try {
    const { values } = parseArgs({
      args,
      options: { json: { type: 'boolean' }, login: { type: 'string' }, 'password-file': { type: 'string' } },
    });
    const { json = false, login, 'password-file': passwordFile } = values;
    if ((login === undefined) !== (passwordFile === undefined)) return null;
    if (login === undefined || passwordFile === undefined) return { json, login: null };
    const password = readFileSync(passwordFile, 'utf8').replace(/\r?\n$/, '');
    return { json, login: { address: login.toLowerCase(), password } };
  } catch (error) {
    // a password file that cannot be read is no wrong use
    if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) return null;
    throw error;
  }
}
