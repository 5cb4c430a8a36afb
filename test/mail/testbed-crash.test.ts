import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectMailbox } from '../../src/mail/imap-connection.ts';
import { startTestbed, stopTestbed } from '../../testbed/testbed.ts';

const PROGRAM = fileURLToPath(new URL('../../testbed/run.ts', import.meta.url));
const NETWORK = 74;
const greta = { user: 'greta.muller@tcn.d.eu-admin.net', password: 'greta-secret' };

for (const place of ['a folder that everybody reaches', 'a folder below a private one']) {
  it(`a test bed in ${place} starts again after its process was killed, and keeps its mailboxes`, async () => {
    const base = await mkdtemp(path.join(os.tmpdir(), 'sealpost-crash-'));
    if (!place.includes('private')) await chmod(base, 0o755);
    const folder = path.join(base, 'data');
    // the whole network once: the small one that starts after it ends all of it
    const size = place.includes('private') ? [] : ['--one-relay'];
    try {
      const child = spawn(process.execPath, [PROGRAM, 'up', folder, `--network=${NETWORK}`, ...size], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      for await (const chunk of child.stdout) {
        said += String(chunk);
        if (said.includes('Ctrl-C')) break;
      }
      assert.match(said, /tcn\.d\.eu-admin\.net: IMAP 127\.74\.1\.3:993/);
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');

      const options = {
        folder,
        network: NETWORK,
        database: { socketFolder: base, name: 'x', user: 'x', password: 'x' },
      };
      const testbed = await startTestbed(options);
      await testbed.addOwnAccount('d', greta.user, greta.password);
      await testbed.stop();
      await testbed.stop();

      const again = await startTestbed(options);
      const signedIn = await connectMailbox(again.countries.d.mailServer, greta);
      assert.ok(signedIn.ok);
      await signedIn.connection.close();
      assert.equal(again.caPem, testbed.caPem);
      // the database of the hosted country is not there: that is no wrong password
      const hosted = { user: 'alain.dupont@tcn.b.eu-admin.net', password: 'x' };
      assert.deepEqual(await connectMailbox(again.countries.b.mailServer, hosted), {
        ok: false,
        reason: 'unreachable',
      });
      await again.stop();
    } finally {
      await stopTestbed({ folder, network: NETWORK });
      // a link to another place where this one can not be reached by the servers' users
      await rm(await realpath(path.join(folder, 'servers')), { recursive: true, force: true });
      await rm(base, { recursive: true, force: true });
    }
  });
}
