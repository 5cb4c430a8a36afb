/** What the programs of the matrix are asked to do, one S/MIME step at a time; forms are composed of these steps. */

/** People are named after the kind of their key. */
export const KEYS = ['rsa2048', 'rsa3072', 'rsapss', 'p256', 'p384', 'p521', 'ed25519', 'x25519'] as const;
export type Key = (typeof KEYS)[number];

export type Cipher = 'aes-128-cbc' | 'aes-192-cbc' | 'aes-256-cbc' | 'aes-128-gcm' | 'aes-256-gcm' | '3des' | 'rc2-128';

export interface Signing {
  readonly signer: Key;
  readonly opaque: boolean;
  readonly digest: 'sha256' | 'sha384' | 'sha512';
  readonly pss: boolean;
  /** subjectKeyIdentifier in place of issuerAndSerialNumber. */
  readonly keyIdentifier: boolean;
  readonly noAttributes: boolean;
  /** BER with indefinite lengths. */
  readonly indefinite: boolean;
}

export interface Encrypting {
  /** The reader is the last, so that a program has to look for itself. */
  readonly recipients: readonly Key[];
  readonly cipher: Cipher;
  readonly oaep: boolean;
  readonly keyIdentifier: boolean;
  readonly indefinite: boolean;
}

/** Every step takes and returns a MIME entity: Content-* fields, a blank line, a body. It throws what the program said. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  sign(entity: Buffer, how: Signing): Buffer | Promise<Buffer>;
  encrypt(entity: Buffer, how: Encrypting): Buffer | Promise<Buffer>;
  compress?(entity: Buffer): Buffer | Promise<Buffer>;
  /** The content. @throws Error unless the program calls the signature good */
  verify(entity: Buffer, signer: Key): Buffer | Promise<Buffer>;
  decrypt(entity: Buffer, reader: Key): Buffer | Promise<Buffer>;
  decompress?(entity: Buffer): Buffer | Promise<Buffer>;
  stop?(): void | Promise<void>;
}

/** The program has no way to be asked for this; the message is the reason that the table gives. */
export class NotOffered extends Error {}

/** The program was not given the message, for what is missing before: a key that it does not take. */
export class NotTried extends Error {}
