// Two countries, their people, their Digital IDs and their mail servers: what the demo shows and the tests walk through.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import type { Authority, Country, Programme } from '../src/generated/prisma/client.ts';
import type { Authority as OpenedAuthority } from '../src/pki/issue.ts';
import { type AccountResult, createHostedAccount, listOwnAccount } from '../src/services/accounts/accounts.ts';
import { addCountry, createProgramme, saveMailServer } from '../src/services/accounts/programmes.ts';
import { connectDatabase, type Database } from '../src/services/database/connect.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/services/database/embedded-postgres.ts';
import { migrate } from '../src/services/database/migrate.ts';
import { renewEvidenceSigner } from '../src/services/evidence/evidence-signer.ts';
import { createAuthorities } from '../src/services/identities/authorities.ts';
import { issueIdentity } from '../src/services/identities/issue-identity.ts';
import { openIssuer } from '../src/services/issuing/issue-digital-id.ts';
import { signDirectList } from '../src/services/publishing/publish-lists.ts';
import type { TimeOverrides } from './configurations.ts';
import type { MoreCountry } from './layout.ts';
import { startTestbed, type Testbed, type TestbedCountry } from './testbed.ts';

export type PersonKey = 'alain' | 'marta' | 'otto' | 'carla';

export type WorldPerson = {
  name: string;
  address: string;
  /** Of the mailbox */
  password: string;
  pfxFile: string;
  pfxPassword: string;
};

/** What stays the same between starts in one folder. */
type Story = {
  mailRolePassword: string;
  authorityPassphrase: string;
  root: { sha1: string; sha256: string; subject: string };
  people: Record<PersonKey, WorldPerson>;
};

export type World = Story & {
  folder: string;
  testbed: Testbed;
  postgres: EmbeddedPostgres;
  /** Environment for `readConfig`: a node that serves these countries */
  environment: NodeJS.ProcessEnv;
  /** Ends the mail servers and Postgres; the folder keeps everything */
  stop(): Promise<void>;
};

export type WorldOptions = {
  folder: string;
  /** Second number of the loopback addresses */
  network?: number;
  profile?: 'real' | 'short';
  times?: TimeOverrides;
  /** `all`: the network of the document with resolvers and virus scanner. Default `one` */
  relays?: 'one' | 'all';
  dnsTtlSeconds?: number;
  /** Mail servers of countries that nobody has registered yet; hosted ones can be chosen when one is accepted */
  moreCountries?: MoreCountry[];
  /** Smaller keys make a test start faster */
  keyAlgorithm?: 'RSA-3072' | 'RSA-2048' | 'P-256';
  /** Where the node's pages will be: certificates name it, and the first lists are signed. Without, they name no places */
  publicUrl?: URL;
};

type Told = { firstName: string; surname: string; country: 'b' | 'd'; role?: 'central' };

const PEOPLE: Record<PersonKey, Told> = {
  alain: { firstName: 'Alain', surname: 'Dupont', country: 'b' },
  marta: { firstName: 'Marta', surname: 'Klein', country: 'd' },
  otto: { firstName: 'Otto', surname: 'Brandt', country: 'd' },
  carla: { firstName: 'Carla', surname: 'Peeters', country: 'b', role: 'central' },
};

