import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { verify } from 'argon2';
import { AccountOffice, accountsOf, CHOSEN, codeIn, pageOf } from '../support/account-office.ts';
import { type Answer, Clerk } from '../support/clerk.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';

const PASSWORD = 'mailbox-password-canary';
const DAY_MS = 86_400_000;

let office: AccountOffice;
before(async () => {
  office = await AccountOffice.open();
});
after(() => office?.world.stop());
beforeEach(() => office.reset());

test('T01 the holder chooses the password with a code that is shown once, kept as a hash, and good once', async () => {
  const { account, answer } = await office.make(office.bulgaria, 'Ivan', 'Petrov');
  const code = codeIn(answer);
  assert.match(code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
  assert.ok(!(await office.central.get(pageOf(account))).body.includes(code));
  const row = await office.world.database.prisma.handOver.findUniqueOrThrow({ where: { accountId: account.id } });
  assert.equal(Buffer.from(row.codeHash).length, 32);
  const before = (await office.fresh(account)).mailboxPasswordHash ?? '';
  for (const guess of ['', code, PASSWORD, account.address]) assert.equal(await verify(before, guess), false);
  const spoken = code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
  const done = await office.welcome({ address: account.address.toUpperCase(), code: spoken });
  assert.equal(done.location, '/sign-in', done.body);
  assert.ok(await verify((await office.fresh(account)).mailboxPasswordHash ?? '', CHOSEN));
  const twice = await office.welcome({
    address: account.address,
    code,
    password: 'another good one',
    repeated: 'another good one',
  });
  assert.equal(twice.status, 401);
  assert.ok(await verify((await office.fresh(account)).mailboxPasswordHash ?? '', CHOSEN));
  const trail = await office.world.database.prisma.auditEntry.findMany({
    where: { action: { in: ['administration', 'password-change'] } },
  });
  const said = trail.map(({ object, reason, actor }) => `${object} ${reason} ${actor}`).join('\n');
  for (const secret of [code, code.replaceAll('-', ''), CHOSEN]) assert.ok(!said.includes(secret));
  assert.ok(trail.some(({ object, reason }) => object === account.id && reason === 'account: create'));
});

test('T01 a wrong code, an unknown address, and a code whose time is over get one answer, which keeps what was typed', async () => {
  const { account, answer } = await office.make(office.bulgaria, 'Ivan', 'Petrov');
  const code = codeIn(answer);
  const alertOf = ({ body }: Answer) => /role="alert">.*?<p>([^<]*)</s.exec(body)?.[1];
  const [wrong, nobody, without] = await Promise.all([
    office.welcome({ address: account.address, code: 'AAAA-BBBB-CCCC-DDDD' }),
    office.welcome({ address: 'Nobody@tcn.bg.eu-admin.net', code }),
    office.welcome({ address: office.world.elise.address, code }),
  ]);
  assert.equal(wrong.status, 401);
  assert.match(alertOf(wrong) ?? '', /do not fit together/);
  assert.ok(wrong.body.includes(`value="${account.address}"`) && wrong.body.includes('value="AAAA-BBBB-CCCC-DDDD"'));
  assert.doesNotMatch(wrong.body, new RegExp(CHOSEN));
  office.pass(8 * DAY_MS);
  const late = await office.welcome({ address: account.address, code });
  for (const each of [nobody, without, late]) {
    assert.equal(each.status, 401);
    assert.equal(alertOf(each), alertOf(wrong));
  }
  await office.enterAgain();
  assert.match((await office.central.get(pageOf(account))).body, /Password not chosen; the code ended on/);
});

test('T01 weak passwords are refused before the code is used, and tries with codes are counted', async () => {
  await wholeQuarter();
  const { account, answer } = await office.make(office.bulgaria, 'Ivan', 'Petrov');
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
    const refused = await office.welcome({ address: account.address, code, ...fields });
    assert.equal(refused.status, 400, JSON.stringify(fields));
    assert.match(refused.body, message);
  }
  const guess = () => office.welcome({ address: account.address, code: 'AAAA' });
  await Promise.all(Array.from({ length: office.world.config.signInLimit }, guess));
  const shut = await office.welcome({ address: account.address, code });
  assert.equal(shut.status, 429);
  assert.match(shut.body, /Too many codes were tried/);
  office.pass(16 * 60_000);
  assert.equal((await office.welcome({ address: account.address, code })).location, '/sign-in');
});

