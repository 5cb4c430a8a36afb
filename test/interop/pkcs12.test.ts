/** PKCS#12 with the programs that people use: what each writes is read here, what is written here each reads. */
import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, createPublicKey, pbkdf2Sync, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Certificate } from '../../src/pki/certificate.ts';
import { readCertificates } from '../../src/pki/certificate-bundle.ts';
import { children, type DerNode, octetsOf, rawOf, readElement } from '../../src/pki/der.ts';
import { algorithmIdentifier, integer, nullValue, octetString, sequence } from '../../src/pki/der-writer.ts';
import { type Pkcs12Result, readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import { type Pkcs12Form, writePkcs12 } from '../../src/pki/pkcs12-write.ts';
import { openTools, type Tools } from '../support/pkcs12-tools.ts';

const KEYS = {
  rsa: ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  p256: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['ED25519'],
} as const;
type Kind = keyof typeof KEYS;
const KINDS = Object.keys(KEYS) as Kind[];
const ACCENTS = 'pässwörd';
const PASSWORDS = {
  plain: 'correct horse',
  accents: ACCENTS,
  decomposed: ACCENTS.normalize('NFD'),
  'outside the BMP': 'clé 🔑 茶',
} as const;

let tools: Tools;
let root: Certificate;
const certificates = {} as Record<Kind, Certificate>;

before(() => {
  tools = openTools();
  const { run } = tools;
  const days = ['-days', '20'];
  run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=Root',
    '-keyout',
    'root.key',
    '-out',
    'root.pem',
    ...days,
  ]);
  root = certificateOf('root.pem');
  for (const kind of KINDS) {
    run('openssl', ['genpkey', '-algorithm', ...KEYS[kind], '-out', `${kind}.key`]);
    run('openssl', ['req', '-new', '-key', `${kind}.key`, '-subj', `/CN=${kind}`, '-out', 'csr.pem']);
    const signing = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', ...days];
    run('openssl', ['x509', '-req', '-in', 'csr.pem', ...signing, '-out', `${kind}.pem`]);
    certificates[kind] = certificateOf(`${kind}.pem`);
  }
});
after(() => tools.remove());

function certificateOf(name: string): Certificate {
  const [certificate] = readCertificates(tools.read(name));
  assert.ok(certificate);
  return certificate;
}

function privateKeyOf(kind: Kind): Buffer {
  return createPrivateKey(tools.read(`${kind}.key`)).export({ format: 'der', type: 'pkcs8' });
}

/** Says which of the people's keys came out, each with its certificate and `chain` issuers above it. */
function assertHolds(result: Pkcs12Result, kinds: readonly Kind[], chain = 1): void {
  assert.ok(result.ok, result.ok ? '' : `${result.code}: ${result.message}`);
  const found = result.identities.map((identity) => identity.certificate.sha256);
  assert.deepEqual(found.sort(), kinds.map((kind) => certificates[kind].sha256).sort());
  for (const { certificate, privateKey, chain: above } of result.identities) {
    const key = createPublicKey(createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }));
    assert.ok(key.equals(certificate.publicKey), certificate.subject);
    assert.equal(above.length, chain, certificate.subject);
  }
}

function opensslFile(kind: Kind, password: string, ...options: string[]): Buffer {
  tools.write('password', password);
  const passout = password === '' ? 'pass:' : 'file:password'; // an empty file is no password to OpenSSL
  const files = ['-inkey', `${kind}.key`, '-in', `${kind}.pem`, '-certfile', 'root.pem', '-name', `${kind} é`];
  tools.run('openssl', ['pkcs12', '-export', ...files, '-passout', passout, '-out', 'openssl.p12', ...options]);
  return tools.read('openssl.p12');
}

function ownFile(kind: Kind, password: string, form: Pkcs12Form): Buffer {
  const privateKey = privateKeyOf(kind);
  const [certificate, chain] = [certificates[kind], [root]];
  return writePkcs12({ privateKey, certificate, chain, password, form, friendlyName: 'Anna Müller' });
}

