/** The verbs inspect, seal and pkcs12 of the command, with files that openssl made. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makePeople, type People } from '../support/smime-people.ts';

const COMMAND = resolve(import.meta.dirname, '../../src/cli.ts');

let people: People;
before(() => {
  people = makePeople();
  for (const name of ['alice', 'bob']) {
    const files = ['-inkey', `${name}.key`, '-in', `${name}.pem`, '-certfile', 'root.pem'];
    people.openssl('pkcs12', '-export', ...files, '-passout', 'pass:secret', '-out', `${name}.p12`);
  }
  writeFileSync(join(people.folder, 'password'), 'secret\n');
});
after(() => people.remove());

function sealpost(
  args: string[],
  input = '',
): {
  status: number | null;
  stdout: Buffer;
  stderr: Buffer;
} {
  return spawnSync(process.execPath, [COMMAND, ...args], { cwd: people.folder, input });
}

const identity = (name: string) => ['--identity', `${name}.p12`, '--password-file', 'password'];

describe('the command', () => {
  it('S14 seal makes what openssl decrypts and inspect calls trusted', () => {
    const date = new Date().toUTCString().replace('GMT', '+0000');
    const message = `From: Alice <alice@example.org>\nTo: bob@example.org\nSubject: Grüße\nDate: ${date}\n\nhello\n`;
    const sealed = sealpost(
      ['seal', '--sign', ...identity('alice'), '--encrypt', '--to', 'alice.pem', 'bob.pem'],
      message,
    );
    assert.equal(sealed.status, 0);
    writeFileSync(join(people.folder, 'sealed.eml'), sealed.stdout);
    people.openssl(
      'cms',
      '-decrypt',
      '-in',
      'sealed.eml',
      '-recip',
      'bob.pem',
      '-inkey',
      'bob.key',
      '-out',
      'inner.eml',
    );
    people.openssl('cms', '-verify', '-in', 'inner.eml', '-CAfile', 'root.pem', '-out', 'text');
    assert.match(readFileSync(join(people.folder, 'text'), 'utf8'), /hello/);

    const inspected = sealpost(['inspect', '--json', '--anchors', 'root.pem', ...identity('bob'), 'sealed.eml']);
    const answer = JSON.parse(inspected.stdout.toString());
    assert.equal(answer.signature.status, 'trusted');
    assert.equal(answer.encryption.status, 'encrypted');
    assert.equal(answer.subject, 'Grüße');
    assert.equal(answer.text, 'hello\n');
    assert.equal(answer.reply, '> hello');
    assert.equal(answer.revocation, 'unchecked');
  });

  it('T14 pkcs12 lists what is inside, and says why it cannot', () => {
    const read = sealpost(['pkcs12', '--json', '--password-file', 'password', 'alice.p12']);
    const answer = JSON.parse(read.stdout.toString());
    assert.deepEqual(answer.identities[0].addresses, ['alice@example.org']);
    assert.deepEqual(answer.identities[0].chain, [people.root.sha256]);
    writeFileSync(join(people.folder, 'wrong'), 'nope');
    const wrong = sealpost(['pkcs12', '--json', '--password-file', 'wrong', 'alice.p12']);
    assert.equal(wrong.status, 1);
    assert.equal(JSON.parse(wrong.stdout.toString()).error.code, 'wrong-password');
  });

  it('S13 seal says why it takes no certificate of an authority, and that one envelope for two kinds of keys is not for all', () => {
    const letter = 'From: alice@example.org\nSubject: keys\n\nhello\n';
    const refused = sealpost(['seal', '--encrypt', '--to', 'root.pem'], letter);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr.toString(), /root\.pem: the certificate of an authority/);
    const mixed = sealpost(['seal', '--encrypt', '--to', 'bob.pem', '--to', 'carol.pem'], letter);
    assert.equal(mixed.status, 0);
    assert.match(mixed.stderr.toString(), /old programs cannot read/);
    assert.equal(sealpost(['seal', '--encrypt', '--to', 'bob.pem'], letter).stderr.toString(), '');
  });

  it('wrong use and missing files have their exit status', () => {
    assert.equal(sealpost(['inspect']).status, 2);
    assert.equal(sealpost(['seal', '--encrypt']).status, 2);
    assert.equal(sealpost(['pkcs12']).status, 2);
    assert.equal(sealpost(['inspect', '--json', 'missing.eml']).status, 1);
  });
});
