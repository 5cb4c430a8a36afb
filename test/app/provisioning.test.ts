import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verify } from 'argon2';
import type { Account, Country, Programme } from '../../src/generated/prisma/client.ts';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import { type AccountResult, createHostedAccount, listOwnAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry, createProgramme, type NewMailServer } from '../../src/services/accounts/programmes.ts';
import { createAuthorities } from '../../src/services/identities/authorities.ts';
import { issueIdentity } from '../../src/services/identities/issue-identity.ts';
import { freshDatabase } from '../support/database.ts';
import { openssl } from '../support/openssl.ts';

const DAY_MS = 86_400_000;
const AUTHORITY_PASSPHRASE = 'only for issuing certificates';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let programme: Programme;
before(async () => {
  database = await freshDatabase();
  programme = await createProgramme(database, {
    code: 'tcn',
    name: 'TACHOnet',
    domainPattern: 'tcn.{cc}.eu-admin.net',
  });
});
after(() => database.drop());

const server: NewMailServer = {
  name: 'mail',
  hosted: true,
  imapHost: '127.0.0.1',
  imapPort: 993,
  imapTls: 'implicit',
  submissionHost: '127.0.0.1',
  submissionPort: 587,
  submissionTls: 'starttls',
  serverName: null,
  caPem: null,
};

function accountOf(result: AccountResult): Account {
  if (!result.ok) assert.fail(result.problem);
  return result.account;
}

const newCountry = (code: string): Promise<Country> => addCountry(database, programme, code, server);

test('T02 an account gets the address of its names and its country, and a password in the form that Dovecot checks', async () => {
  const luxembourg = await newCountry('L');
  assert.equal(luxembourg.domain, 'tcn.l.eu-admin.net');
  const person = { firstName: 'Zoé', surname: "d'Été Müller", password: 'post office 12' };
  const account = accountOf(await createHostedAccount(database, luxembourg, person));
  assert.equal(account.address, 'Zoe.DEte-Muller@tcn.l.eu-admin.net');
  assert.equal(account.addressKey, 'zoe.dete-muller@tcn.l.eu-admin.net');
  assert.match(
    account.mailboxPasswordHash ?? '',
    /^\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/,
  );
  assert.ok(await verify(account.mailboxPasswordHash ?? '', 'post office 12'));
  const short = await createHostedAccount(database, luxembourg, { ...person, firstName: 'Ann', password: 'short' });
  assert.deepEqual(short, { ok: false, problem: 'weak-password' });
});

test('T02 a second person of the same name is refused, and a country with its own server only lists addresses', async () => {
  const denmark = await newCountry('DK');
  const listed = accountOf(await listOwnAccount(database, denmark, { firstName: 'Søren', surname: 'Holm' }));
  assert.equal(listed.mailboxPasswordHash, null);
  const again = await listOwnAccount(database, denmark, { firstName: 'Soren', surname: 'HOLM' });
  assert.deepEqual(again, { ok: false, problem: 'taken' });
});

test('T03 of ten parallel creations in one country three succeed', async () => {
  const malta = await newCountry('M');
  const names = ['Ada', 'Bea', 'Cleo', 'Dora', 'Eva', 'Fay', 'Gail', 'Hope', 'Ida', 'Joy'];
  const results = await Promise.all(
    names.map((firstName) => listOwnAccount(database, malta, { firstName, surname: 'Borg' })),
  );
  assert.equal(results.filter((result) => result.ok).length, 3);
  assert.ok(results.every((result) => result.ok || result.problem === 'limit-reached'));
});

test('look-alike country codes and patterns without a country are refused', async () => {
  await assert.rejects(newCountry('В'), RangeError);
  await assert.rejects(
    createProgramme(database, { code: 'x', name: 'x', domainPattern: 'tcn.eu-admin.net' }),
    RangeError,
  );
});

test('T10 T11 T12 a Digital ID is issued below the programme’s two authorities, for one month and exactly the address', async () => {
  const at = new Date();
  const authorities = await createAuthorities(
    database,
    programme,
    { passphrase: AUTHORITY_PASSPHRASE, keyAlgorithm: 'P-256' },
    at,
  );
  const anchor = await database.prisma.trustAnchor.findFirstOrThrow({
    where: { accountId: null, programmeId: programme.id },
  });
  assert.deepEqual([anchor.sha256, anchor.state], [authorities.root.sha256, 'trusted']);
  const finland = await newCountry('FIN');
  const account = accountOf(await listOwnAccount(database, finland, { firstName: 'Marja', surname: 'Virtanen' }));
  const wrong = await issueIdentity(database, { account, passphrase: 'a guess', pfxPassword: 'x' }, at);
  assert.deepEqual(wrong, { ok: false, problem: 'wrong-passphrase' });
  const issued = await issueIdentity(
    database,
    { account, passphrase: AUTHORITY_PASSPHRASE, pfxPassword: 'by telephone', keyAlgorithm: 'P-256' },
    at,
  );
  assert.ok(issued.ok);
  const { certificate } = issued;
  assert.deepEqual(certificate.addresses, ['Marja.Virtanen@tcn.fin.eu-admin.net']);
  assert.equal(certificate.notAfter.getTime() - certificate.notBefore.getTime(), programme.digitalIdDays * DAY_MS);
  const recorded = await database.prisma.issuedCertificate.findFirstOrThrow({ where: { sha256: certificate.sha256 } });
  assert.deepEqual([recorded.address, recorded.serialNumber], [account.address, certificate.serialNumber]);
  const read = readPkcs12(issued.pfx, 'by telephone');
  assert.ok(read.ok);
  assert.deepEqual(
    read.identities[0]?.chain.map((each) => each.sha256),
    [authorities.issuing.sha256, authorities.root.sha256],
  );
  const checked = openssl(
    ['verify', '-x509_strict', '-purpose', 'smimesign', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'leaf.pem'],
    {
      'root.pem': toPem([authorities.root]),
      'issuing.pem': toPem([authorities.issuing]),
      'leaf.pem': toPem([certificate]),
    },
  );
  assert.ok(checked.ok, checked.stderr);
});

test('T11 a Digital ID never outlives the authority that issued it', async () => {
  const row = await database.prisma.authority.findFirstOrThrow({ where: { kind: 'issuing' } });
  const end = parseCertificate(row.certificate).notAfter;
  const sweden = await newCountry('S');
  const account = accountOf(await listOwnAccount(database, sweden, { firstName: 'Lars', surname: 'Holm' }));
  const at = new Date(end.getTime() - 3 * DAY_MS);
  const issued = await issueIdentity(
    database,
    { account, passphrase: AUTHORITY_PASSPHRASE, pfxPassword: 'x', keyAlgorithm: 'P-256' },
    at,
  );
  assert.ok(issued.ok);
  assert.equal(issued.certificate.notAfter.getTime(), end.getTime());
});

test('keys of authorities stand in the database only sealed', async () => {
  const rows = await database.prisma.authority.findMany();
  for (const row of rows) {
    const sealed = Buffer.from(row.sealedPrivateKey ?? assert.fail('no key'));
    // The object identifier of EC keys stands in every unencrypted PKCS#8 of one.
    assert.equal(sealed.includes(Buffer.from('06072a8648ce3d0201', 'hex')), false);
    assert.equal(row.keySalt?.length, 16);
  }
});