describe('PKCS#12 of OpenSSL', () => {
  for (const form of ['default', 'legacy'] as const) {
    for (const [name, password] of Object.entries(PASSWORDS)) {
      it(`T14 a file in the ${form} form with a password of ${name} is read`, () => {
        for (const kind of KINDS) {
          const bytes = opensslFile(kind, password, ...(form === 'legacy' ? ['-legacy'] : []));
          assertHolds(readPkcs12(bytes, password), [kind]);
        }
      });
    }
  }

  it('T14 an empty password opens what was made with it', () => {
    assertHolds(readPkcs12(opensslFile('p256', ''), ''), ['p256']);
  });

  it('T14 a file that asks for 600,000 iterations is read', () => {
    assertHolds(readPkcs12(opensslFile('rsa', 'x', '-iter', '600000'), 'x'), ['rsa']);
  });

  it('T14 a key without a certificate, and a certificate without a key, are told', () => {
    tools.write('password', 'x');
    tools.run('openssl', [
      'pkcs12',
      '-export',
      '-nocerts',
      '-inkey',
      'rsa.key',
      '-passout',
      'file:password',
      '-out',
      'half.p12',
    ]);
    const key = readPkcs12(tools.read('half.p12'), 'x');
    assert.equal(key.ok ? 'ok' : `${key.code}: ${key.message}`, 'no-key: no certificate fits the private key');
    tools.run('openssl', [
      'pkcs12',
      '-export',
      '-nokeys',
      '-in',
      'rsa.pem',
      '-passout',
      'file:password',
      '-out',
      'half.p12',
    ]);
    const certificate = readPkcs12(tools.read('half.p12'), 'x');
    assert.equal(
      certificate.ok ? 'ok' : `${certificate.code}: ${certificate.message}`,
      'no-key: no private key inside',
    );
  });

  it('S09 of two certificates for one key the one that the file ties to it comes first', () => {
    tools.run('openssl', [
      'req',
      '-new',
      '-x509',
      '-key',
      'rsa.key',
      '-subj',
      '/CN=later',
      '-days',
      '400',
      '-out',
      'later.pem',
    ]);
    tools.write('password', 'x');
    const files = ['-inkey', 'rsa.key', '-in', 'rsa.pem', '-certfile', 'later.pem', '-out', 'two.p12'];
    tools.run('openssl', ['pkcs12', '-export', ...files, '-passout', 'file:password']);
    const result = readPkcs12(tools.read('two.p12'), 'x');
    assert.ok(result.ok);
    const names = result.identities.map((identity) => identity.certificate.commonName);
    assert.deepEqual(names, ['rsa', 'later']);
  });
});

describe('PKCS#12 of NSS', () => {
  const database = (name: string): string[] => {
    tools.run('mkdir', ['-p', name]);
    tools.run('certutil', ['-N', '-d', name, '--empty-password']);
    return ['-d', name];
  };

  it('T14 files of pk12util with RSA and EC keys and 600,000 iterations are read', () => {
    const at = database('nss-write');
    // The NSS of Debian 12 has no Ed25519.
    for (const kind of ['rsa', 'p256', 'p384'] as const) {
      opensslFile(kind, 'x');
      tools.run('pk12util', ['-i', 'openssl.p12', ...at, '-W', 'x']);
      tools.run('pk12util', ['-o', 'nss.p12', '-n', `${kind} é`, ...at, '-W', ACCENTS]);
      assertHolds(readPkcs12(tools.read('nss.p12'), ACCENTS), [kind]);
    }
  });

  for (const form of ['modern', 'legacy'] as const) {
    it(`T16 pk12util imports our file in the ${form} form`, () => {
      const at = database(`nss-${form}`);
      for (const kind of ['rsa', 'p256', 'p384'] as const) {
        tools.write('own.p12', ownFile(kind, PASSWORDS['outside the BMP'], form));
        tools.run('pk12util', ['-i', 'own.p12', ...at, '-W', PASSWORDS['outside the BMP']]);
      }
      assert.equal(tools.run('certutil', ['-K', ...at]).match(/<\s*\d+>/g)?.length, 3);
    });
  }
});

