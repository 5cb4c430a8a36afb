import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { it } from 'node:test';
import { submit } from '../../src/mail/submission.ts';
import { startTestbed } from '../../testbed/testbed.ts';
import { eventually, letter, type MailFixture, startMailFixture } from './testbed-support.ts';

const alain = { user: 'alain.dupont@tcn.b.eu-admin.net', password: 'alain-secret' };
const greta = { user: 'greta.muller@tcn.d.eu-admin.net', password: 'greta-secret' };

it('T06 the test bed also stands at the addresses of the document, or says that this machine does not allow it', async (t) => {
  let fixture: MailFixture;
  try {
    fixture = await startMailFixture(1, {
      relays: 'all',
      namespaces: true,
      moreCountries: [{ key: 'fin', hosted: true }],
    });
  } catch (error) {
    assert.match(String(error), /This machine allows no network namespaces|Another test bed has the addresses/);
    t.skip(String(error));
    return;
  }
  const { testbed } = fixture;
  try {
    assert.deepEqual(
      testbed.mailExchangers.map(({ address }) => address),
      ['62.62.0.17', '62.62.0.28', '62.62.0.29', '62.62.0.241'],
    );
    assert.deepEqual(
      testbed.moreCountries.map(({ domain }) => domain),
      ['tcn.fin.eu-admin.net'],
    );
    await fixture.addHostedAccount(alain.user, alain.password);
    await testbed.addOwnAccount('d', greta.user, greta.password);
    const bytes = letter({ from: alain.user, to: greta.user, subject: 'between namespaces' });
    const envelope = { from: alain.user, to: [greta.user], envelopeId: crypto.randomUUID() };
    const sent = await submit(testbed.countries.b.mailServer, alain, envelope, [bytes]);
    assert.equal(sent.outcome, 'accepted', sent.answer);
    const folder = path.join(testbed.mailboxFolder(greta.user), 'new');
    const [name = ''] = await eventually('a letter', async () => {
      const names = await readdir(folder).catch(() => []);
      return names.length > 0 && names;
    });
    assert.match(
      await readFile(path.join(folder, name), 'utf8'),
      /\[62\.62\.1\.2\]\)[\s\S]*by relay[23]\.eu-admin\.net/,
    );
    const second = { folder: path.join(fixture.folder, 'second'), relays: 'all' as const, namespaces: true };
    const database = { socketFolder: fixture.folder, name: 'x', user: 'x', password: 'x' };
    await assert.rejects(startTestbed({ ...second, database }), /Another test bed has the addresses/);
    assert.ok((await submit(testbed.countries.b.mailServer, alain, envelope, [bytes])).outcome === 'accepted');
  } finally {
    await fixture.stop();
  }
  assert.doesNotMatch(execFileSync('/usr/sbin/ip', ['netns', 'list'], { encoding: 'utf8' }), /sealpost-/);
});
