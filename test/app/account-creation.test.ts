import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { AccountOffice, accountsOf, create, fieldsOf, preview, proposedIn } from '../support/account-office.ts';

let office: AccountOffice;
before(async () => {
  office = await AccountOffice.open();
});
after(() => office?.world.stop());
beforeEach(() => office.reset());

test('T02 the address is shown before anything is made, and made only as it was shown', async () => {
  const shown = await preview(office.central, office.bulgaria, { firstName: ' Zoé Anne ', surname: "d'Été" });
  assert.equal(shown.status, 200);
  assert.equal(proposedIn(shown), 'Zoe-Anne.DEte@tcn.bg.eu-admin.net');
  assert.equal(await office.world.database.prisma.account.count({ where: { countryId: office.bulgaria.id } }), 0);
  const fields = fieldsOf(shown.body);
  assert.equal(fields['surname'], "d'Été");
  const changes: Record<string, string>[] = [
    { surname: 'Hiver' },
    { shown: 'Somebody.Else@tcn.bg.eu-admin.net' },
    { shown: '' },
  ];
  for (const changed of changes) {
    const refused = await create(office.central, office.bulgaria, { ...fields, ...changed });
    assert.equal(refused.status, 409);
    assert.match(refused.body, /the address is another one than you saw/);
  }
  assert.equal(await office.world.database.prisma.account.count({ where: { countryId: office.bulgaria.id } }), 0);
  const made = await create(office.central, office.bulgaria, fields);
  assert.equal(made.status, 200, made.body);
  const account = await office.world.database.prisma.account.findFirstOrThrow({
    where: { countryId: office.bulgaria.id },
  });
  assert.equal(account.address, 'Zoe-Anne.DEte@tcn.bg.eu-admin.net');
  assert.deepEqual([account.firstName, account.surname], ['Zoé Anne', "d'Été"]);
});

test('T02 names in Greek and Cyrillic letters are proposed in Latin ones, for a person to correct and confirm', async () => {
  const greek = await preview(office.central, office.greece, { firstName: 'Γεώργιος', surname: 'Παπαδόπουλος' });
  assert.equal(proposedIn(greek), 'Georgios.Papadopoulos@tcn.gr.eu-admin.net');
  assert.match(greek.body, /Compare the proposal with the person’s passport/);
  const corrected = await preview(office.central, office.greece, { ...fieldsOf(greek.body), latinFirstName: 'Yorgos' });
  assert.equal(proposedIn(corrected), 'Yorgos.Papadopoulos@tcn.gr.eu-admin.net');
  const made = await create(office.central, office.greece, fieldsOf(corrected.body));
  assert.equal(made.location, accountsOf(office.greece), made.body);
  const account = await office.world.database.prisma.account.findFirstOrThrow({
    where: { countryId: office.greece.id },
  });
  assert.deepEqual([account.firstName, account.address], ['Γεώργιος', 'Yorgos.Papadopoulos@tcn.gr.eu-admin.net']);
  const bulgarian = await preview(office.central, office.bulgaria, { firstName: 'София', surname: 'Щерева' });
  assert.equal(proposedIn(bulgarian), 'Sofia.Shtereva@tcn.bg.eu-admin.net');
  const asRussian = await preview(office.central, office.bulgaria, { ...fieldsOf(bulgarian.body), language: 'ru' });
  assert.equal(proposedIn(asRussian), 'Sofiia.Shchereva@tcn.bg.eu-admin.net', 'another language, another proposal');
  const other = await preview(office.central, office.bulgaria, { ...fieldsOf(bulgarian.body), firstName: 'Иван' });
  assert.equal(proposedIn(other), 'Ivan.Shtereva@tcn.bg.eu-admin.net', 'what was confirmed for another name is gone');
  const hidden = await create(office.central, office.bulgaria, { ...fieldsOf(bulgarian.body), firstName: 'Иван' });
  assert.equal(hidden.status, 409);
  const arabic = await preview(office.central, office.bulgaria, { firstName: 'ليلى', surname: 'حداد' });
  assert.equal(arabic.status, 400);
  assert.match(arabic.body, /Type it in Latin letters, as in the passport/);
  const typed = await preview(office.central, office.bulgaria, {
    ...fieldsOf(arabic.body),
    latinFirstName: 'Layla',
    latinSurname: 'Haddad',
  });
  assert.equal(proposedIn(typed), 'Layla.Haddad@tcn.bg.eu-admin.net');
});

