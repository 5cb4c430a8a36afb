import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { verify } from 'argon2';
import type { Account, Country } from '../../src/generated/prisma/client.ts';
import { addCountry, type NewMailServer } from '../../src/services/accounts/programmes.ts';
import { removeDueMail } from '../../src/services/accounts/remove-mail.ts';
import { createSession } from '../../src/services/sessions/session.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { type Answer, Clerk } from '../support/clerk.ts';

const PASSWORD = 'mailbox-password-canary';
const CHOSEN = 'seven quiet harbours';
const DAY_MS = 86_400_000;

const SERVER: NewMailServer = {
  name: 'own',
  hosted: false,
  imapHost: '127.0.0.1',
  imapPort: 1,
  imapTls: 'implicit',
  submissionHost: '127.0.0.1',
  submissionPort: 1,
  submissionTls: 'starttls',
  serverName: 'mail.tcn.x.eu-admin.net',
  caPem: null,
};

let world: TestApp;
let belgium: Country;
/** Runs its own server */
let greece: Country;
/** Hosted */
let bulgaria: Country;
let central: Clerk;
let now: Date;

before(async () => {
  world = await startTestApp();
  const { prisma } = world.database;
  const programme = await prisma.programme.findFirstOrThrow();
  belgium = await prisma.country.findFirstOrThrow({ where: { code: 'B' } });
  greece = await addCountry(world.database, programme, 'GR', SERVER);
  bulgaria = await addCountry(world.database, programme, 'BG', { ...SERVER, name: 'hosted', hosted: true }, 'BG');
});
after(() => world?.stop());
beforeEach(async () => {
  now = new Date();
  world.setNow(now);
  const { prisma } = world.database;
  await prisma.attemptWindow.deleteMany();
  await prisma.session.deleteMany();
  await prisma.account.deleteMany({ where: { id: { notIn: [world.alain.id, world.elise.id] } } });
  await prisma.account.updateMany({ data: { role: 'clerk', state: 'active', signedOutAt: null } });
  await prisma.addressList.deleteMany();
  await prisma.programme.updateMany({ data: { accountLimit: 3 } });
  central = await enteredAdministrator(world, world.alain, 'central');
});

function pass(ms: number): void {
  now = new Date(now.getTime() + ms);
  world.setNow(now);
}

const of = (country: Country) => `/administration/countries/${country.id}/accounts`;
const pageOf = (account: { id: string }) => `/administration/accounts/${account.id}`;
const fresh = (account: { id: string }) =>
  world.database.prisma.account.findUniqueOrThrow({ where: { id: account.id } });

/** Every field of the form on a page, as a browser would send it back. */
function fieldsOf(page: string): Record<string, string> {
  const form = /<form method="post" action="[^"]*\/accounts\/preview".*?<\/form>/s.exec(page)?.[0] ?? '';
  const inputs = [...form.matchAll(/<input\b[^>]*>/g)].map(([input]) => [
    /\bname="([^"]*)"/.exec(input)?.[1] ?? '',
    (/\bvalue="([^"]*)"/.exec(input)?.[1] ?? '').replaceAll('&#39;', "'").replaceAll('&amp;', '&'),
  ]);
  const selects = [...form.matchAll(/<select\b[^>]*name="([^"]*)".*?<option value="([^"]*)" selected/gs)];
  const all = [...inputs, ...selects.map(([, name = '', value = '']) => [name, value])];
  return Object.fromEntries(all.filter(([name]) => name !== '_csrf')) as Record<string, string>;
}

const preview = (clerk: Clerk, country: Country, fields: Record<string, string>) =>
  clerk.post(`${of(country)}/new`, `${of(country)}/preview`, fields);
const create = (clerk: Clerk, country: Country, fields: Record<string, string>) =>
  clerk.post(`${of(country)}/new`, of(country), fields);
const proposedIn = ({ body }: Answer) => /id="proposed-address"><bdi>([^<]*)</.exec(body)?.[1];
const codeIn = ({ body }: Answer) => /id="hand-over-code">([^<]*)</.exec(body)?.[1] ?? assert.fail('no code is shown');