describe('PKCS#12 of GnuTLS', () => {
  const certtool = (kind: Kind, ...options: string[]): Buffer => {
    const files = ['--load-privkey', `${kind}.key`, '--load-certificate', `${kind}.pem`, '--outfile', 'gnutls.p12'];
    tools.run('certtool', ['--to-p12', ...files, '--p12-name', `${kind} é`, '--outder', ...options]);
    return tools.read('gnutls.p12');
  };

  it('T14 files of certtool with every kind of key are read', () => {
    for (const kind of KINDS) assertHolds(readPkcs12(certtool(kind, '--password', ACCENTS), ACCENTS), [kind], 0);
  });

  it('T14 an empty password and none at all both open with an empty field', () => {
    assertHolds(readPkcs12(certtool('p256', '--empty-password'), ''), ['p256'], 0);
    assertHolds(readPkcs12(certtool('p256', '--null-password'), ''), ['p256'], 0);
  });

  it('T14 the key is read although certtool makes the authority so costly that it is left out', () => {
    const bytes = certtool('rsa', '--load-ca-certificate', 'root.pem', '--password', 'x');
    const result = readPkcs12(bytes, 'x');
    assert.ok(result.ok, result.ok ? '' : result.code);
    assert.equal(result.identities[0]?.certificate.sha256, certificates.rsa.sha256);
  });

  for (const form of ['modern', 'legacy'] as const) {
    it(`T16 certtool opens our file in the ${form} form`, () => {
      for (const kind of KINDS) {
        tools.write('own.p12', ownFile(kind, ACCENTS, form));
        const said = tools.run('certtool', ['--p12-info', '--inder', '--infile', 'own.p12', '--password', ACCENTS]);
        assert.equal(said.match(/BEGIN CERTIFICATE/g)?.length, 2, said);
        const key = /-----BEGIN ENCRYPTED PRIVATE KEY-----[\s\S]+?-----END ENCRYPTED PRIVATE KEY-----/.exec(said)?.[0];
        tools.write('shrouded.pem', `${key}\n`); // as it lies in the file; opened in a second step
        const opening = ['--pubkey-info', '--load-privkey', 'shrouded.pem', '--password', ACCENTS];
        const opened = /-----BEGIN PUBLIC[\s\S]+/.exec(tools.run('certtool', opening))?.[0] ?? '';
        assert.ok(createPublicKey(opened).equals(certificates[kind].publicKey), kind);
      }
    });
  }
});

describe('PKCS#12 of Java', () => {
  const store = (name: string, password: string): string[] => [
    '-keystore',
    name,
    '-storetype',
    'PKCS12',
    '-storepass',
    password,
  ];
  // Java takes only ASCII for its own form.
  const password = 'secret of Java';

  it('T14 a key store with several keys is read, each with its own certificate and chain', () => {
    for (const kind of ['rsa', 'p256', 'p384'] as const) {
      opensslFile(kind, 'x');
      const source = ['-srckeystore', 'openssl.p12', '-srcstoretype', 'PKCS12', '-srcstorepass', 'x'];
      const target = ['-destkeystore', 'java.p12', '-deststoretype', 'PKCS12', '-deststorepass', password];
      tools.run('keytool', ['-importkeystore', '-noprompt', ...source, ...target]);
    }
    assertHolds(readPkcs12(tools.read('java.p12'), password), ['rsa', 'p256', 'p384']);
  });

  for (const form of ['modern', 'legacy'] as const) {
    it(`T16 keytool lists our file in the ${form} form with its chain`, () => {
      tools.write('own.p12', ownFile('p256', password, form));
      const said = tools.run('keytool', ['-list', '-v', ...store('own.p12', password)]);
      assert.match(said, /PrivateKeyEntry/);
      assert.match(said, /chain length: 2/);
      assert.match(said.toLowerCase(), /alias name: anna m/);
    });
  }
});

describe('PKCS#12 of GnuPG', () => {
  const gpgsm = (...args: string[]): string =>
    tools.run('gpgsm', ['--batch', '--pinentry-mode', 'loopback', '--passphrase-fd', '0', ...args], `${ACCENTS}\n`);

  it('T16 gpgsm imports our file in the old form, and T14 what it exports then is read', () => {
    // gpgsm 2.2 drops leading zeros in its key derivation, so about one salt in a hundred fails: a new file has another.
    const importOnce = () => {
      tools.write('own.p12', ownFile('rsa', ACCENTS, 'legacy'));
      return gpgsm('--import', 'own.p12');
    };
    let said = '';
    for (let salt = 0; salt < 6 && !/secret keys imported: 1/.test(said); salt += 1) {
      try {
        said = importOnce();
      } catch (error) {
        said = String(error);
      }
    }
    assert.match(said, /secret keys imported: 1/);
    const fingerprint = certificates.rsa.sha1.toUpperCase();
    gpgsm('--output', 'gpgsm.p12', '--export-secret-key-p12', fingerprint);
    assertHolds(readPkcs12(tools.read('gpgsm.p12'), ACCENTS), ['rsa'], 0);
  });
});