test('T01 of two who come with the same code at once one sets the password', async () => {
  const { account, answer } = await office.make(office.bulgaria, 'Ivan', 'Petrov');
  const code = codeIn(answer);
  const passwords = ['first of two people', 'second of two people'];
  const answers = await Promise.all(
    passwords.map((password) => office.welcome({ address: account.address, code, password, repeated: password })),
  );
  assert.deepEqual(answers.map(({ status }) => status).sort(), [302, 401]);
  const winner = passwords[answers.findIndex(({ status }) => status === 302)] ?? '';
  assert.ok(await verify((await office.fresh(account)).mailboxPasswordHash ?? '', winner));
});

test('T01 a new code stops the old password at once and ends the sessions, after a page that says so', async () => {
  const elise = await Clerk.signIn(office.world, office.world.elise);
  const before = (await office.fresh(office.world.elise)).mailboxPasswordHash;
  const asked = await office.central.get(`${pageOf(office.world.elise)}/hand-over`);
  assert.match(asked.body, /The old password stops at once/);
  assert.equal((await elise.get('/settings')).status, 200, 'asking changes nothing');
  const answer = await office.central.post(
    `${pageOf(office.world.elise)}/hand-over`,
    `${pageOf(office.world.elise)}/hand-over`,
    {
      letterLocale: 'fr',
    },
  );
  const code = codeIn(answer);
  assert.match(answer.body, /lang="fr"[^>]*>\s*<h2[^>]*>Votre boîte aux lettres/);
  assert.notEqual((await office.fresh(office.world.elise)).mailboxPasswordHash, before);
  assert.match((await elise.get('/settings')).location ?? '', /^\/sign-in/);
  const second = codeIn(
    await office.central.post(`${pageOf(office.world.elise)}/hand-over`, `${pageOf(office.world.elise)}/hand-over`, {}),
  );
  assert.equal(
    (await office.welcome({ address: office.world.elise.address, code })).status,
    401,
    'only the newest code counts',
  );
  assert.equal((await office.welcome({ address: office.world.elise.address, code: second })).location, '/sign-in');
});

test('T01 a country with its own server lists addresses: no code, no password here, and its clerks read where to ask', async () => {
  const { account, answer } = await office.make(office.greece, 'Eleni', 'Doukas');
  assert.equal(answer.location, accountsOf(office.greece));
  assert.deepEqual([account.mailboxPasswordHash, await office.servedAs(account)], [null, undefined]);
  assert.doesNotMatch((await office.central.get(pageOf(account))).body, /hand-over/);
  assert.equal((await office.central.post(pageOf(account), `${pageOf(account)}/hand-over`, {})).status, 409);
  assert.match((await office.central.get(`${pageOf(account)}/suspend`)).body, /The country’s own server is not told/);
  await office.world.database.prisma.account.update({ where: { id: account.id }, data: { role: 'country' } });
  const eleni = await Clerk.signIn(office.world, account);
  const settings = await eleni.get('/settings');
  assert.match(settings.body, /keeps it, and it is changed there.*mail\.tcn\.x\.eu-admin\.net.*Eleni Doukas/s);
  assert.equal((await eleni.get('/settings/password')).status, 404);
  assert.equal(
    (await eleni.post('/settings', '/settings/password', { old: PASSWORD, password: CHOSEN, repeated: CHOSEN })).status,
    404,
  );
});

test('T01 a clerk changes the mailbox password: other sessions end, this one goes on, and the keys open as before', async () => {
  await wholeQuarter();
  const elise = await Clerk.signIn(office.world, office.world.elise);
  const other = await Clerk.signIn(office.world, office.world.elise);
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
  assert.ok(await verify((await office.fresh(office.world.elise)).mailboxPasswordHash ?? '', CHOSEN));
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
