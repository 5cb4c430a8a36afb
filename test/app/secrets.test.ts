import assert from 'node:assert/strict';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import { createAuthorities } from '../../src/services/identities/authorities.ts';
import { issueIdentity } from '../../src/services/identities/issue-identity.ts';
import { startTestApp, type TestApp, tokenOf } from '../support/app.ts';

let world: TestApp;
before(async () => {
  world = await startTestApp();
});
after(() => world.stop());

const origin = 'http://localhost:8460';

/** A form with a file, as a browser sends it. */
function multipart(fields: [string, string][], file?: { name: string; filename: string; bytes: Buffer }) {
  const boundary = `----${randomBytes(12).toString('hex')}`;
  const parts: Buffer[] = fields.map(([name, value]) =>
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
  );
  if (file) {
    parts.push(
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="${file.name}"; filename="${file.filename}"\r\nContent-Type: application/x-pkcs12\r\n\r\n`,
      ),
      file.bytes,
      Buffer.from('\r\n'),
    );
  }
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return {
    payload: Buffer.concat(parts),
    headers: { origin, 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}

/** Every value of every table as text; bytes as hex. */
async function dump(): Promise<string> {
  const { pool } = world.database;
  const tables = await pool.query<{ name: string }>(
    "select quote_ident(tablename) as name from pg_tables where schemaname = 'public'",
  );
  const rows: string[] = [];
  for (const { name } of tables.rows) {
    const content = await pool.query<{ row: string }>(`select t::text as row from ${name} t`);
    rows.push(...content.rows.map((each) => `${name} ${each.row}`));
  }
  return rows.join('\n');
}

test('a database dump has no key, no passphrase, no mailbox password, no recovery code and no text of a draft', async () => {
  const passphrase = 'passphrase-canary of mine';
  const pfxPassword = 'pfx-password-canary';
  const authorityPassphrase = 'authority-passphrase-canary';
  const draftText = 'draft-text-canary: driver card 0417';

  let cookie = await world.cookieFor(world.alain);
  const token = async (url: string) => tokenOf((await world.app.inject({ url, headers: { cookie } })).body);
  const made = await world.app.inject({
    method: 'POST',
    url: '/keys/passphrase',
    headers: { origin, cookie, 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      _csrf: await token('/keys/passphrase'),
      passphrase,
      repeated: passphrase,
    }).toString(),
  });
  const recoveryCode = /id="recovery-code">([^<]+)</.exec(made.body)?.[1] ?? assert.fail('no recovery code');
  cookie = `sid=${made.cookies.find((each) => each.name === 'sid')?.value}`;

  const programme = await world.database.prisma.programme.findFirstOrThrow();
  await createAuthorities(
    world.database,
    programme,
    { passphrase: authorityPassphrase, keyAlgorithm: 'RSA-2048' },
    new Date(),
  );
  const issued = await issueIdentity(
    world.database,
    { account: world.alain, passphrase: authorityPassphrase, pfxPassword, keyAlgorithm: 'RSA-2048' },
    new Date(),
  );
  assert.ok(issued.ok);
  const form = multipart(
    [
      ['_csrf', await token('/digital-ids/import')],
      ['password', pfxPassword],
    ],
    {
      name: 'file',
      filename: 'alain.pfx',
      bytes: issued.pfx,
    },
  );
  const imported = await world.app.inject({
    method: 'POST',
    url: '/digital-ids/import',
    headers: { ...form.headers, cookie },
    payload: form.payload,
  });
  assert.equal(imported.statusCode, 200, imported.body.slice(0, 300));
  assert.equal(await world.database.prisma.digitalId.count(), 1);

  const created = await world.app.inject({ url: '/drafts/new', headers: { cookie } });
  const draft = created.headers.location ?? assert.fail('no draft');
  const saved = multipart([
    ['_csrf', await token(draft)],
    ...draftFields((await world.app.inject({ url: draft, headers: { cookie } })).body),
    ['to', 'Marta.Klein@tcn.d.eu-admin.net'],
    ['cc', ''],
    ['bcc', ''],
    ['subject', draftText],
    ['text', draftText],
    ['do', 'save'],
  ]);
  const answer = await world.app.inject({
    method: 'POST',
    url: draft,
    headers: { ...saved.headers, cookie },
    payload: saved.payload,
  });
  assert.ok(answer.statusCode < 400, `${answer.statusCode} ${answer.body.slice(0, 300)}`);
  const shown = await world.app.inject({ url: draft, headers: { cookie } });
  assert.ok(shown.body.includes(draftText), 'the draft is really there');

  const opened = readPkcs12(issued.pfx, pfxPassword);
  assert.ok(opened.ok);
  const key = createPrivateKey({ key: opened.identities[0]!.privateKey, format: 'der', type: 'pkcs8' }).export({
    format: 'jwk',
  });
  const primes = [key.p, key.q, key.d].map((each) => Buffer.from(each ?? '', 'base64url').toString('hex'));
  const everything = await dump();
  assert.ok(everything.includes(world.alain.address), 'the dump does hold the database');
  const texts = [
    passphrase,
    'mailbox-password-canary',
    pfxPassword,
    authorityPassphrase,
    recoveryCode,
    recoveryCode.replaceAll('-', ''),
    draftText,
  ];
  for (const secret of texts) {
    for (const form of [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ]) {
      assert.ok(!everything.includes(form), `${secret} stands in the database`);
    }
  }
  for (const prime of primes)
    assert.ok(!everything.includes(prime.slice(0, 64)), 'a private key stands in the database');
  const secretOfCookie = Buffer.from(cookie.split('.')[1] ?? '', 'base64url').toString('hex');
  assert.ok(!everything.includes(secretOfCookie), "the cookie's secret stands in the database");
});

/** Hidden fields that the compose form carries besides the token. */
function draftFields(html: string): [string, string][] {
  return [...html.matchAll(/<input type="hidden" name="(version|nonce)" value="([^"]*)"/g)].map((match) => [
    match[1]!,
    match[2]!,
  ]);
}
