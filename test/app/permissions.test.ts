/** Every route for every role: who is let in, who is led to a door, and for whom there is nothing. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry } from '../../src/services/accounts/programmes.ts';
import { createAuthorities } from '../../src/services/identities/authorities.ts';
import { issueIdentity } from '../../src/services/identities/issue-identity.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';
import { PERMISSIONS } from '../support/permissions.ts';
import { nameOf, noteRoutes, type Route } from '../support/routes.ts';

type Role = 'anonymous' | 'clerk' | 'country' | 'other country' | 'central' | 'without second factor';
/** `in`: the action itself answers, or would with the token of its form. */
type Outcome = 'in' | 'sign-in' | 'nothing' | 'second factor';

/** What each role gets of what somebody, a country or the centre may ask for. */
const EXPECTED: Record<Role, Record<'anybody' | 'token' | 'person' | 'entry' | 'country' | 'central', Outcome>> = {
  anonymous: {
    anybody: 'in',
    token: 'nothing',
    person: 'sign-in',
    entry: 'sign-in',
    country: 'sign-in',
    central: 'sign-in',
  },
  clerk: { anybody: 'in', token: 'nothing', person: 'in', entry: 'nothing', country: 'nothing', central: 'nothing' },
  country: { anybody: 'in', token: 'nothing', person: 'in', entry: 'in', country: 'in', central: 'nothing' },
  'other country': { anybody: 'in', token: 'nothing', person: 'in', entry: 'in', country: 'in', central: 'nothing' },
  central: { anybody: 'in', token: 'nothing', person: 'in', entry: 'in', country: 'in', central: 'in' },
  'without second factor': {
    anybody: 'in',
    token: 'nothing',
    person: 'in',
    entry: 'in',
    country: 'second factor',
    central: 'second factor',
  },
};

let world: TestApp;
let routes: Route[];
let roles: Record<Role, Clerk | null>;
/** Of Belgium, which the other country's administrator does not answer for */
let belgian: Record<'country' | 'account' | 'issued' | 'loss', string>;

before(async () => {
  ({ built: world, routes } = await noteRoutes(startTestApp));
  const { database } = world;
  const { prisma } = database;
  await prisma.programme.updateMany({ data: { accountLimit: 10 } });
  const belgium = await prisma.country.findUniqueOrThrow({
    where: { id: world.alain.countryId },
    include: { programme: true },
  });
  const nobody = { imapHost: '127.0.0.1', imapPort: 1, submissionHost: '127.0.0.1', submissionPort: 1 };
  const germany = await addCountry(database, belgium.programme, 'D', {
    ...{ ...nobody, name: 'nobody in Germany', hosted: true, serverName: null, caPem: null },
    imapTls: 'implicit',
    submissionTls: 'starttls',
  });
  const account = async (country: typeof germany, firstName: string) => {
    const made = await createHostedAccount(database, country, {
      firstName,
      surname: 'Roles',
      password: 'mailbox-password-canary',
    });
    return made.ok ? made.account : assert.fail(made.problem);
  };
  const [bea, dora, zita, nina] = await Promise.all([
    account(belgium, 'Bea'),
    account(germany, 'Dora'),
    account(belgium, 'Zita'),
    account(belgium, 'Nina'),
  ]);
  await prisma.account.update({ where: { id: nina.id }, data: { role: 'central' } });
  roles = {
    anonymous: null,
    clerk: await Clerk.signIn(world, world.alain),
    country: await enteredAdministrator(world, bea, 'country'),
    'other country': await enteredAdministrator(world, dora, 'country'),
    central: await enteredAdministrator(world, zita, 'central'),
    'without second factor': await Clerk.signIn(world, nina),
  };
  belgian = { ...(await belongings()), country: belgium.id, account: world.elise.id };
});
after(() => world?.stop());

/** A Digital ID of Elise, and keys that she gave up. */
async function belongings(): Promise<Pick<typeof belgian, 'issued' | 'loss'>> {
  const { database } = world;
  const { prisma } = database;
  const account = await prisma.account.findUniqueOrThrow({ where: { id: world.elise.id } });
  const { programme } = await prisma.country.findUniqueOrThrow({
    where: { id: account.countryId },
    include: { programme: true },
  });
  const passphrase = 'of the issuing authority';
  await createAuthorities(database, programme, { passphrase, keyAlgorithm: 'P-256' }, new Date());
  const wanted = { account, passphrase, pfxPassword: 'x', keyAlgorithm: 'P-256' } as const;
  const made = await issueIdentity(database, wanted, new Date());
  assert.ok(made.ok);
  const issued = await prisma.issuedCertificate.findUniqueOrThrow({ where: { sha256: made.certificate.sha256 } });
  const sealed = new Uint8Array(1);
  const loss = await prisma.lostVault.create({
    data: {
      ...{ accountId: account.id, version: 1, serverKeyVersion: '1', lostAt: new Date() },
      ...{ passphraseSalt: sealed, wrappedByPassphrase: sealed, recoverySalt: sealed, wrappedByRecovery: sealed },
    },
  });
  return { issued: issued.id, loss: loss.id };
}

