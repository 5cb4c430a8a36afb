/** Certificates made to keep a reader busy lie among one clerk's contacts: the clerk gets an answer, nobody else waits. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  basicConstraints,
  extendedKeyUsage,
  type ForgedKey,
  forgeCertificate,
  forgeKey,
  forgeName,
  generalName,
  keyUsage,
  subjectAltName,
} from '../support/certificate-forge.ts';

const LIFE = { notBefore: new Date(Date.now() - 86_400_000), notAfter: new Date(Date.now() + 86_400_000) };

let world: TestApp;
before(async () => {
  world = await startTestApp();
});
after(() => world?.stop());

function certificate(subject: string, issuer: string, key: ForgedKey, signer: ForgedKey, person = false): Buffer {
  const address = subjectAltName(generalName(1, `${subject}@partner.example`));
  const own = person
    ? [keyUsage(0, 4), extendedKeyUsage('1.3.6.1.5.5.7.3.4'), address]
    : [basicConstraints(true), keyUsage(5)];
  const names = { subject: forgeName(subject), issuer: forgeName(issuer) };
  return forgeCertificate({ serial: 1, ...names, ...LIFE, spki: key.spki, extensions: own, signer });
}

/** Eight contacts, each under authorities that all certify each other. */
async function plantContacts(): Promise<void> {
  const keys = Array.from({ length: 12 }, forgeKey);
  const cross = keys.flatMap((key, subject) =>
    keys.flatMap((signer, issuer) => {
      return subject === issuer ? [] : [certificate(`ca${subject}`, `ca${issuer}`, key, signer)];
    }),
  );
  for (let number = 0; number < 8; number += 1) {
    const name = `person${number}`;
    const leaf = parseCertificate(certificate(name, 'ca0', forgeKey(), keys[0] as ForgedKey, true));
    const address = `${name}@partner.example`;
    await world.database.prisma.contact.create({
      data: {
        ...{ accountId: world.alain.id, name, address, addressKey: address },
        certificates: {
          create: {
            certificate: new Uint8Array(leaf.der),
            chain: cross.map((der) => new Uint8Array(der)),
            ...{ sha256: leaf.sha256, isDefault: true, source: 'test' },
          },
        },
      },
    });
  }
}

test('a hostile set of certificates is looked at in a worker, within its limits, and others are answered meanwhile', async (t) => {
  await plantContacts();
  const [alain, elise] = await Promise.all([world.cookieFor(world.alain), world.cookieFor(world.elise)]);
  const get = (url: string, cookie: string) => world.app.inject({ url, headers: { cookie } });
  await get('/settings', elise);
  const [ofAll, ofMain] = [process.cpuUsage(), process.threadCpuUsage()];
  let pending = true;
  const contacts = get('/contacts', alain).finally(() => {
    pending = false;
  });
  const waits: number[] = [];
  while (pending) {
    const startedMs = performance.now();
    assert.equal((await get('/settings', elise)).statusCode, 200);
    waits.push(performance.now() - startedMs);
  }
  const answer = await contacts;
  const [all, main] = [process.cpuUsage(ofAll), process.threadCpuUsage(ofMain)];
  waits.sort((a, b) => a - b);
  t.diagnostic(
    `${waits.length} requests of somebody else meanwhile, median ${waits[waits.length >> 1]?.toFixed(1)} ms`,
  );
  assert.equal(answer.statusCode, 200);
  assert.match(answer.body, /person7/);
  assert.doesNotMatch(answer.body, /class="vx v"/);
  assert.ok(waits.length >= 3, 'others were answered while it went on');
  // What was spent on the certificates was not spent by the thread that answers everybody.
  const [allMs, mainMs] = [all.user + all.system, main.user + main.system].map((us) => us / 1000);
  assert.ok((mainMs as number) < (allMs as number) / 2 + waits.length * 20, `${mainMs} of ${allMs} ms`);
});
