/** Object identifiers of CMS and the names of what they stand for. */

export const CONTENT_TYPE = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
  compressedData: '1.2.840.113549.1.9.16.1.9',
  receipt: '1.2.840.113549.1.9.16.1.1',
} as const;

export const ATTRIBUTE = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  smimeCapabilities: '1.2.840.113549.1.9.15',
  encryptionKeyPreference: '1.2.840.113549.1.9.16.2.11',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  securityLabel: '1.2.840.113549.1.9.16.2.2',
  receiptRequest: '1.2.840.113549.1.9.16.2.1',
  messageSignatureDigest: '1.2.840.113549.1.9.16.2.5',
} as const;

/** The one algorithm of CompressedData (RFC 3274 section 2). */
export const ZLIB = '1.2.840.113549.1.9.16.3.8';

export type DigestName = 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

export const DIGEST_OID: Record<DigestName, string> = {
  md5: '1.2.840.113549.2.5',
  sha1: '1.3.14.3.2.26',
  sha224: '2.16.840.1.101.3.4.2.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};
export const DIGEST_BY_OID = inverted(DIGEST_OID);
export const DIGEST_LABEL: Record<DigestName, string> = {
  md5: 'MD5',
  sha1: 'SHA-1',
  sha224: 'SHA-224',
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};
/** Accepted only for old test vectors, under `legacyAlgorithms`. */
export const WEAK_DIGESTS: ReadonlySet<DigestName> = new Set(['md5', 'sha1', 'sha224']);

export const KEY_ALGORITHM = {
  rsa: '1.2.840.113549.1.1.1',
  rsaOaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  rsaPss: '1.2.840.113549.1.1.10',
  ec: '1.2.840.10045.2.1',
  ed25519: '1.3.101.112',
  x25519: '1.3.101.110',
} as const;

/** Signature algorithms that name their digest; the others take that of the signer info. */
export const RSA_WITH_DIGEST: Record<string, DigestName> = {
  '1.2.840.113549.1.1.4': 'md5',
  '1.2.840.113549.1.1.5': 'sha1',
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
};
export const ECDSA_WITH_DIGEST: Record<string, DigestName> = {
  '1.2.840.10045.4.1': 'sha1',
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

export interface ContentCipher {
  readonly oid: string;
  /** For node:crypto; `rc2-cbc` is this project's own. */
  readonly name: string;
  readonly label: string;
  /** 0 when it follows from the message (RC2). */
  readonly keyBytes: number;
  readonly blockBytes: number;
  readonly authenticated: boolean;
  readonly weak: boolean;
}

export const CONTENT_CIPHERS: readonly ContentCipher[] = [
  aes('2.16.840.1.101.3.4.1.2', 128, 'cbc'),
  aes('2.16.840.1.101.3.4.1.22', 192, 'cbc'),
  aes('2.16.840.1.101.3.4.1.42', 256, 'cbc'),
  aes('2.16.840.1.101.3.4.1.6', 128, 'gcm'),
  aes('2.16.840.1.101.3.4.1.26', 192, 'gcm'),
  aes('2.16.840.1.101.3.4.1.46', 256, 'gcm'),
  {
    oid: '1.2.840.113549.3.7',
    name: 'des-ede3-cbc',
    label: '3DES',
    keyBytes: 24,
    blockBytes: 8,
    authenticated: false,
    weak: true,
  },
  {
    oid: '1.2.840.113549.3.2',
    name: 'rc2-cbc',
    label: 'RC2',
    keyBytes: 0,
    blockBytes: 8,
    authenticated: false,
    weak: true,
  },
];

/** The cipher of an object identifier, or null when this library does not know it. */
export function contentCipher(oid: string): ContentCipher | null {
  return CONTENT_CIPHERS.find((cipher) => cipher.oid === oid) ?? null;
}

function aes(oid: string, bits: number, mode: 'cbc' | 'gcm'): ContentCipher {
  return {
    oid,
    name: `aes-${bits}-${mode}`,
    label: `AES-${bits}-${mode.toUpperCase()}`,
    keyBytes: bits / 8,
    blockBytes: 16,
    authenticated: mode === 'gcm',
    weak: false,
  };
}

/** 3DES key wrap (RFC 3217), which OpenSSL and old programs choose beside 3DES content under key agreement. */
export const TRIPLE_DES_WRAP = '1.2.840.113549.1.9.16.3.6';

/** AES key wrap (RFC 3394) and that of 3DES: object identifier to key length. */
export const KEY_WRAP_BYTES: Record<string, number> = {
  '2.16.840.1.101.3.4.1.5': 16,
  '2.16.840.1.101.3.4.1.25': 24,
  '2.16.840.1.101.3.4.1.45': 32,
  [TRIPLE_DES_WRAP]: 24,
};
export const AES256_WRAP = '2.16.840.1.101.3.4.1.45';

/** ECDH with the X9.63 key derivation (RFC 5753 section 7.1.4), standard and cofactor, which agree on the curves used here. */
export const ECDH_KDF: Record<string, DigestName> = {
  '1.3.133.16.840.63.0.2': 'sha1',
  '1.3.132.1.11.0': 'sha224',
  '1.3.132.1.11.1': 'sha256',
  '1.3.132.1.11.2': 'sha384',
  '1.3.132.1.11.3': 'sha512',
  '1.3.133.16.840.63.0.3': 'sha1',
  '1.3.132.1.14.0': 'sha224',
  '1.3.132.1.14.1': 'sha256',
  '1.3.132.1.14.2': 'sha384',
  '1.3.132.1.14.3': 'sha512',
};
export const ECDH_SHA256 = '1.3.132.1.11.1';

/** ECDH with HKDF (RFC 8418), for X25519. */
export const HKDF_KDF: Record<string, DigestName> = {
  '1.2.840.113549.1.9.16.3.19': 'sha256',
  '1.2.840.113549.1.9.16.3.20': 'sha384',
  '1.2.840.113549.1.9.16.3.21': 'sha512',
};
export const HKDF_SHA256 = '1.2.840.113549.1.9.16.3.19';

const OTHER_CAPABILITIES: Record<string, string> = {
  [KEY_ALGORITHM.rsaOaep]: 'RSA-OAEP',
  [KEY_ALGORITHM.rsaPss]: 'RSA-PSS',
  [ECDH_SHA256]: 'ECDH-SHA-256',
  '2.16.840.1.101.3.4.1.45': 'AES-256-wrap',
  '2.16.840.1.101.3.4.1.5': 'AES-128-wrap',
  '1.3.14.3.2.7': 'DES',
};

/** The name of an announced capability (RFC 8551 section 2.5.2), or null for those of no use here. */
export function capabilityLabel(oid: string): string | null {
  return contentCipher(oid)?.label ?? OTHER_CAPABILITIES[oid] ?? null;
}

function inverted<T extends string>(table: Record<T, string>): Readonly<Record<string, T | undefined>> {
  return Object.fromEntries(Object.entries<string>(table).map(([name, oid]) => [oid, name as T]));
}