describe('PKCS#12 with PBMAC1', () => {
  // RFC 9879 section 4. Nothing in Debian 12 writes it; its published vectors are in test/conformance/pkcs12.test.ts.
  const withPbmac1 = (bytes: Buffer, password: string, iterations: number, hash: 'sha256' | 'sha512'): Buffer => {
    const [version, authSafe] = children(readElement(bytes)) as [DerNode, DerNode];
    const content = octetsOf(children(children(authSafe)[1] as DerNode)[0] as DerNode);
    const salt = randomBytes(16);
    const keyLength = hash === 'sha256' ? 32 : 64;
    const hmac = algorithmIdentifier(hash === 'sha256' ? '1.2.840.113549.2.9' : '1.2.840.113549.2.11', nullValue());
    const key = pbkdf2Sync(Buffer.from(password, 'utf8'), salt, iterations, keyLength, hash);
    const derivation = sequence(octetString(salt), integer(iterations), integer(keyLength), hmac);
    const pbmac1 = sequence(algorithmIdentifier('1.2.840.113549.1.5.12', derivation), hmac);
    const digest = octetString(createHmac(hash, key).update(content).digest());
    const digestInfo = sequence(algorithmIdentifier('1.2.840.113549.1.5.14', pbmac1), digest);
    return sequence(
      rawOf(version),
      rawOf(authSafe),
      sequence(digestInfo, octetString(Buffer.from('NOT USED')), integer(1)),
    );
  };

  it('T14 files with PBMAC1 of SHA-256 and SHA-512 are read, also with 600,000 iterations', () => {
    const plain = opensslFile('rsa', ACCENTS);
    assertHolds(readPkcs12(withPbmac1(plain, ACCENTS, 2048, 'sha256'), ACCENTS), ['rsa']);
    assertHolds(readPkcs12(withPbmac1(plain, ACCENTS, 600_000, 'sha512'), ACCENTS), ['rsa']);
  });

  it('S09 a wrong PBMAC1 is refused, and one that asks too much is told as too costly', () => {
    const code = (bytes: Buffer) => {
      const result = readPkcs12(bytes, 'x');
      return result.ok ? 'ok' : result.code;
    };
    const plain = opensslFile('rsa', 'x');
    assert.equal(code(withPbmac1(plain, 'another', 2048, 'sha256')), 'wrong-password');
    assert.equal(code(withPbmac1(plain, 'x', 2_000_001, 'sha256')), 'too-costly');
  });
});

describe('PKCS#12 of our own', () => {
  for (const form of ['modern', 'legacy'] as const) {
    for (const [name, password] of Object.entries(PASSWORDS)) {
      it(`T16 OpenSSL opens our file in the ${form} form with a password of ${name}`, () => {
        for (const kind of KINDS) {
          tools.write('own.p12', ownFile(kind, password, form));
          tools.write('password', password);
          const options = [
            '-in',
            'own.p12',
            '-passin',
            'file:password',
            '-nodes',
            ...(form === 'legacy' ? ['-legacy'] : []),
          ];
          const said = tools.run('openssl', ['pkcs12', ...options]);
          assert.equal(said.match(/BEGIN CERTIFICATE/g)?.length, 2);
          const key = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----/.exec(said)?.[0] ?? '';
          assert.ok(createPublicKey(createPrivateKey(key)).equals(certificates[kind].publicKey));
        }
      });
    }
  }

  it('T16 the default form protects with AES-256 and SHA-256, the old form only on request', () => {
    const info = (form: Pkcs12Form): string => {
      tools.write('own.p12', ownFile('rsa', 'x', form));
      return tools.run('openssl', ['pkcs12', '-in', 'own.p12', '-passin', 'pass:x', '-nodes', '-info', '-legacy']);
    };
    const modern = info('modern');
    assert.equal(modern.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256/g)?.length, 2);
    assert.match(modern, /MAC: sha256/);
    const legacy = info('legacy');
    assert.match(legacy, /pbeWithSHA1And3-KeyTripleDES-CBC/);
    assert.match(legacy, /pbeWithSHA1And40BitRC2-CBC/);
  });
});
