import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { readConfig } from '../config.ts';
import { type AdministratorResult, addAdministrator } from '../services/administration/administrators.ts';
import { type HostedPlace, readHostedPlace, type TypedPlace } from '../services/administration/hosted-place.ts';
import { addAdministratorAt } from '../services/administration/installation.ts';
import { openAuditTrail } from '../services/audit.ts';
import { connectDatabase, type Database } from '../services/database/connect.ts';
import { startEmbeddedPostgres } from '../services/database/embedded-postgres.ts';
import { migrate } from '../services/database/migrate.ts';

const USAGE = [
  'usage: sealpost admin add ADDRESS [--password-file F]',
  '       [--imap HOST[:993|143] --submission HOST[:587|465] [--pop3 none] [--ca F] [--programme-name NAME]]',
].join('\n');

const PROBLEMS: Record<Extract<AdministratorResult, { ok: false }>['problem'], string> = {
  address: 'this is not an address',
  removed:
    'this account was removed: a central administrator restores it on its page first. Where there is none, `sealpost admin add` makes another address one',
  empty: 'nothing is set up here yet: say where the hosted mailboxes are, with --imap and --submission',
  domain:
    'the domain must have one label that is the sign of a country of Annex A, as in Firstname.Surname@tcn.l.eu-admin.net',
  'no-country': 'no country of this installation has this domain',
  'not-hosted': 'this country runs its own mail server: the address must be listed there and here first',
  names: 'the part before the @ must be Firstname.Surname',
  'password-needed': 'a password is needed for the new mailbox',
  'not-created': 'the account could not be made: the country has no room for another one, or the password is too short',
};

/** `sealpost admin add` (cli.md): the first administrator, or one who lost the second factor. */
export async function admin(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  let place: HostedPlace | null;
  try {
    place = options.place === null ? null : readHostedPlace(options.place);
  } catch (error) {
    console.error(`sealpost: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof RangeError ? 2 : 1;
  }
  const config = readConfig(process.env);
  const connectionString =
    config.databaseUrl ?? (await startEmbeddedPostgres(path.join(config.dataFolder, 'postgres'))).connectionString;
  await migrate(connectionString);
  const database = connectDatabase(connectionString);
  try {
    const result = await addAsking(database, options, place);
    if (!result.ok) {
      console.error(`sealpost: ${options.address}: ${PROBLEMS[result.problem]}`);
      return 1;
    }
    const { account, outcome, isAccountResumed, isCountryResumed } = result;
    const audit = openAuditTrail(database, `${config.nodeName} admin`, () => new Date());
    const by = { accountId: account.id, actor: 'operator', network: '', object: account.id } as const;
    await audit.record({ ...by, action: 'administration', result: 'done', reason: `administrator ${outcome}` });
    if (isAccountResumed) {
      await audit.record({ ...by, action: 'administration', result: 'done', reason: 'account: resume' });
      console.error('sealpost: this account was suspended: it is active again');
    }
    if (isCountryResumed) {
      const resumed = { ...by, object: account.countryId, reason: 'country-resumed' } as const;
      await audit.record({ ...resumed, action: 'administration', result: 'done' });
      console.error('sealpost: the country of this account was suspended: it takes part again');
    }
    console.log(JSON.stringify({ address: account.address, role: account.role, outcome }));
    return 0;
  } finally {
    await database.close();
  }
}

/** The password is asked for only where a mailbox is made. */
async function addAsking(
  database: Database,
  { address, passwordFile }: Options,
  place: HostedPlace | null,
): Promise<AdministratorResult> {
  const add = (password: string | null) =>
    place === null
      ? addAdministrator(database, address, password)
      : addAdministratorAt(database, address, password, place);
  const given = passwordFile === undefined ? null : readFileSync(passwordFile, 'utf8').replace(/\r?\n$/, '');
  const result = await add(given);
  if (result.ok || result.problem !== 'password-needed' || !process.stdin.isTTY) return result;
  return add(await askPassword());
}

function askPassword(): Promise<string> {
  process.stderr.write('Password of the new mailbox: ');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      lines.close();
      process.stderr.write('\n');
      resolve(line);
    });
  });
}

type Options = { address: string; passwordFile: string | undefined; place: TypedPlace | null };

function readOptions(args: string[]): Options | null {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        'password-file': { type: 'string' },
        imap: { type: 'string' },
        submission: { type: 'string' },
        pop3: { type: 'string' },
        ca: { type: 'string' },
        'programme-name': { type: 'string' },
      },
    });
    const [verb, address, ...more] = positionals;
    if (verb !== 'add' || address === undefined || more.length > 0) return null;
    const { imap, submission, pop3, ca: caFile, 'programme-name': programmeName } = values;
    const isPlaced = imap !== undefined && submission !== undefined;
    if (!isPlaced && [imap, submission, pop3, caFile, programmeName].some((each) => each !== undefined)) return null;
    const place = isPlaced ? { imap, submission, pop3, caFile, programmeName } : null;
    return { address, passwordFile: values['password-file'], place };
  } catch {
    return null;
  }
}