/** Shows the address and confirms it, as a person does. */
async function make(
  country: Country,
  firstName: string,
  surname: string,
): Promise<{ account: Account; answer: Answer }> {
  const shown = await preview(central, country, { firstName, surname });
  const answer = await create(central, country, fieldsOf(shown.body));
  const account = await world.database.prisma.account.findFirst({
    where: { countryId: country.id, firstName, surname },
    orderBy: { createdAt: 'desc' },
  });
  if (account === null) assert.fail(answer.body);
  return { account, answer };
}

test('T02 the address is shown before anything is made, and made only as it was shown', async () => {
  const shown = await preview(central, bulgaria, { firstName: ' Zoé Anne ', surname: "d'Été" });
  assert.equal(shown.status, 200);
  assert.equal(proposedIn(shown), 'Zoe-Anne.DEte@tcn.bg.eu-admin.net');
  assert.equal(await world.database.prisma.account.count({ where: { countryId: bulgaria.id } }), 0);
  const fields = fieldsOf(shown.body);
  assert.equal(fields['surname'], "d'Été");
  const changes: Record<string, string>[] = [
    { surname: 'Hiver' },
    { shown: 'Somebody.Else@tcn.bg.eu-admin.net' },
    { shown: '' },
  ];
  for (const changed of changes) {
    const refused = await create(central, bulgaria, { ...fields, ...changed });
    assert.equal(refused.status, 409);
    assert.match(refused.body, /the address is another one than you saw/);
  }
  assert.equal(await world.database.prisma.account.count({ where: { countryId: bulgaria.id } }), 0);
  const made = await create(central, bulgaria, fields);
  assert.equal(made.status, 200, made.body);
  const account = await world.database.prisma.account.findFirstOrThrow({ where: { countryId: bulgaria.id } });
  assert.equal(account.address, 'Zoe-Anne.DEte@tcn.bg.eu-admin.net');
  assert.deepEqual([account.firstName, account.surname], ['Zoé Anne', "d'Été"]);
});

test('T02 names in Greek and Cyrillic letters are proposed in Latin ones, for a person to correct and confirm', async () => {
  const greek = await preview(central, greece, { firstName: 'Γεώργιος', surname: 'Παπαδόπουλος' });
  assert.equal(proposedIn(greek), 'Georgios.Papadopoulos@tcn.gr.eu-admin.net');
  assert.match(greek.body, /Compare the proposal with the person’s passport/);
  const corrected = await preview(central, greece, { ...fieldsOf(greek.body), latinFirstName: 'Yorgos' });
  assert.equal(proposedIn(corrected), 'Yorgos.Papadopoulos@tcn.gr.eu-admin.net');
  const made = await create(central, greece, fieldsOf(corrected.body));
  assert.equal(made.location, of(greece), made.body);
  const account = await world.database.prisma.account.findFirstOrThrow({ where: { countryId: greece.id } });
  assert.deepEqual([account.firstName, account.address], ['Γεώργιος', 'Yorgos.Papadopoulos@tcn.gr.eu-admin.net']);
  const bulgarian = await preview(central, bulgaria, { firstName: 'София', surname: 'Щерева' });
  assert.equal(proposedIn(bulgarian), 'Sofia.Shtereva@tcn.bg.eu-admin.net');
  const asRussian = await preview(central, bulgaria, { ...fieldsOf(bulgarian.body), language: 'ru' });
  assert.equal(proposedIn(asRussian), 'Sofiia.Shchereva@tcn.bg.eu-admin.net', 'another language, another proposal');
  const other = await preview(central, bulgaria, { ...fieldsOf(bulgarian.body), firstName: 'Иван' });
  assert.equal(proposedIn(other), 'Ivan.Shtereva@tcn.bg.eu-admin.net', 'what was confirmed for another name is gone');
  const hidden = await create(central, bulgaria, { ...fieldsOf(bulgarian.body), firstName: 'Иван' });
  assert.equal(hidden.status, 409);
  const arabic = await preview(central, bulgaria, { firstName: 'ليلى', surname: 'حداد' });
  assert.equal(arabic.status, 400);
  assert.match(arabic.body, /Type it in Latin letters, as in the passport/);
  const typed = await preview(central, bulgaria, {
    ...fieldsOf(arabic.body),
    latinFirstName: 'Layla',
    latinSurname: 'Haddad',
  });
  assert.equal(proposedIn(typed), 'Layla.Haddad@tcn.bg.eu-admin.net');
});

