/**
 * Countries of Annex A (T28): the UNECE distinguishing sign in ASCII, and the ISO 3166 code under which the languages know
 * the name. The scanned source has Greek and Cyrillic look-alikes in A, B, H, M and P; these are Latin.
 */
export const ANNEX_A: readonly { readonly code: string; readonly iso: string }[] = [
  { code: 'A', iso: 'AT' },
  { code: 'B', iso: 'BE' },
  { code: 'DK', iso: 'DK' },
  { code: 'FIN', iso: 'FI' },
  { code: 'F', iso: 'FR' },
  { code: 'D', iso: 'DE' },
  { code: 'GR', iso: 'GR' },
  { code: 'IS', iso: 'IS' },
  { code: 'IRL', iso: 'IE' },
  { code: 'I', iso: 'IT' },
  { code: 'FL', iso: 'LI' },
  { code: 'L', iso: 'LU' },
  { code: 'NL', iso: 'NL' },
  { code: 'N', iso: 'NO' },
  { code: 'P', iso: 'PT' },
  { code: 'E', iso: 'ES' },
  { code: 'S', iso: 'SE' },
  { code: 'GB', iso: 'GB' },
  { code: 'CH', iso: 'CH' },
  { code: 'CY', iso: 'CY' },
  { code: 'CZ', iso: 'CZ' },
  { code: 'EST', iso: 'EE' },
  { code: 'H', iso: 'HU' },
  { code: 'LV', iso: 'LV' },
  { code: 'LT', iso: 'LT' },
  { code: 'M', iso: 'MT' },
  { code: 'PL', iso: 'PL' },
  { code: 'SK', iso: 'SK' },
  { code: 'SLO', iso: 'SI' },
];

/** The ISO 3166 code for a distinguishing sign of Annex A, or null. */
export function isoOf(code: string): string | null {
  return ANNEX_A.find((each) => each.code === code)?.iso ?? null;
}
