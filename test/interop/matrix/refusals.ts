/** What the other programs cannot do, each with the words by which it is known. A cell refused otherwise is a fault. */
import type { Row } from './definition.ts';

export interface Refusal {
  readonly peer: string;
  readonly step: 'write' | 'read';
  readonly rows: (row: Row) => boolean;
  /** In what the program says then. */
  readonly says: RegExp;
  /** For docs/interoperability.md. */
  readonly reason: string;
}

const signer =
  (...keys: string[]) =>
  (row: Row) =>
    row.sign !== undefined && keys.includes(row.sign.signer);
const reader =
  (...keys: string[]) =>
  (row: Row) =>
    row.encrypt?.recipients.some((key) => keys.includes(key)) ?? false;
const lastReader =
  (...keys: string[]) =>
  (row: Row) =>
    keys.includes(row.encrypt?.recipients.at(-1) ?? '');
const gcm = (row: Row) => row.encrypt?.cipher.endsWith('gcm') ?? false;
const cbc = (row: Row) => row.encrypt !== undefined && !gcm(row);
const oaep = (row: Row) => row.encrypt?.oaep ?? false;
const both =
  (...tests: ((row: Row) => boolean)[]) =>
  (row: Row) =>
    tests.every((test) => test(row));

const NIST = ['p256', 'p384', 'p521'];
const CURVES = [...NIST, 'x25519'];

