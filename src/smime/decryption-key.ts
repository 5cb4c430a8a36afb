import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../pki/certificate.ts';

/** One of the reader's keys, current or old, with the certificate that messages name. */
export interface DecryptionKey {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
}
