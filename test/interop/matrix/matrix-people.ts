/** One person for each kind of key, under one root, and their keys as the files that other programs import. */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificates } from '../../../src/pki/certificate-bundle.ts';
import { makePeople, type People, type Person } from '../../support/smime-people.ts';
import { KEYS, type Key } from './peer.ts';

export interface MatrixPeople {
  readonly people: People;
  readonly by: Readonly<Record<Key, Person>>;
  /** The key and the certificates in a .pfx file without a password in the form of old programs, or in today's. */
  pkcs12(key: Key, form: 'legacy' | 'aes'): string;
  file(name: string): string;
}

const ALGORITHM: Record<Key, string[]> = {
  rsa2048: ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa3072: ['RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
  rsapss: ['RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'],
  p256: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  p521: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  ed25519: ['ED25519'],
  x25519: ['X25519'],
};

export const PASSWORD = 'matrix';

export function makeMatrixPeople(): MatrixPeople {
  const people = makePeople();
  const file = (name: string) => join(people.folder, name);
  const by = Object.fromEntries(KEYS.map((key) => [key, makePerson(people, key)])) as Record<Key, Person>;
  const pkcs12 = (key: Key, form: 'legacy' | 'aes') => {
    const out = file(`${key}-${form}.p12`);
    const files = ['-inkey', by[key].keyFile, '-in', by[key].certificateFile, '-certfile', people.rootFile];
    const options = ['-name', key, '-passout', `pass:${PASSWORD}`, ...(form === 'legacy' ? ['-legacy'] : [])];
    people.openssl('pkcs12', '-export', ...files, ...options, '-out', out);
    return out;
  };
  return { people, by, pkcs12, file };
}

function makePerson({ openssl, folder }: People, key: Key): Person {
  const at = (suffix: string) => join(folder, `${key}.${suffix}`);
  openssl('genpkey', '-algorithm', ...ALGORITHM[key], '-out', at('key'));
  openssl('pkey', '-in', at('key'), '-pubout', '-out', at('pub'));
  // X25519 cannot sign a request of its own: the root's key signs all of them, and the certificate gets the right key
  openssl('req', '-new', '-key', 'root.key', '-subj', `/CN=${key}`, '-out', at('csr'));
  const usage: Partial<Record<Key, string>> = {
    rsa2048: 'digitalSignature,keyEncipherment',
    rsa3072: 'digitalSignature,keyEncipherment',
    rsapss: 'digitalSignature',
    ed25519: 'digitalSignature',
    x25519: 'keyAgreement',
  };
  const extensions = [
    'basicConstraints=CA:FALSE',
    `subjectAltName=email:${key}@example.org`,
    `keyUsage=critical,${usage[key] ?? 'digitalSignature,keyAgreement'}`,
    'extendedKeyUsage=emailProtection',
    'subjectKeyIdentifier=hash',
    'authorityKeyIdentifier=keyid',
  ];
  writeFileSync(at('ext'), extensions.join('\n'));
  const issuer = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '20'];
  const subject = ['-in', at('csr'), '-force_pubkey', at('pub'), '-extfile', at('ext')];
  openssl('x509', '-req', ...subject, ...issuer, '-out', at('pem'));
  const [certificate] = readCertificates(readFileSync(at('pem')));
  assert.ok(certificate);
  const privateKey = createPrivateKey(readFileSync(at('key')));
  return { address: `${key}@example.org`, certificate, privateKey, certificateFile: at('pem'), keyFile: at('key') };
}