test('T02 a second person of the same names gets a number, after the first one was shown', async () => {
  const { account } = await make(bulgaria, 'Ivan', 'Petrov');
  const shown = await preview(central, bulgaria, { firstName: 'Iván', surname: 'PETROV' });
  assert.equal(proposedIn(shown), 'Ivan.PETROV2@tcn.bg.eu-admin.net');
  assert.match(shown.body, /Somebody has the address of these names already/);
  assert.ok(shown.body.includes(account.address));
  await create(central, bulgaria, fieldsOf(shown.body));
  const third = await preview(central, bulgaria, { firstName: 'Ivan', surname: 'Petrov' });
  assert.equal(proposedIn(third), 'Ivan.Petrov3@tcn.bg.eu-admin.net');
  const elsewhere = await preview(central, greece, { firstName: 'Ivan', surname: 'Petrov' });
  assert.equal(proposedIn(elsewhere), 'Ivan.Petrov@tcn.gr.eu-admin.net');
});

test('T02 of two who create the same names at once one is asked to look again', async () => {
  const fields = fieldsOf((await preview(central, bulgaria, { firstName: 'Ana', surname: 'Ilieva' })).body);
  const answers = await Promise.all([create(central, bulgaria, fields), create(central, bulgaria, fields)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
  const again = answers.find(({ status }) => status === 409);
  assert.equal(again && proposedIn(again), 'Ana.Ilieva2@tcn.bg.eu-admin.net');
  assert.equal(await world.database.prisma.account.count({ where: { countryId: bulgaria.id } }), 1);
});

test('T02 names that give no address are refused beside the field, and nothing typed is lost', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ firstName: '', surname: 'Dupont' }, /Type the name/],
    [{ firstName: 'Al\u0430in', surname: 'Dupont' }, /Letters of two scripts are mixed/],
    [{ firstName: 'Alain', surname: 'Dupont2' }, /do not belong in a name: 2/],
    [{ firstName: 'Alain', surname: 'Du@pont\r\nBcc: x' }, /do not belong in a name: @/],
    [{ firstName: 'A'.repeat(200), surname: 'Dupont' }, /at most 100 characters/],
    [{ firstName: 'A'.repeat(40), surname: 'B'.repeat(40) }, /longer than mail allows/],
    [{ firstName: '--', surname: '’' }, /Type the name/],
  ];
  for (const [typed, message] of cases) {
    const answer = await preview(central, bulgaria, typed);
    assert.equal(answer.status, 400);
    assert.match(answer.body, message);
    assert.equal(proposedIn(answer), undefined);
    assert.equal(fieldsOf(answer.body)['firstName'], typed['firstName']);
    const made = await create(central, bulgaria, { ...typed, shown: 'A.B@tcn.bg.eu-admin.net', shownNames: '' });
    assert.ok([400, 409].includes(made.status));
  }
  assert.equal(await world.database.prisma.account.count({ where: { countryId: bulgaria.id } }), 0);
});

test('T03 of twenty creations at once in one country exactly three succeed, and the others hear why and what to do', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `Anna${String.fromCharCode(97 + n)}`);
  const forms = await Promise.all(
    names.map(async (firstName) => fieldsOf((await preview(central, bulgaria, { firstName, surname: 'Dimova' })).body)),
  );
  const answers = await Promise.all(forms.map((fields) => create(central, bulgaria, fields)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 3);
  const refused = answers.filter(({ status }) => status === 409);
  assert.equal(refused.length, 17);
  for (const { body } of refused)
    assert.match(body, /allows 3 accounts in each country.*Remove one that is no longer needed, or ask/s);
  assert.equal(await world.database.prisma.account.count({ where: { countryId: bulgaria.id } }), 3);
  assert.equal(await world.database.prisma.handOver.count(), 3, 'and nothing is left half made');
  assert.match((await central.get(of(bulgaria))).body, /allows 3 accounts in each country, and all are in use/);
});