test('T02 a second person of the same names gets a number, after the first one was shown', async () => {
  const { account } = await office.make(office.bulgaria, 'Ivan', 'Petrov');
  const shown = await preview(office.central, office.bulgaria, { firstName: 'Iván', surname: 'PETROV' });
  assert.equal(proposedIn(shown), 'Ivan.PETROV2@tcn.bg.eu-admin.net');
  assert.match(shown.body, /Somebody has the address of these names already/);
  assert.ok(shown.body.includes(account.address));
  await create(office.central, office.bulgaria, fieldsOf(shown.body));
  const third = await preview(office.central, office.bulgaria, { firstName: 'Ivan', surname: 'Petrov' });
  assert.equal(proposedIn(third), 'Ivan.Petrov3@tcn.bg.eu-admin.net');
  const elsewhere = await preview(office.central, office.greece, { firstName: 'Ivan', surname: 'Petrov' });
  assert.equal(proposedIn(elsewhere), 'Ivan.Petrov@tcn.gr.eu-admin.net');
});

test('T02 of two who create the same names at once one is asked to look again', async () => {
  const fields = fieldsOf(
    (await preview(office.central, office.bulgaria, { firstName: 'Ana', surname: 'Ilieva' })).body,
  );
  const answers = await Promise.all([
    create(office.central, office.bulgaria, fields),
    create(office.central, office.bulgaria, fields),
  ]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
  const again = answers.find(({ status }) => status === 409);
  assert.equal(again && proposedIn(again), 'Ana.Ilieva2@tcn.bg.eu-admin.net');
  assert.equal(await office.world.database.prisma.account.count({ where: { countryId: office.bulgaria.id } }), 1);
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
    const answer = await preview(office.central, office.bulgaria, typed);
    assert.equal(answer.status, 400);
    assert.match(answer.body, message);
    assert.equal(proposedIn(answer), undefined);
    assert.equal(fieldsOf(answer.body)['firstName'], typed['firstName']);
    const made = await create(office.central, office.bulgaria, {
      ...typed,
      shown: 'A.B@tcn.bg.eu-admin.net',
      shownNames: '',
    });
    assert.ok([400, 409].includes(made.status));
  }
  assert.equal(await office.world.database.prisma.account.count({ where: { countryId: office.bulgaria.id } }), 0);
});

test('T03 of twenty creations at once in one country exactly three succeed, and the others hear why and what to do', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `Anna${String.fromCharCode(97 + n)}`);
  const forms = await Promise.all(
    names.map(async (firstName) =>
      fieldsOf((await preview(office.central, office.bulgaria, { firstName, surname: 'Dimova' })).body),
    ),
  );
  const answers = await Promise.all(forms.map((fields) => create(office.central, office.bulgaria, fields)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 3);
  const refused = answers.filter(({ status }) => status === 409);
  assert.equal(refused.length, 17);
  for (const { body } of refused)
    assert.match(body, /allows 3 accounts in each country.*Remove one that is no longer needed, or ask/s);
  assert.equal(await office.world.database.prisma.account.count({ where: { countryId: office.bulgaria.id } }), 3);
  assert.equal(await office.world.database.prisma.handOver.count(), 3, 'and nothing is left half made');
  assert.match(
    (await office.central.get(accountsOf(office.bulgaria))).body,
    /allows 3 accounts in each country, and all are in use/,
  );
});

test('T03 the database itself refuses the fourth account, whoever writes it and however', async () => {
  const { pool, prisma } = office.world.database;
  const insert = `insert into account (id, country_id, address, address_key, first_name, surname, state)
    select gen_random_uuid(), $1::uuid, name, lower(name), name, name, 'active' from unnest($2::text[]) as name`;
  const one = (n: number) => pool.query(insert, [office.bulgaria.id, [`Row${n}`]]);
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => one(n)));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
  await prisma.account.deleteMany({ where: { countryId: office.bulgaria.id } });
  await assert.rejects(
    pool.query(insert, [office.bulgaria.id, ['A', 'B', 'C', 'D']]),
    /account_limit/,
    'in one statement too',
  );
  await prisma.programme.updateMany({ data: { accountLimit: 4 } });
  await pool.query(insert, [office.bulgaria.id, ['A', 'B', 'C', 'D']]);
  await pool.query(`update account set state = 'removed' where address = 'D'`);
  await pool.query(insert, [office.bulgaria.id, ['E']]);
  await assert.rejects(pool.query(`update account set state = 'active' where address = 'D'`), /account_limit/);
  await prisma.programme.updateMany({ data: { accountLimit: 1 } });
  await pool.query(`update account set state = 'suspended' where address = 'A'`);
  await pool.query(`update account set state = 'active' where address = 'A'`);
});