export const REFUSALS: readonly Refusal[] = [
  {
    peer: 'OpenSSL cms',
    step: 'write',
    rows: signer('ed25519'),
    says: /invalid digest/,
    reason: 'OpenSSL 3.0 has no Ed25519 in CMS: it hashes first, which this algorithm does not allow',
  },
  {
    peer: 'OpenSSL cms',
    step: 'read',
    rows: signer('ed25519'),
    says: /invalid digest/,
    reason: 'OpenSSL 3.0 has no Ed25519 in CMS: it hashes first, which this algorithm does not allow',
  },
  {
    peer: 'OpenSSL cms',
    step: 'write',
    rows: reader('x25519'),
    says: /not supported for this keytype/,
    reason: 'OpenSSL 3.0 has no X25519 in CMS',
  },
  {
    peer: 'OpenSSL cms',
    step: 'read',
    rows: reader('x25519'),
    says: /no matching recipient/,
    reason: 'OpenSSL 3.0 has no X25519 in CMS',
  },
  {
    peer: 'OpenSSL smime',
    step: 'write',
    rows: signer('ed25519'),
    says: /signing not supported for this key type/,
    reason: 'PKCS#7 of OpenSSL has no Ed25519',
  },
  {
    peer: 'OpenSSL smime',
    step: 'read',
    rows: signer('ed25519'),
    says: /operation not supported for this keytype/,
    reason: 'PKCS#7 of OpenSSL has no Ed25519',
  },
  {
    peer: 'OpenSSL smime',
    step: 'write',
    rows: reader(...CURVES),
    says: /encryption not supported for this key type/,
    reason: 'PKCS#7 has no key agreement',
  },
  {
    peer: 'OpenSSL smime',
    step: 'write',
    rows: gcm,
    says: /Error creating PKCS#7/,
    reason: 'PKCS#7 has no AuthEnvelopedData',
  },
  {
    peer: 'OpenSSL smime',
    step: 'read',
    rows: gcm,
    says: /wrong content type/,
    reason: 'PKCS#7 has no AuthEnvelopedData',
  },
  {
    peer: 'OpenSSL smime',
    step: 'read',
    rows: both(cbc, reader(...CURVES)),
    says: /wrong tag/,
    reason: 'PKCS#7 has no key agreement',
  },
  {
    peer: 'NSS cmsutil',
    step: 'write',
    rows: signer('ed25519'),
    says: /UNABLE_TO_IMPORT_KEY/,
    reason: 'NSS 3.87 imports no Ed25519 and no X25519 keys',
  },
  {
    peer: 'NSS cmsutil',
    step: 'read',
    rows: signer('ed25519'),
    says: /ProcessingError/,
    reason: 'NSS 3.87 verifies no Ed25519',
  },
  {
    peer: 'NSS cmsutil',
    step: 'read',
    rows: reader('x25519'),
    says: /UNABLE_TO_IMPORT_KEY/,
    reason: 'NSS 3.87 imports no Ed25519 and no X25519 keys',
  },
  {
    peer: 'NSS cmsutil',
    step: 'read',
    rows: gcm,
    says: /UNRECOGNIZED_OID/,
    reason: 'NSS 3.87 has no AuthEnvelopedData',
  },
  {
    peer: 'NSS cmsutil',
    step: 'read',
    rows: both(cbc, reader(...NIST)),
    says: /BAD_DER/,
    reason: 'NSS 3.87 has no key agreement in CMS, and refuses an envelope that has a recipient of this kind',
  },
  {
    peer: 'gpgsm',
    step: 'write',
    rows: signer('ed25519'),
    says: /^import of/,
    reason: 'gpgsm 2.2 imports only RSA keys from PKCS#12; given one of an elliptic curve it fails, or ends itself',
  },
  {
    peer: 'gpgsm',
    step: 'write',
    rows: reader(...CURVES),
    says: /Wrong key usage/,
    reason: 'gpgsm 2.2 encrypts only to keys with keyEncipherment, which is not for elliptic curves',
  },
  {
    peer: 'gpgsm',
    step: 'read',
    rows: lastReader('x25519'),
    says: /^import of/,
    reason: 'gpgsm 2.2 imports only RSA keys from PKCS#12; given one of an elliptic curve it fails, or ends itself',
  },
  {
    peer: 'gpgsm',
    step: 'read',
    rows: both(cbc, lastReader(...NIST)),
    says: /Invalid session key/,
    reason: 'gpgsm 2.2 opens nothing by key agreement (“Invalid session key”)',
  },
  {
    peer: 'gpgsm',
    step: 'read',
    rows: signer('p521', 'ed25519'),
    says: /hash length to be a multiple of 8 bits/,
    reason: 'gpgsm 2.2 verifies no P-521 and no Ed25519 (“DSA requires the hash length to be a multiple of 8 bits”)',
  },
  {
    peer: 'gpgsm',
    step: 'read',
    rows: gcm,
    says: /error getting IV/,
    reason: 'gpgsm 2.2 has no AuthEnvelopedData',
  },
  {
    peer: 'Bouncy Castle',
    step: 'write',
    rows: reader('x25519'),
    says: /Unknown key agreement algorithm/,
    reason: 'Bouncy Castle 1.72 has no X25519 with HKDF (RFC 8418) in CMS',
  },
  {
    peer: 'Bouncy Castle',
    step: 'read',
    rows: reader('x25519'),
    says: /no such algorithm/,
    reason: 'Bouncy Castle 1.72 has no X25519 with HKDF (RFC 8418) in CMS',
  },
  {
    peer: 'OpenSSL smime',
    step: 'read',
    rows: both(cbc, oaep),
    // Implicit rejection gives a random key, under which one padding in 256 looks right.
    says: /bad decrypt|strictly equal/,
    reason: 'PKCS#7 has no RSA-OAEP: the key is undone as PKCS#1 v1.5, and the content then does not open',
  },
  {
    peer: 'NSS cmsutil',
    step: 'read',
    rows: both(cbc, oaep),
    says: /UNSUPPORTED_KEYALG/,
    reason: 'NSS 3.87 has no RSA-OAEP in CMS',
  },
  {
    peer: 'NSS cmsutil',
    step: 'read',
    rows: signer('rsapss'),
    says: /BadSignature/,
    reason: 'NSS 3.87 verifies no RSA-PSS in CMS',
  },
  {
    peer: 'gpgsm',
    step: 'read',
    rows: both(cbc, oaep),
    says: /error getting encrypted session key/,
    reason: 'gpgsm 2.2 has no RSA-OAEP',
  },
];