const PERSONAL_IN_ADMINISTRATION = /\/administration\/factors\/passkeys\/:passkey/;

/** With what Belgium has where a country's route names it, else with an id that nobody has. */
function addressOf({ url }: Route): string {
  const known: Record<string, string> = url.startsWith('/administration') ? belgian : {};
  const file: Record<string, string> = { file: 'root.cer', folder: 'SU5CT1g', message: '1-1', index: '0' };
  return url.replace('*', 'AAAA').replace(/:(\w+)/g, (_, name: string) => known[name] ?? file[name] ?? randomUUID());
}

async function outcomeOf(route: Route, clerk: Clerk | null): Promise<{ outcome: Outcome; status: number }> {
  const url = addressOf(route);
  const headers: Record<string, string> = { origin: world.config.publicUrl.origin };
  let payload: string | undefined;
  if (route.method === 'POST') {
    // Never the right token: whoever comes as far as that is in, and nothing is changed.
    headers['content-type'] = route.multipart ? 'multipart/form-data; boundary=b' : 'application/x-www-form-urlencoded';
    payload = route.multipart ? '--b--\r\n' : '_csrf=x';
  }
  const question = { method: route.method, url, headers, ...(payload === undefined ? {} : { payload }) };
  const answer = clerk === null ? await world.app.inject(question) : await clerk.send(question);
  const status = 'statusCode' in answer ? answer.statusCode : answer.status;
  const location = String(answer.headers['location'] ?? '');
  if (location.startsWith('/sign-in') || status === 401) return { outcome: 'sign-in', status };
  if (location === '/administration/second-factor') return { outcome: 'second factor', status };
  return { outcome: status === 404 ? 'nothing' : 'in', status };
}

test('security.md every route is in the table of who may ask for it', () => {
  assert.deepEqual([...new Set(routes.map(nameOf))].sort(), Object.keys(PERMISSIONS).sort());
});

for (const role of Object.keys(EXPECTED) as Role[]) {
  test(`security.md every route gives ${role} what the table says`, async () => {
    const wrong: string[] = [];
    for (const route of routes.filter(({ url }) => !url.endsWith('/leave'))) {
      const name = nameOf(route);
      const needs = PERMISSIONS[name] ?? assert.fail(name);
      // Without a factor there is nothing to be asked for at the entry.
      const isEntry = name === 'GET /administration/enter' && role === 'without second factor';
      const expected = isEntry ? 'second factor' : EXPECTED[role][needs];
      const { outcome, status } = await outcomeOf(route, roles[role]);
      // A visitor's form has no token to show, and is refused before anything is looked at.
      const refused = role === 'anonymous' && route.method === 'POST' && status === 403;
      // Nobody has what these addresses name; that it is not there is said only to who may ask.
      const absent = outcome === 'nothing' && expected === 'in' && namesNothing(route, role);
      if (outcome !== expected && !refused && !absent) wrong.push(`${name}: ${outcome} (${status}), not ${expected}`);
    }
    assert.deepEqual(wrong, []);
  });
}

/** Whether the address is of something that this role does not have, so that "not there" is the right answer. */
function namesNothing({ url }: Route, role: Role): boolean {
  // The query says what these are about.
  if (/^\/trust\/(certificates\/)?confirm$/.test(url)) return true;
  if (!url.includes(':')) return false;
  const isOfCountry = /:(country|account|issued|loss)\b/.test(url) && !/registrations|programme/.test(url);
  const isAdministration = url.startsWith('/administration') && !PERSONAL_IN_ADMINISTRATION.test(url);
  return !(isAdministration && isOfCountry && (role === 'country' || role === 'central'));
}

test('security.md what belongs to one country is not there for the administrator of another, whatever is asked with the right token', async () => {
  const dora = roles['other country'] ?? assert.fail();
  const own = routes.filter(
    (route) => PERMISSIONS[nameOf(route)] === 'country' && /:(country|account|issued|loss)\b/.test(route.url),
  );
  assert.ok(own.length > 20, `${own.length} routes`);
  const { prisma } = world.database;
  const before = await prisma.account.findUniqueOrThrow({ where: { id: belgian.account } });
  for (const route of own) {
    const url = addressOf(route);
    const answer = route.method === 'GET' ? await dora.get(url) : await dora.post('/settings', url, {});
    assert.equal(answer.status, 404, nameOf(route));
    assert.doesNotMatch(answer.body, /Elise|Maes/, nameOf(route));
  }
  assert.deepEqual(await prisma.account.findUniqueOrThrow({ where: { id: belgian.account } }), before);
});
