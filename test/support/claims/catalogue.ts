/** Every known way to make a page claim what is not so: once as bytes, asserted of the library, the command and the page. */
import type { ForgedClaims } from './forged-claim.ts';
import { PAINTED } from './painted.ts';
import { PARTS } from './parts.ts';
import { SENDERS } from './senders.ts';
import { SIGNERS } from './signers.ts';

export const FORGED_CLAIMS: ForgedClaims = { ...SIGNERS, ...PARTS, ...SENDERS, ...PAINTED };
