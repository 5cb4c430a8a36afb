/** Fresh key pairs for authorities and persons. */
import { generateKeyPair as generate, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export type KeyAlgorithm = 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'P-256' | 'P-384';

export interface KeyPair {
  /** PKCS#8 in DER, unencrypted: overwrite it after use. */
  readonly privateKey: Buffer;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
}

const generateAsync = promisify(generate);

/** Generates a pair off the event loop; RSA takes from 0.1 s to some seconds. */
export async function generateKeyPair(algorithm: KeyAlgorithm): Promise<KeyPair> {
  return encoded(
    isCurve(algorithm)
      ? await generateAsync('ec', { namedCurve: algorithm })
      : await generateAsync('rsa', rsaOptions(algorithm)),
  );
}

/** The same in this thread, for a worker: the key never is in another one. */
export function generateKeyPairHere(algorithm: KeyAlgorithm): KeyPair {
  return encoded(
    isCurve(algorithm)
      ? generateKeyPairSync('ec', { namedCurve: algorithm })
      : generateKeyPairSync('rsa', rsaOptions(algorithm)),
  );
}

function isCurve(algorithm: KeyAlgorithm): algorithm is 'P-256' | 'P-384' {
  return algorithm === 'P-256' || algorithm === 'P-384';
}

function rsaOptions(algorithm: KeyAlgorithm) {
  return { modulusLength: Number(algorithm.slice('RSA-'.length)), publicExponent: 65_537 };
}

function encoded(pair: { publicKey: KeyObject; privateKey: KeyObject }): KeyPair {
  return {
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'der' }),
    publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }),
  };
}
