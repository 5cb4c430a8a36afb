/** Writing PKCS#12 (RFC 7292): the digital ID of a user as a file for other programs. */
import { createHash, randomBytes } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import {
  bmpString,
  context,
  contextPrimitive,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
} from './der-writer.ts';
import { encryptPbes2, encryptPkcs12Scheme, type PasswordEncrypted, PKCS12_SCHEMES } from './password-encryption.ts';
import { writeMac } from './pkcs12-mac.ts';

/**
 * `modern`: AES-256 and SHA-256, read by everything current. `legacy`: 3DES for the key, RC2-40 for the certificates and
 * SHA-1, the only form that gpgsm 2.2 and old Windows read; it protects the key no better than its password does.
 */
export type Pkcs12Form = 'modern' | 'legacy';

export interface Pkcs12Contents {
  /** PKCS#8 in DER, unencrypted. */
  readonly privateKey: Uint8Array;
  readonly certificate: Pick<Certificate, 'der'>;
  readonly chain: readonly Pick<Certificate, 'der'>[];
  readonly password: string;
  readonly form: Pkcs12Form;
  /** The name other programs list it under. */
  readonly friendlyName: string;
}

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2';
const CERTIFICATE_BAG = '1.2.840.113549.1.12.10.1.3';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const FRIENDLY_NAME = '1.2.840.113549.1.9.20';
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21';

// Old Windows refuses more than 2000 or so iterations in reasonable time; PBKDF2 with SHA-256 has no such readers.
const ITERATIONS = { modern: 100_000, legacy: 2048 } as const;

/** The file in DER. Takes some 0.2 s for the modern form. */
export function writePkcs12(contents: Pkcs12Contents): Buffer {
  const { certificate, chain, password, form, friendlyName } = contents;
  // Any octets would do; the certificate's SHA-1 is what most programs write.
  const localKeyId = createHash('sha1').update(certificate.der).digest();
  const attributes = bagAttributes(friendlyName, localKeyId);
  const certificateBags = sequence(
    certificateBag(certificate.der, attributes),
    ...chain.map((issuer) => certificateBag(issuer.der, null)),
  );
  const key = encrypt(contents.privateKey, password, form, 'key');
  const keyBag = sequence(
    objectIdentifier(SHROUDED_KEY_BAG),
    context(0, sequence(key.algorithm, octetString(key.ciphertext))),
    attributes,
  );
  const authenticatedSafe = sequence(
    encryptedData(encrypt(certificateBags, password, form, 'certificates')),
    data(sequence(keyBag)),
  );
  const mac = writeMac(authenticatedSafe, password, {
    hash: form === 'modern' ? 'sha256' : 'sha1',
    salt: randomBytes(form === 'modern' ? 16 : 8),
    iterations: ITERATIONS[form],
  });
  return sequence(integer(3), data(authenticatedSafe), mac);
}

function encrypt(
  plaintext: Uint8Array,
  password: string,
  form: Pkcs12Form,
  what: 'key' | 'certificates',
): PasswordEncrypted {
  const iterations = ITERATIONS[form];
  if (form === 'modern') {
    return encryptPbes2(plaintext, password, { salt: randomBytes(16), iv: randomBytes(16), iterations });
  }
  const scheme = what === 'key' ? PKCS12_SCHEMES.tripleDes3 : PKCS12_SCHEMES.rc2With40;
  return encryptPkcs12Scheme(plaintext, password, { scheme, salt: randomBytes(8), iterations });
}

function certificateBag(der: Buffer, attributes: Buffer | null): Buffer {
  const bag = sequence(objectIdentifier(X509_CERTIFICATE), context(0, octetString(der)));
  return sequence(objectIdentifier(CERTIFICATE_BAG), context(0, bag), ...(attributes === null ? [] : [attributes]));
}

function bagAttributes(friendlyName: string, localKeyId: Buffer): Buffer {
  return setOf(
    sequence(objectIdentifier(FRIENDLY_NAME), setOf(bmpString(friendlyName))),
    sequence(objectIdentifier(LOCAL_KEY_ID), setOf(octetString(localKeyId))),
  );
}

function data(content: Buffer): Buffer {
  return sequence(objectIdentifier(DATA), context(0, octetString(content)));
}

function encryptedData(encrypted: PasswordEncrypted): Buffer {
  const info = sequence(objectIdentifier(DATA), encrypted.algorithm, contextPrimitive(0, encrypted.ciphertext));
  return sequence(objectIdentifier(ENCRYPTED_DATA), context(0, sequence(integer(0), info)));
}
