import { z } from 'zod';

/** The code of the authenticator program, and the password once more: a window left open is not enough. */
export const FactorForm = z
  .object({ code: z.string().max(20).catch(''), password: z.string().max(1000).catch('') })
  .catch({ code: '', password: '' });

/** What the browser's authenticator answered, as text, and the password once more. */
export const PasskeyForm = z
  .object({ response: z.string().max(20_000).catch(''), password: z.string().max(1000).catch('') })
  .catch({ response: '', password: '' });
