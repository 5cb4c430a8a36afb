/**
 * Writes corpus.json: the good inputs that are mutated, and the keys that open them. It is kept in the repository, so that a
 * seed draws the same inputs on every machine and an input that failed fails again. Run it again when the engine writes
 * something new: `node test/fuzz/make-corpus.ts`. The keys are for nothing else.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { certificateRequestPem, writeCertificateRequest } from '../../src/pki/certificate-request.ts';
import { writePkcs12 } from '../../src/pki/pkcs12-write.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import { makePeople, type People, type Person } from '../support/smime-people.ts';
import type { StoredCorpus } from './corpus.ts';
import { makeRevocationSeeds } from './revocation-seeds.ts';

const HONEST = Buffer.from('Content-Type: text/plain\r\n\r\nthe honest text\r\n');

function lettersOf({ alice, bob, carol }: People, at: Date): Buffer[] {
  const date = at.toUTCString().replace('GMT', '+0000');
  const headers = Buffer.from(`From: alice@example.org\r\nSubject: fuzz\r\nDate: ${date}\r\n`);
  const sign = { ...alice, chain: [] };
  const common = { mime: HONEST, headers, at };
  return [
    sealMessage({ ...common, sign }),
    sealMessage({ ...common, sign, opaque: true }),
    sealMessage({ ...common, encryptTo: [bob.certificate] }),
    sealMessage({ ...common, sign, encryptTo: [bob.certificate, carol.certificate], content: 'aes-256-gcm' }),
  ];
}

function filesOf({ alice, carol, root }: People): Buffer[] {
  return [alice, carol].flatMap(({ privateKey, certificate }) =>
    (['modern', 'legacy'] as const).map((form) =>
      writePkcs12({
        privateKey: pkcs8(privateKey),
        certificate,
        chain: [root],
        password: 'fuzz',
        form,
        friendlyName: 'x',
      }),
    ),
  );
}

function requestsOf({ alice, carol }: People): Buffer[] {
  const common = { subject: { name: 'Fuzz é', organisation: 'X', country: 'LU' }, address: 'a@example.org' };
  const wishes = { extendedKeyUsage: ['1.3.6.1.5.5.7.3.4'], basicConstraints: { ca: true, pathLength: 1 } };
  const [first, second] = [alice, carol].map(({ privateKey }) =>
    writeCertificateRequest({ privateKey: pkcs8(privateKey), ...common, ...wishes, keyUsage: ['digitalSignature'] }),
  ) as [Buffer, Buffer];
  return [first, Buffer.from(certificateRequestPem(second))];
}

function pkcs8(key: Person['privateKey']): Buffer {
  return key.export({ type: 'pkcs8', format: 'der' });
}

const people = makePeople();
try {
  const at = new Date();
  const base64 = (bytes: Buffer) => bytes.toString('base64');
  const corpus: StoredCorpus = {
    at: at.toISOString(),
    root: base64(people.root.der),
    certificates: [people.alice, people.carol].map(({ certificate }) => base64(certificate.der)),
    readers: [people.bob, people.carol].map(({ certificate, privateKey }) => ({
      certificate: base64(certificate.der),
      privateKey: base64(pkcs8(privateKey)),
    })),
    letters: lettersOf(people, at).map(base64),
    pkcs12: filesOf(people).map(base64),
    revocation: makeRevocationSeeds().map(base64),
    requests: requestsOf(people).map(base64),
  };
  writeFileSync(path.join(import.meta.dirname, 'corpus.json'), `${JSON.stringify(corpus, null, 2)}\n`);
} finally {
  people.remove();
}
