/** What went wrong inside the PKI library, for callers that tell cases apart by a stable code. */
export type PkiErrorCode =
  | 'malformed' // bytes that break the syntax they claim to follow
  | 'unsupported' // well-formed, but an algorithm or structure this library does not know
  | 'too-complex' // a bound (depth, count, size, iterations) was exceeded
  | 'key-unusable' // a public key outside the accepted bounds, or one OpenSSL refuses
  | 'decryption-failed'; // wrong password or altered cipher text; the two cannot be told apart

/** The one error class of src/pki. Expected outcomes are returned as data instead. */
export class PkiError extends Error {
  readonly code: PkiErrorCode;

  constructor(code: PkiErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PkiError';
    this.code = code;
  }
}
