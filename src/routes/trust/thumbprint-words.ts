import { z } from 'zod';
import type { Formats } from '../../i18n/formats.ts';
import { normaliseThumbprint, type ThumbprintComparison } from '../../pki/thumbprint.ts';
import { TOLD_BY_MAX } from '../../services/trust/trust-anchors.ts';

/** What the ceremony's form carries; kept as typed when it does not fit. */
export const ReadOutForm = z
  .object({
    thumbprint: z.string().max(400).catch(''),
    source: z
      .string()
      .transform((text) =>
        text
          .replace(/\p{Cc}+/gu, ' ')
          .trim()
          .slice(0, TOLD_BY_MAX),
      )
      .catch(''),
    /** For the mail of which domain the root may count, and whether it shall for that alone */
    domain: z
      .string()
      .regex(/^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/)
      .max(253)
      .nullable()
      .catch(null),
    domainOnly: z
      .string()
      .transform(() => true)
      .catch(false),
  })
  .catch({ thumbprint: '', source: '', domain: null, domainOnly: false });

/** What is said about a thumbprint that did not settle it: how much is missing, never where it differs. */
export function comparisonFault({ t }: Formats, outcome: ThumbprintComparison, typed: string): string | null {
  if (outcome === 'equal') return null;
  return t(`trust.compare.${outcome}`, { count: normaliseThumbprint(typed).length });
}
