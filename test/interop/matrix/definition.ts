/** The rows of the matrix: forms, keys, ciphers, one thing varied at a time, and both layers together. */
import { type Cipher, type Encrypting, KEYS, type Key, type Signing } from './peer.ts';

export interface Row {
  readonly title: string;
  readonly sign?: Signing;
  readonly encrypt?: Encrypting;
  /** A second signature around the encryption. */
  readonly signAgain?: Signing;
  readonly compress?: boolean;
  /** Line breaks of the finished message are LF alone, as a mailbox on disk has them. */
  readonly bareLf?: boolean;
  /** Why Sealpost does not write this; it is only read. */
  readonly notWritten?: string;
  /** What Sealpost says of the signature when it is not `trusted`, by decision. */
  readonly ourVerdict?: 'invalid';
}

const SIGN: Signing = {
  signer: 'rsa2048',
  opaque: false,
  digest: 'sha256',
  pss: false,
  keyIdentifier: false,
  noAttributes: false,
  indefinite: false,
};
const ENCRYPT: Encrypting = {
  recipients: ['rsa2048'],
  cipher: 'aes-256-cbc',
  oaep: false,
  keyIdentifier: false,
  indefinite: false,
};

const sign = (how: Partial<Signing> = {}): Signing => ({ ...SIGN, ...how });
const encrypt = (how: Partial<Encrypting> = {}): Encrypting => ({ ...ENCRYPT, ...how });

const LABEL: Record<Key, string> = {
  rsa2048: 'RSA-2048',
  rsa3072: 'RSA-3072',
  rsapss: 'RSA-PSS key',
  p256: 'P-256',
  p384: 'P-384',
  p521: 'P-521',
  ed25519: 'Ed25519',
  x25519: 'X25519',
};
const SIGNERS = KEYS.filter((key) => key !== 'x25519');
const READERS = KEYS.filter((key) => key !== 'ed25519' && key !== 'rsapss');
const CIPHERS: readonly Cipher[] = [
  'aes-128-cbc',
  'aes-192-cbc',
  'aes-256-cbc',
  'aes-128-gcm',
  'aes-256-gcm',
  '3des',
  'rc2-128',
];
const WRITTEN: readonly Cipher[] = ['aes-256-cbc', 'aes-256-gcm'];
const PSS_KEYS_ONLY = 'Sealpost signs with PSS where the key is for PSS alone';
const CIPHER_CHOICE = 'Sealpost writes AES-256 only';
const ONE_WAY = 'Sealpost writes it in one way only';

/** As long as the curve; with Ed25519 as RFC 8419 section 3.1 wants. */
const DIGEST: Partial<Record<Key, Signing['digest']>> = { p384: 'sha384', p521: 'sha512', ed25519: 'sha512' };

function signedRows(): Row[] {
  return SIGNERS.flatMap((signer) =>
    [false, true].map((opaque): Row => {
      const pss = signer === 'rsapss';
      return {
        title: `${opaque ? 'opaque' : 'clear'} signed, ${LABEL[signer]}`,
        sign: sign({ signer, opaque, pss, digest: DIGEST[signer] ?? 'sha256' }),
      };
    }),
  );
}

const VARIED_SIGNATURES: readonly Row[] = [
  { title: 'clear signed, SHA-384', sign: sign({ digest: 'sha384' }), notWritten: ONE_WAY },
  { title: 'clear signed, SHA-512', sign: sign({ digest: 'sha512' }), notWritten: ONE_WAY },
  { title: 'clear signed, RSA-2048 with PSS', sign: sign({ pss: true }), notWritten: PSS_KEYS_ONLY },
  { title: 'clear signed, key identifier', sign: sign({ keyIdentifier: true }), notWritten: ONE_WAY },
  {
    title: 'clear signed, no signed attributes',
    sign: sign({ noAttributes: true }),
    notWritten: ONE_WAY,
    ourVerdict: 'invalid',
  },
  { title: 'opaque signed, indefinite lengths', sign: sign({ opaque: true, indefinite: true }), notWritten: ONE_WAY },
  { title: 'clear signed, bare LF', sign: sign(), bareLf: true },
];

function encryptedRows(): Row[] {
  const keys = READERS.flatMap((key) => WRITTEN.map((cipher) => ({ key, cipher })));
  const ciphers = CIPHERS.filter((cipher) => !WRITTEN.includes(cipher)).map(
    (cipher) => ({ key: 'rsa2048', cipher }) as const,
  );
  return [...keys, ...ciphers, { key: 'p256', cipher: '3des' } as const].map(
    ({ key, cipher }): Row => ({
      title: `encrypted, ${LABEL[key]}, ${cipher.toUpperCase()}`,
      encrypt: encrypt({ recipients: [key], cipher }),
      ...(WRITTEN.includes(cipher) ? {} : { notWritten: CIPHER_CHOICE }),
    }),
  );
}

const VARIED_ENVELOPES: readonly Row[] = [
  { title: 'encrypted, RSA-OAEP', encrypt: encrypt({ oaep: true }) },
  { title: 'encrypted, RSA-OAEP, AES-256-GCM', encrypt: encrypt({ oaep: true, cipher: 'aes-256-gcm' }) },
  { title: 'encrypted, key identifier', encrypt: encrypt({ keyIdentifier: true }), notWritten: ONE_WAY },
  {
    title: 'encrypted, P-256, key identifier',
    encrypt: encrypt({ keyIdentifier: true, recipients: ['p256'] }),
    notWritten: ONE_WAY,
  },
  { title: 'encrypted, indefinite lengths', encrypt: encrypt({ indefinite: true }), notWritten: ONE_WAY },
  { title: 'encrypted, bare LF', encrypt: encrypt(), bareLf: true },
  { title: 'encrypted to two RSA readers', encrypt: encrypt({ recipients: ['rsa3072', 'rsa2048'] }) },
  {
    title: 'encrypted to two RSA readers, AES-128-CBC',
    encrypt: encrypt({ recipients: ['rsa3072', 'rsa2048'], cipher: 'aes-128-cbc' }),
    notWritten: CIPHER_CHOICE,
  },
  { title: 'encrypted to two EC readers', encrypt: encrypt({ recipients: ['p384', 'p256'] }) },
  { title: 'encrypted to EC and RSA readers', encrypt: encrypt({ recipients: ['p256', 'rsa2048'] }) },
];

const BOTH: readonly Row[] = [
  { title: 'signed in encrypted, RSA-2048, AES-256-CBC', sign: sign(), encrypt: encrypt() },
  { title: 'signed in encrypted, RSA-2048, AES-256-GCM', sign: sign(), encrypt: encrypt({ cipher: 'aes-256-gcm' }) },
  {
    title: 'signed in encrypted, P-256, AES-256-CBC',
    sign: sign({ signer: 'p256' }),
    encrypt: encrypt({ recipients: ['p256'] }),
  },
  {
    title: 'signed in encrypted, RSA-2048, AES-128-CBC',
    sign: sign(),
    encrypt: encrypt({ cipher: 'aes-128-cbc' }),
    notWritten: CIPHER_CHOICE,
  },
  {
    title: 'signed in encrypted in signed, RSA-2048',
    sign: sign(),
    encrypt: encrypt(),
    signAgain: sign({ opaque: true }),
    notWritten: 'Sealpost writes two layers at most',
  },
  { title: 'compressed', compress: true, notWritten: 'compression is read only' },
];

export const ROWS: readonly Row[] = [
  ...signedRows(),
  ...VARIED_SIGNATURES,
  ...encryptedRows(),
  ...VARIED_ENVELOPES,
  ...BOTH,
];