/** Starts everything but the node itself; a second start in the same folder finds the same people and their mail. */
export async function startWorld(options: WorldOptions): Promise<World> {
  fs.mkdirSync(options.folder, { recursive: true, mode: 0o711 });
  const folder = fs.realpathSync(options.folder);
  const postgres = await startEmbeddedPostgres(path.join(folder, 'postgres'));
  const database = connectDatabase(postgres.connectionString);
  let testbed: Testbed | null = null;
  try {
    await migrate(postgres.connectionString);
    const storyFile = path.join(folder, 'world.json');
    const known = fs.existsSync(storyFile) ? (JSON.parse(fs.readFileSync(storyFile, 'utf8')) as Story) : null;
    const mailRolePassword = known?.mailRolePassword ?? randomBytes(18).toString('base64url');
    await admitMailServers(database, mailRolePassword);
    testbed = await startTestbed({
      folder,
      database: {
        socketFolder: postgres.socketFolder,
        port: postgres.port,
        name: 'sealpost',
        user: 'sealpost_mail',
        password: mailRolePassword,
      },
      ...(options.network === undefined ? {} : { network: options.network }),
      ...(options.profile === undefined ? {} : { profile: options.profile }),
      ...(options.times === undefined ? {} : { times: options.times }),
      ...(options.relays === undefined ? {} : { relays: options.relays }),
      ...(options.dnsTtlSeconds === undefined ? {} : { dnsTtlSeconds: options.dnsTtlSeconds }),
      ...(options.moreCountries === undefined ? {} : { moreCountries: options.moreCountries }),
    });
    const story = known ?? (await tellStory(database, testbed, folder, mailRolePassword, options));
    if (known) await refreshMailServers(database, testbed);
    else fs.writeFileSync(storyFile, JSON.stringify(story, null, 2), { mode: 0o600 });
    const hosted = testbed.moreCountries.filter((country) => country.hosted);
    for (const country of hosted) await saveMailServer(database, serverOf(country));
    return openWorld(folder, story, testbed, postgres);
  } catch (error) {
    await testbed?.stop();
    if (postgres.how === 'started') await postgres.stop();
    throw error;
  } finally {
    await database.close().catch(() => {});
  }
}

function openWorld(folder: string, story: Story, testbed: Testbed, postgres: EmbeddedPostgres): World {
  const service = testbed.countries.b.service;
  return {
    ...story,
    folder,
    testbed,
    postgres,
    environment: {
      DATABASE_URL: postgres.connectionString,
      SERVER_KEYS: installationKey(folder, 'server'),
      SESSION_KEYS: installationKey(folder, 'session'),
      RELAY_LOGS: Object.entries(testbed.relayLogs)
        .map(([relay, file]) => `${relay}=${file}`)
        .join(','),
      REPORT_SERVERS: testbed.relayAddresses.join(','),
      DNS_SERVERS: testbed.resolver.address,
      NAME_SERVERS: testbed.dns.address,
      RELAYS: testbed.mailExchangers.map(({ hostName, address }) => `${hostName}=${address}`).join(','),
      RELAY_SCANNERS: testbed.milters.map(({ hostName, address, port }) => `${hostName}=${address}:${port}`).join(','),
      ...scannerOf(testbed),
      ...(service ? { SERVICE_MAIL_USER: service.user, SERVICE_MAIL_PASSWORD: service.password } : {}),
    },
    stop: async () => {
      await testbed.stop();
      await postgres.stop();
    },
  };
}

/** Attachments are scanned by the first relay's clamd, where there is one and this user may talk to it: its socket is for its group. */
function scannerOf({ clamdSocket }: Testbed): NodeJS.ProcessEnv {
  if (clamdSocket === null) return {};
  try {
    fs.accessSync(clamdSocket, fs.constants.R_OK | fs.constants.W_OK);
    return { SCANNER: `unix:${clamdSocket}` };
  } catch {
    return {};
  }
}

function installationKey(folder: string, name: string): string {
  const file = path.join(folder, `${name}-key`);
  if (!fs.existsSync(file)) fs.writeFileSync(file, `1:${randomBytes(32).toString('base64')}`, { mode: 0o600 });
  return fs.readFileSync(file, 'utf8');
}

/** The role that Dovecot and Postfix sign in with sees the views of the migration and nothing else. */
async function admitMailServers(database: Database, password: string): Promise<void> {
  await database.pool.query(`alter role sealpost_mail login password ${pg.escapeLiteral(password)}`);
}

async function refreshMailServers(database: Database, testbed: Testbed): Promise<void> {
  for (const country of Object.values(testbed.countries)) await saveMailServer(database, serverOf(country));
}

function serverOf(country: TestbedCountry) {
  return { ...country.mailServer, name: `mail.${country.domain}`, hosted: country.hosted };
}

