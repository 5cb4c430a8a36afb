/** Makes RecipientInfo of CMS (RFC 5652 section 6.2): the content key, wrapped for one recipient. */
import { constants as crypto, diffieHellman, generateKeyPairSync, type KeyObject, publicEncrypt } from 'node:crypto';
import type { Certificate } from '../pki/certificate.ts';
import { children, type DerNode, rawOf, readElement } from '../pki/der.ts';
import { algorithmIdentifier, context, integer, nullValue, octetString, sequence } from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';
import { AES256_WRAP, ECDH_SHA256, HKDF_SHA256, KEY_ALGORITHM } from './algorithms.ts';
import { deriveKey, sharedInfo, wrapKey } from './key-agreement.ts';
import { OAEP_SHA256_PARAMETERS } from './oaep.ts';

const WRAP_ALGORITHM = algorithmIdentifier(AES256_WRAP);

/** How the content key is wrapped for RSA keys; those of elliptic curves have one way. */
export type KeyTransport = 'rsa-pkcs1' | 'rsa-oaep';

/** Key transport rather than key agreement. */
export function isTransport(certificate: Certificate): boolean {
  return certificate.key.family === 'rsa' || certificate.key.family === 'rsa-oaep';
}

/** The content key for one recipient, in DER. Throws PkiError `unsupported` for a key that nothing can be encrypted to. */
export function writeRecipientInfo(certificate: Certificate, contentKey: Buffer, transport: KeyTransport): Buffer {
  switch (certificate.key.family) {
    case 'rsa':
      return transportInfo(certificate, contentKey, transport);
    case 'rsa-oaep': // RFC 4055 section 4: such a key is used in no other way
      return transportInfo(certificate, contentKey, 'rsa-oaep');
    case 'ec':
      return agreementInfo(certificate, contentKey, ephemeralFor(certificate), ECDH_SHA256);
    case 'x25519':
      return agreementInfo(certificate, contentKey, generateKeyPairSync('x25519'), HKDF_SHA256);
    default:
      throw new PkiError('unsupported', `encrypting to ${certificate.keyLabel}`);
  }
}

const PKCS1 = algorithmIdentifier(KEY_ALGORITHM.rsa, nullValue());
const OAEP = algorithmIdentifier(KEY_ALGORITHM.rsaOaep, OAEP_SHA256_PARAMETERS);

// RSA PKCS#1 v1.5 is the one form of key transport that every S/MIME program reads (crypto.md).
function transportInfo(certificate: Certificate, contentKey: Buffer, transport: KeyTransport): Buffer {
  const padded =
    transport === 'rsa-oaep'
      ? { padding: crypto.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
      : { padding: crypto.RSA_PKCS1_PADDING };
  const wrapped = publicEncrypt({ key: certificate.publicKey, ...padded }, contentKey);
  const algorithm = transport === 'rsa-oaep' ? OAEP : PKCS1;
  return sequence(integer(0), issuerAndSerial(certificate), algorithm, octetString(wrapped));
}

interface EphemeralPair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

function ephemeralFor(certificate: Certificate): EphemeralPair {
  const namedCurve = certificate.publicKey.asymmetricKeyDetails?.namedCurve;
  if (namedCurve === undefined) throw new PkiError('unsupported', `encrypting to ${certificate.keyLabel}`);
  return generateKeyPairSync('ec', { namedCurve });
}

function agreementInfo(certificate: Certificate, contentKey: Buffer, ephemeral: EphemeralPair, kdf: string): Buffer {
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: certificate.publicKey });
  const kek = deriveKey(kdf, secret, sharedInfo(WRAP_ALGORITHM, 32, null), 32, null) as Buffer;
  const wrapped = wrapKey(kek, contentKey);
  secret.fill(0);
  kek.fill(0);
  const spki = ephemeral.publicKey.export({ type: 'spki', format: 'der' });
  const [algorithm, point] = children(readElement(spki)) as [DerNode, DerNode];
  return context(
    1,
    integer(3),
    context(0, context(1, rawOf(algorithm), rawOf(point))),
    algorithmIdentifier(kdf, WRAP_ALGORITHM),
    sequence(sequence(issuerAndSerial(certificate), octetString(wrapped))),
  );
}

function issuerAndSerial(certificate: Certificate): Buffer {
  return sequence(certificate.issuerRaw, certificate.serialRaw);
}
