/** Why a request ends without its page; each has a status and sentences in `i18n/locales`, area `errors`. */
export const ERROR_STATUS = {
  'not-found': 404,
  forbidden: 403,
  'form-expired': 403,
  'bad-request': 400,
  'unsupported-form': 415,
  'too-large': 413,
  'too-many-attempts': 429,
  'message-gone': 404,
  'folder-gone': 404,
  'message-too-large': 413,
  'message-too-complex': 422,
  'mail-server-unreachable': 502,
  'mail-server-refused': 502,
  'keys-locked': 409,
  'no-vault': 409,
  'no-room': 507,
  busy: 503,
  internal: 500,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** An end of the request that the caller cannot handle but a person can understand. Never carries secrets. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly parameters: Record<string, string | number>;
  constructor(code: ErrorCode, parameters: Record<string, string | number> = {}, options?: ErrorOptions) {
    super(code, options);
    this.code = code;
    this.parameters = parameters;
  }
}