async function tellStory(
  database: Database,
  testbed: Testbed,
  folder: string,
  mailRolePassword: string,
  options: WorldOptions,
): Promise<Story> {
  const keyAlgorithm = options.keyAlgorithm ?? 'RSA-3072';
  const authorityPassphrase = randomBytes(18).toString('base64url');
  const programme = await createProgramme(database, {
    code: 'tcn',
    name: 'TACHOnet, test phase',
    domainPattern: 'tcn.{cc}.eu-admin.net',
    digitalIdDays: 31,
  });
  const { publicUrl } = options;
  const names = { rootName: 'TACHOnet Test Root CA', issuingName: 'TACHOnet EC CA' };
  const places = publicUrl && {
    publicUrl,
    whileOpen: (row: Authority, opened: OpenedAuthority) =>
      signDirectList(
        { database, config: { publicUrl, serverKeys: serverKeysOf(folder) }, now: () => new Date() },
        row,
        opened,
      ),
  };
  const wanted = { passphrase: authorityPassphrase, keyAlgorithm, ...names, ...places };
  const authorities = await createAuthorities(database, programme, wanted, new Date());
  await certifyEvidence(database, programme, authorityPassphrase, folder);
  const countries = {
    b: await addCountry(database, programme, 'B', serverOf(testbed.countries.b)),
    d: await addCountry(database, programme, 'D', serverOf(testbed.countries.d)),
  };
  const people = {} as Record<PersonKey, WorldPerson>;
  for (const key of Object.keys(PEOPLE) as PersonKey[]) {
    const tools = { folder, authorityPassphrase, keyAlgorithm, ...(publicUrl && { publicUrl }) };
    people[key] = await settle(database, testbed, countries, key, tools);
  }
  const { sha1, sha256, subject } = authorities.root;
  return { mailRolePassword, authorityPassphrase, root: { sha1, sha256, subject }, people };
}

/** What an administrator's page does when the authority's passphrase is typed there. */
async function certifyEvidence(database: Database, programme: Programme, passphrase: string, folder: string) {
  const at = new Date();
  const opened = await openIssuer(database, programme.id, passphrase, null, at);
  if (!opened.ok) throw new Error(opened.problem);
  await renewEvidenceSigner({ database, config: { serverKeys: serverKeysOf(folder) } }, opened.issuer, at);
  opened.issuer.close();
}

function serverKeysOf(folder: string) {
  const [current = '', key = ''] = installationKey(folder, 'server').split(':');
  return { current, keys: new Map([[current, Buffer.from(key, 'base64')]]) };
}

async function settle(
  database: Database,
  testbed: Testbed,
  countries: Record<'b' | 'd', Country>,
  key: PersonKey,
  tools: {
    folder: string;
    authorityPassphrase: string;
    keyAlgorithm: 'RSA-3072' | 'RSA-2048' | 'P-256';
    publicUrl?: URL;
  },
): Promise<WorldPerson> {
  const person = PEOPLE[key];
  const password = readablePassword();
  const made: AccountResult =
    person.country === 'b'
      ? await createHostedAccount(database, countries.b, { ...person, password })
      : await listOwnAccount(database, countries.d, person);
  if (!made.ok) throw new Error(`${person.firstName} ${person.surname}: ${made.problem}`);
  const { account } = made;
  if (person.role) await database.prisma.account.update({ where: { id: account.id }, data: { role: person.role } });
  if (person.country === 'd') await testbed.addOwnAccount('d', account.address, password);
  const pfxPassword = readablePassword();
  const { authorityPassphrase: passphrase, keyAlgorithm, publicUrl } = tools;
  const request = { account, passphrase, pfxPassword, keyAlgorithm, ...(publicUrl && { publicUrl }) };
  const issued = await issueIdentity(database, request, new Date());
  if (!issued.ok) throw new Error(issued.problem);
  const pfxFile = path.join(tools.folder, `${account.address.split('@')[0]}.pfx`);
  fs.writeFileSync(pfxFile, issued.pfx, { mode: 0o600 });
  return { name: `${person.firstName} ${person.surname}`, address: account.address, password, pfxFile, pfxPassword };
}

/** Four groups that can be typed from a terminal. */
function readablePassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const pick = () => letters[(randomBytes(1)[0] ?? 0) % letters.length];
  return Array.from({ length: 4 }, () => Array.from({ length: 4 }, pick).join('')).join('-');
}
