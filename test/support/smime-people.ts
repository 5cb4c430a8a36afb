/** A root authority and people with certificates for mail, made anew with the openssl command. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificate, parseCertificate } from '../../src/pki/certificate.ts';

export interface Person {
  readonly address: string;
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  /** PEM files, for the openssl command. */
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface People {
  readonly folder: string;
  readonly root: Certificate;
  readonly rootFile: string;
  readonly alice: Person;
  readonly bob: Person;
  readonly carol: Person;
  readonly dave: Person;
  readonly eve: Person;
  openssl(...args: string[]): Buffer;
  remove(): void;
}

const KEYS = {
  rsa: ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  p256: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['ED25519'],
} as const;

/** Alice and Bob have RSA keys, Carol P-256, Dave Ed25519, Eve RSA under a root of her own. */
export function makePeople(): People {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-people-'));
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const makeRoot = (name: string) => {
    openssl('genpkey', '-algorithm', ...KEYS.rsa, '-out', `${name}.key`);
    openssl(
      'req',
      '-x509',
      '-new',
      '-key',
      `${name}.key`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '30',
      '-out',
      `${name}.pem`,
    );
  };
  makeRoot('root');
  makeRoot('other');
  const person = (name: string, key: keyof typeof KEYS, issuer = 'root'): Person => {
    const address = `${name}@example.org`;
    openssl('genpkey', '-algorithm', ...KEYS[key], '-out', `${name}.key`);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    const usage = 'keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement';
    const lines = [
      `subjectAltName=email:${address}`,
      usage,
      'extendedKeyUsage=emailProtection',
      'subjectKeyIdentifier=hash',
    ];
    writeFileSync(join(folder, `${name}.ext`), lines.join('\n'));
    const signing = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial', '-days', '20'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
    return {
      address,
      certificate: readPem(join(folder, `${name}.pem`)),
      privateKey: createPrivateKey(readFileSync(join(folder, `${name}.key`))),
      certificateFile: join(folder, `${name}.pem`),
      keyFile: join(folder, `${name}.key`),
    };
  };
  return {
    folder,
    root: readPem(join(folder, 'root.pem')),
    rootFile: join(folder, 'root.pem'),
    alice: person('alice', 'rsa'),
    bob: person('bob', 'rsa'),
    carol: person('carol', 'p256'),
    dave: person('dave', 'ed25519'),
    eve: person('eve', 'rsa', 'other'),
    openssl,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function readPem(file: string): Certificate {
  const base64 = readFileSync(file, 'latin1').replace(/-----[^-]+-----|\s/g, '');
  return parseCertificate(Buffer.from(base64, 'base64'));
}

/** Somebody with another kind of key, as arguments of `openssl genpkey -algorithm`, under the same root; the certificate has no key usage. */
export function addPerson(people: People, name: string, kind: readonly string[]): Person {
  people.openssl('genpkey', '-algorithm', ...kind, '-out', `${name}.key`);
  const privateKey = createPrivateKey(readFileSync(join(people.folder, `${name}.key`)));
  return certify(people, { name, privateKey });
}

export interface CertificateOrder {
  readonly name: string;
  readonly privateKey: KeyObject;
  /** `name` at example.org when it is left out. */
  readonly subjectAltName?: string;
  readonly commonName?: string;
  /** Further lines of the extensions. */
  readonly extensions?: readonly string[];
  /** Of which authority: its files are `<issuer>.pem` and `<issuer>.key`. */
  readonly issuer?: string;
  readonly serial?: string;
}

/** A certificate for any key, that an authority would be wrong to make. */
export function certify(people: People, order: CertificateOrder): Person {
  const { name, privateKey, commonName = name, extensions = [], issuer = 'root' } = order;
  const file = (ending: string) => join(people.folder, `${name}.${ending}`);
  const address = `${name}@example.org`;
  writeFileSync(file('key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  people.openssl('req', '-new', '-utf8', '-key', `${name}.key`, '-subj', `/CN=${commonName}`, '-out', `${name}.csr`);
  const subjectAltName = `subjectAltName=${order.subjectAltName ?? `email:${address}`}`;
  writeFileSync(file('ext'), [subjectAltName, 'subjectKeyIdentifier=hash', ...extensions, ''].join('\n'));
  const serial = order.serial === undefined ? ['-CAcreateserial'] : ['-set_serial', order.serial];
  const signing = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, ...serial, '-days', '20'];
  people.openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  return { address, certificate: readPem(file('pem')), privateKey, certificateFile: file('pem'), keyFile: file('key') };
}