test('T03 the database itself refuses the fourth account, whoever writes it and however', async () => {
  const { pool, prisma } = world.database;
  const insert = `insert into account (id, country_id, address, address_key, first_name, surname, state)
    select gen_random_uuid(), $1::uuid, name, lower(name), name, name, 'active' from unnest($2::text[]) as name`;
  const one = (n: number) => pool.query(insert, [bulgaria.id, [`Row${n}`]]);
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => one(n)));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
  await prisma.account.deleteMany({ where: { countryId: bulgaria.id } });
  await assert.rejects(
    pool.query(insert, [bulgaria.id, ['A', 'B', 'C', 'D']]),
    /account_limit/,
    'in one statement too',
  );
  await prisma.programme.updateMany({ data: { accountLimit: 4 } });
  await pool.query(insert, [bulgaria.id, ['A', 'B', 'C', 'D']]);
  await pool.query(`update account set state = 'removed' where address = 'D'`);
  await pool.query(insert, [bulgaria.id, ['E']]);
  await assert.rejects(pool.query(`update account set state = 'active' where address = 'D'`), /account_limit/);
  await prisma.programme.updateMany({ data: { accountLimit: 1 } });
  await pool.query(`update account set state = 'suspended' where address = 'A'`);
  await pool.query(`update account set state = 'active' where address = 'A'`);
});

async function welcome(fields: Record<string, string>): Promise<Answer & { token: string }> {
  const page = await world.app.inject({ method: 'GET', url: '/welcome' });
  const token = /name="_csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
  const cookie = page.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  const answer = await world.app.inject({
    method: 'POST',
    url: '/welcome',
    headers: {
      origin: world.config.publicUrl.origin,
      'content-type': 'application/x-www-form-urlencoded',
      cookie,
    },
    payload: new URLSearchParams({ _csrf: token, password: CHOSEN, repeated: CHOSEN, ...fields }).toString(),
  });
  const location = answer.headers.location;
  return {
    status: answer.statusCode,
    body: answer.body,
    bytes: answer.rawPayload,
    location,
    headers: answer.headers,
    token,
  };
}

