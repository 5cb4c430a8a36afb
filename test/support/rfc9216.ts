/** The sample people of RFC 9216 as published; the suite may be missing. */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Certificate, canEncrypt, canSign } from '../../src/pki/certificate.ts';
import { readCertificates } from '../../src/pki/certificate-bundle.ts';
import type { Pkcs12Identity } from '../../src/pki/pkcs12-identities.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = path.resolve(ROOT, process.env['SEALPOST_SUITES'] ?? '../shared/suites', 'rfc9216');

/** Why the tests that need it are skipped; false where it is there. */
export const rfc9216Missing: string | false = existsSync(FOLDER) ? false : `${FOLDER} is missing`;
if (rfc9216Missing && process.env['SEALPOST_REQUIRE_SUITES'])
  throw new Error(`the suites are required, and ${rfc9216Missing}`);

export interface SamplePerson {
  readonly address: string;
  readonly identities: readonly Pkcs12Identity[];
  readonly signing: Pkcs12Identity;
  readonly encryption: Pkcs12Identity;
}

export function keyOf(identity: Pkcs12Identity) {
  return createPrivateKey({ key: identity.privateKey, format: 'der', type: 'pkcs8' });
}

export function readSamplePerson(name: string): SamplePerson {
  // As published, the password of each file is the first name.
  const read = readPkcs12(readFileSync(path.join(FOLDER, `${name}.p12`)), name);
  assert.ok(read.ok, read.ok ? '' : `${name}: ${read.code}: ${read.message}`);
  const signing = read.identities.find(({ certificate }) => canSign(certificate));
  const encryption = read.identities.find(({ certificate }) => canEncrypt(certificate));
  assert.ok(signing && encryption, name);
  return { address: `${name}@smime.example`, identities: read.identities, signing, encryption };
}

export function readSampleCertificate(name: string): Certificate {
  const [certificate] = readCertificates(readFileSync(path.join(FOLDER, name)));
  assert.ok(certificate, name);
  return certificate;
}