test('T01 the holder chooses the password with a code that is shown once, kept as a hash, and good once', async () => {
  const { account, answer } = await make(bulgaria, 'Ivan', 'Petrov');
  const code = codeIn(answer);
  assert.match(code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
  assert.ok(!(await central.get(pageOf(account))).body.includes(code));
  const row = await world.database.prisma.handOver.findUniqueOrThrow({ where: { accountId: account.id } });
  assert.equal(Buffer.from(row.codeHash).length, 32);
  const before = (await fresh(account)).mailboxPasswordHash ?? '';
  for (const guess of ['', code, PASSWORD, account.address]) assert.equal(await verify(before, guess), false);
  const spoken = code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
  const done = await welcome({ address: account.address.toUpperCase(), code: spoken });
  assert.equal(done.location, '/sign-in', done.body);
  assert.ok(await verify((await fresh(account)).mailboxPasswordHash ?? '', CHOSEN));
  const twice = await welcome({
    address: account.address,
    code,
    password: 'another good one',
    repeated: 'another good one',
  });
  assert.equal(twice.status, 401);
  assert.ok(await verify((await fresh(account)).mailboxPasswordHash ?? '', CHOSEN));
  const trail = await world.database.prisma.auditEntry.findMany({
    where: { action: { in: ['administration', 'password-change'] } },
  });
  const said = trail.map(({ object, reason, actor }) => `${object} ${reason} ${actor}`).join('\n');
  for (const secret of [code, code.replaceAll('-', ''), CHOSEN]) assert.ok(!said.includes(secret));
  assert.ok(trail.some(({ object, reason }) => object === account.id && reason === 'account: create'));
});

test('T01 a wrong code, an unknown address, and a code whose time is over get one answer, which keeps what was typed', async () => {
  const { account, answer } = await make(bulgaria, 'Ivan', 'Petrov');
  const code = codeIn(answer);
  const alertOf = ({ body }: Answer) => /role="alert">.*?<p>([^<]*)</s.exec(body)?.[1];
  const [wrong, nobody, without] = await Promise.all([
    welcome({ address: account.address, code: 'AAAA-BBBB-CCCC-DDDD' }),
    welcome({ address: 'Nobody@tcn.bg.eu-admin.net', code }),
    welcome({ address: world.elise.address, code }),
  ]);
  assert.equal(wrong.status, 401);
  assert.match(alertOf(wrong) ?? '', /do not fit together/);
  assert.ok(wrong.body.includes(`value="${account.address}"`) && wrong.body.includes('value="AAAA-BBBB-CCCC-DDDD"'));
  assert.doesNotMatch(wrong.body, new RegExp(CHOSEN));
  pass(8 * DAY_MS);
  const late = await welcome({ address: account.address, code });
  for (const each of [nobody, without, late]) {
    assert.equal(each.status, 401);
    assert.equal(alertOf(each), alertOf(wrong));
  }
  const central2 = await enteredAdministrator(world, world.alain, 'central');
  assert.match((await central2.get(pageOf(account))).body, /Password not chosen; the code ended on/);
});

test('T01 weak passwords are refused before the code is used, and tries with codes are counted', async () => {
  const { account, answer } = await make(bulgaria, 'Ivan', 'Petrov');
  const code = codeIn(answer);
  const cases: [Record<string, string>, RegExp][] = [
    [{ password: 'short', repeated: 'short' }, /Too short: at least 10/],
    [{ password: 'x'.repeat(300), repeated: 'x'.repeat(300) }, /Too long/],
    [{ password: 'aaaaaaaaaaaa', repeated: 'aaaaaaaaaaaa' }, /Too easy to guess/],
    [{ password: 'Password-1234', repeated: 'Password-1234' }, /Too easy to guess/],
    [{ password: 'ivan.petrov12', repeated: 'ivan.petrov12' }, /mostly your own name/],
    [
      { password: 'seven quiet\u0007harbours', repeated: 'seven quiet\u0007harbours' },
      /a character that mail programs cannot type/,
    ],
    [{ repeated: 'something else' }, /The two are not the same/],
    [{ code: '' }, /Type both the address and the code/],
  ];
  for (const [fields, message] of cases) {
    const refused = await welcome({ address: account.address, code, ...fields });
    assert.equal(refused.status, 400, JSON.stringify(fields));
    assert.match(refused.body, message);
  }
  const guess = () => welcome({ address: account.address, code: 'AAAA' });
  await Promise.all(Array.from({ length: world.config.signInLimit }, guess));
  const shut = await welcome({ address: account.address, code });
  assert.equal(shut.status, 429);
  assert.match(shut.body, /Too many codes were tried/);
  pass(16 * 60_000);
  assert.equal((await welcome({ address: account.address, code })).location, '/sign-in');
});

test('T01 of two who come with the same code at once one sets the password', async () => {
  const { account, answer } = await make(bulgaria, 'Ivan', 'Petrov');
  const code = codeIn(answer);
  const passwords = ['first of two people', 'second of two people'];
  const answers = await Promise.all(
    passwords.map((password) => welcome({ address: account.address, code, password, repeated: password })),
  );
  assert.deepEqual(answers.map(({ status }) => status).sort(), [302, 401]);
  const winner = passwords[answers.findIndex(({ status }) => status === 302)] ?? '';
  assert.ok(await verify((await fresh(account)).mailboxPasswordHash ?? '', winner));
});

/** What Dovecot and Postfix see. */
async function servedAs(account: Account) {
  const { rows } = await world.database.pool.query<{ active: boolean; receives: boolean }>(
    'select active, receives from hosted_mailbox where address = $1',
    [account.addressKey],
  );
  return rows[0] && { active: rows[0].active, receives: rows[0].receives };
}

test('T01 a new code stops the old password at once and ends the sessions, after a page that says so', async () => {
  const elise = await Clerk.signIn(world, world.elise);
  const before = (await fresh(world.elise)).mailboxPasswordHash;
  const asked = await central.get(`${pageOf(world.elise)}/hand-over`);
  assert.match(asked.body, /The old password stops at once/);
  assert.equal((await elise.get('/settings')).status, 200, 'asking changes nothing');
  const answer = await central.post(`${pageOf(world.elise)}/hand-over`, `${pageOf(world.elise)}/hand-over`, {
    letterLocale: 'fr',
  });
  const code = codeIn(answer);
  assert.match(answer.body, /lang="fr"[^>]*>\s*<h2[^>]*>Votre boîte aux lettres/);
  assert.notEqual((await fresh(world.elise)).mailboxPasswordHash, before);
  assert.match((await elise.get('/settings')).location ?? '', /^\/sign-in/);
  const second = codeIn(await central.post(`${pageOf(world.elise)}/hand-over`, `${pageOf(world.elise)}/hand-over`, {}));
  assert.equal((await welcome({ address: world.elise.address, code })).status, 401, 'only the newest code counts');
  assert.equal((await welcome({ address: world.elise.address, code: second })).location, '/sign-in');
});

test('T01 whoever is suspended is out at once, also with a sign-in under way, and comes back when resumed', async () => {
  const elise = await Clerk.signIn(world, world.elise);
  const credential = { accountId: world.elise.id, mailboxPassword: PASSWORD, network: '127.0.0.1', userAgent: 'test' };
  const page = `${pageOf(world.elise)}/suspend`;
  assert.match((await central.get(page)).body, /signed out at once.*Mail is still taken in/s);
  const askedAt = world.context.now();
  pass(1000);
  assert.equal((await central.post(page, page, {})).location, pageOf(world.elise));
  assert.match((await elise.get('/settings')).location ?? '', /^\/sign-in/);
  assert.deepEqual(await servedAs(world.elise), { active: false, receives: true });
  await createSession(world.database, world.config, credential, askedAt);
  const late = await world.database.prisma.session.findFirstOrThrow({ where: { accountId: world.elise.id } });
  const resume = `${pageOf(world.elise)}/resume`;
  assert.equal((await central.post(resume, resume, {})).location, pageOf(world.elise));
  const cookie = `sid=${await createSession(world.database, world.config, credential, askedAt)}`;
  const stale = await world.app.inject({ method: 'GET', url: '/settings', headers: { cookie } });
  assert.equal(stale.statusCode, 302, 'a sign-in that began before the suspension counts no more after it');
  assert.ok(late.createdAt < (await fresh(world.elise)).signedOutAt!);
  pass(1000);
  assert.equal((await (await Clerk.signIn(world, world.elise)).get('/settings')).status, 200);
  assert.deepEqual(await servedAs(world.elise), { active: true, receives: true });
  const twice = await central.post(pageOf(world.elise), resume, {});
  assert.equal(twice.status, 409);
  assert.match(twice.body, /the account is not as it was/);
});

test('T01 T03 a removed account frees its place at once, its address only after years, and comes back while it is kept', async () => {
  const { account } = await make(bulgaria, 'Ivan', 'Petrov');
  await make(bulgaria, 'Ana', 'Ilieva');
  await make(bulgaria, 'Eva', 'Ilieva');
  const page = `${pageOf(account)}/remove`;
  assert.match((await central.get(page)).body, /kept for 90 days.*|1100 days/s);
  assert.equal((await central.post(page, page, {})).location, pageOf(account));
  assert.equal(await servedAs(account), undefined, 'no mail is taken in');
  assert.match((await central.get(of(bulgaria))).body, /Removed accounts/);
  const namesake = await make(bulgaria, 'Ivan', 'Petrov');
  assert.equal(namesake.account.address, 'Ivan.Petrov2@tcn.bg.eu-admin.net');
  const restore = `${pageOf(account)}/restore`;
  const full = await central.post(restore, restore, {});
  assert.equal(full.status, 409);
  assert.match(full.body, /as many accounts as the programme allows/);
  await central.post(`${pageOf(namesake.account)}/remove`, `${pageOf(namesake.account)}/remove`, {});
  const back = await central.post(restore, restore, {});
  assert.match(codeIn(back), /-/);
  assert.deepEqual(await servedAs(account), { active: true, receives: true });
  assert.equal((await fresh(account)).removedAt, null);
});

test('T01 what was kept of a removed account cannot come back later, and the address is anybody’s after its rest', async () => {
  const { account } = await make(greece, 'Eleni', 'Doukas');
  await central.post(`${pageOf(account)}/remove`, `${pageOf(account)}/remove`, {});
  pass(1099 * DAY_MS);
  await removeDueMail(world.context);
  central = await enteredAdministrator(world, world.alain, 'central');
  assert.equal(
    proposedIn(await preview(central, greece, { firstName: 'Eleni', surname: 'Doukas' })),
    'Eleni.Doukas2@tcn.gr.eu-admin.net',
  );
  pass(2 * DAY_MS);
  await removeDueMail(world.context);
  central = await enteredAdministrator(world, world.alain, 'central');
  assert.equal((await central.post(pageOf(account), `${pageOf(account)}/restore`, {})).status, 409);
  assert.match((await central.get(pageOf(account))).body, /Nothing any more/);
  assert.equal(
    proposedIn(await preview(central, greece, { firstName: 'Eleni', surname: 'Doukas' })),
    'Eleni.Doukas@tcn.gr.eu-admin.net',
  );
});

test('T01 the role of a country’s administrator is given and taken, each with a page before and an end of the sessions', async () => {
  const page = `${pageOf(world.elise)}/role`;
  assert.match((await central.get(page)).body, /Administrator of the country.*Central administrator/s);
  const elise = await Clerk.signIn(world, world.elise);
  assert.equal((await central.post(page, page, { role: 'country' })).location, pageOf(world.elise));
  assert.equal((await fresh(world.elise)).role, 'country');
  assert.match((await elise.get('/settings')).location ?? '', /^\/sign-in/);
  pass(1000);
  await central.post(page, page, { role: 'clerk' });
  assert.equal((await fresh(world.elise)).role, 'clerk');
  for (const role of ['', 'king', 'clerk']) assert.equal((await central.post(page, page, { role })).status, 409);
});

test('security.md an administrator of a country finds nothing of others, nothing of the centre, and no way to act on the own account', async () => {
  const { account: ivan } = await make(bulgaria, 'Ivan', 'Petrov');
  const elise = await enteredAdministrator(world, world.elise, 'country');
  const list = await elise.get('/administration/accounts');
  assert.match(list.body, /Accounts of Belgium/);
  for (const url of [of(bulgaria), `${of(bulgaria)}/new`, pageOf(ivan), `${pageOf(ivan)}/suspend`, pageOf({ id: 'x' })])
    assert.equal((await elise.get(url)).status, 404, url);
  for (const act of ['suspend', 'resume', 'remove', 'restore', 'hand-over', 'role'])
    assert.equal((await elise.post(of(belgium), `${pageOf(ivan)}/${act}`, { role: 'country' })).status, 404, act);
  for (const url of [of(bulgaria), `${of(bulgaria)}/preview`, `${of(bulgaria)}/send`])
    assert.equal((await elise.post(of(belgium), url, { firstName: 'A', surname: 'B' })).status, 404, url);
  for (const act of ['suspend', 'remove', 'hand-over', 'role']) {
    const centre = await elise.post(of(belgium), `${pageOf(world.alain)}/${act}`, { role: 'clerk' });
    assert.equal(centre.status, 403, act);
    assert.match(centre.body, /this is for central administrators/);
    const own = await elise.post(of(belgium), `${pageOf(world.elise)}/${act}`, { role: 'clerk' });
    assert.equal(own.status, 403, act);
    assert.match(own.body, /This is your own account/);
  }
  assert.equal((await fresh(world.alain)).state, 'active');
  const { account: other } = await make(belgium, 'Paul', 'Claes');
  const role = `${pageOf(other)}/role`;
  assert.doesNotMatch((await elise.get(role)).body, /value="central"/);
  assert.equal((await elise.post(role, role, { role: 'central' })).status, 403);
  assert.equal((await elise.post(role, role, { role: 'country' })).location, pageOf(other));
  assert.equal((await fresh(ivan)).state, 'active');
});

test('security.md of two central administrators who remove each other at once one stays', async () => {
  const elise = await enteredAdministrator(world, world.elise, 'central');
  const remove = async (clerk: Clerk, whom: Account) =>
    clerk.post(`${pageOf(whom)}/remove`, `${pageOf(whom)}/remove`, {}).catch(() => null);
  await Promise.all([remove(central, world.elise), remove(elise, world.alain)]);
  const left = await world.database.prisma.account.count({ where: { role: 'central', state: 'active' } });
  assert.equal(left, 1);
});

test('T10 a country sends its list, and the centre sees who sent it, when, and what changed', async () => {
  const { account } = await make(belgium, 'Paul', 'Claes');
  const elise = await enteredAdministrator(world, world.elise, 'country');
  const send = () => elise.post('/administration/accounts', `${of(belgium)}/send`, {});
  assert.match((await central.get('/administration/accounts')).body, /Not sent yet/);
  assert.equal((await send()).location, of(belgium));
  assert.match((await elise.get(of(belgium))).body, /The list with 3 addresses was sent.*3 addresses, sent on/s);
  pass(60_000);
  await elise.post(`${pageOf(account)}/remove`, `${pageOf(account)}/remove`, {});
  assert.match((await central.get('/administration/accounts')).body, /1 left since then/);
  await make(belgium, 'Lea', 'Claes');
  assert.match((await central.get('/administration/accounts')).body, /1 new since then, 1 left since then/);
  await send();
  const seen = (await central.get(of(belgium))).body;
  assert.match(seen, /New: <bdi>Lea\.Claes@tcn\.b\.eu-admin\.net<\/bdi>.*Left out: <bdi>Paul\.Claes@tcn/s);
  assert.ok(seen.includes(`<bdi>${world.elise.address}</bdi>`));
  assert.match(seen, /The first list/);
  const empty = await central.post(of(greece), `${of(greece)}/send`, {});
  assert.equal(empty.location, of(greece));
  assert.match((await central.get(of(greece))).body, /There is no address to send yet/);
  assert.equal(await world.database.prisma.addressList.count(), 2);
});

test('T01 a country with its own server lists addresses: no code, no password here, and its clerks read where to ask', async () => {
  const { account, answer } = await make(greece, 'Eleni', 'Doukas');
  assert.equal(answer.location, of(greece));
  assert.deepEqual([account.mailboxPasswordHash, await servedAs(account)], [null, undefined]);
  assert.doesNotMatch((await central.get(pageOf(account))).body, /hand-over/);
  assert.equal((await central.post(pageOf(account), `${pageOf(account)}/hand-over`, {})).status, 409);
  assert.match((await central.get(`${pageOf(account)}/suspend`)).body, /The country’s own server is not told/);
  await world.database.prisma.account.update({ where: { id: account.id }, data: { role: 'country' } });
  const eleni = await Clerk.signIn(world, account);
  const settings = await eleni.get('/settings');
  assert.match(settings.body, /keeps it, and it is changed there.*mail\.tcn\.x\.eu-admin\.net.*Eleni Doukas/s);
  assert.equal((await eleni.get('/settings/password')).status, 404);
  assert.equal(
    (await eleni.post('/settings', '/settings/password', { old: PASSWORD, password: CHOSEN, repeated: CHOSEN })).status,
    404,
  );
});

test('T01 a clerk changes the mailbox password: other sessions end, this one goes on, and the keys open as before', async () => {
  const elise = await Clerk.signIn(world, world.elise);
  const other = await Clerk.signIn(world, world.elise);
  await elise.choosePassphrase('vier Wochen am kalten See');
  assert.match((await elise.get('/settings')).body, /href="\/settings\/password".*href="\/keys\/passphrase"/s);
  const change = (fields: Record<string, string>) => elise.post('/settings/password', '/settings/password', fields);
  const wrong = await change({ old: 'not the password', password: CHOSEN, repeated: CHOSEN });
  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /not the password that you signed in with/);
  const weak = await change({ old: PASSWORD, password: 'short', repeated: 'short' });
  assert.equal(weak.status, 400);
  const before = elise.sid;
  const done = await change({ old: PASSWORD, password: CHOSEN, repeated: CHOSEN });
  assert.equal(done.location, '/settings', done.body);
  assert.notEqual(elise.sid, before, 'under a new token');
  assert.ok(await verify((await fresh(world.elise)).mailboxPasswordHash ?? '', CHOSEN));
  assert.match((await other.get('/settings')).location ?? '', /^\/sign-in/);
  assert.match((await elise.get('/settings')).body, /Your mailbox password was changed/);
  assert.match((await elise.get('/settings')).body, /Lock now/, 'the keys are still open');
  await elise.post('/settings', '/keys/lock', {});
  const opened = await elise.post('/keys/unlock', '/keys/unlock', { passphrase: 'vier Wochen am kalten See' });
  assert.equal(opened.status, 302);
  const again = await change({ old: PASSWORD, password: 'nine green lanterns', repeated: 'nine green lanterns' });
  assert.equal(again.status, 401, 'the session knows the new password now');
  for (let n = 0; n < 10; n += 1) await change({ old: 'a guess', password: CHOSEN, repeated: CHOSEN });
  assert.equal((await change({ old: CHOSEN, password: PASSWORD, repeated: PASSWORD })).status, 429);
});
