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

/** Capital letters that look like Latin ones, as the scan of the source has them: `ΑΒΕ…` stands for the `ABE…` below it. */
const LOOK_ALIKES = [
  { script: 'greek', letters: 'ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϺ', latin: 'ABEZHIKMNOPTYXCM' },
  { script: 'cyrillic', letters: 'АВЕЅІЈКМНОРСТУХԌԚԜ', latin: 'ABESIJKMHOPCTYXGQW' },
] as const;

export type LookAlike = { letter: string; latin: string; script: 'greek' | 'cyrillic' };

/** The first Greek or Cyrillic letter of a text that a reader takes for a Latin one, or null. */
export function lookAlikeIn(text: string): LookAlike | null {
  for (const letter of text) {
    for (const { script, letters, latin } of LOOK_ALIKES) {
      const at = letters.indexOf(letter.toUpperCase());
      if (at !== -1) return { letter, latin: latin.charAt(at), script };
    }
  }
  return null;
}

export type CountryCodeProblem =
  | { problem: 'look-alike'; lookAlike: LookAlike }
  | { problem: 'code' }
  | { problem: 'iso' }
  | { problem: 'annex-a-iso'; code: string };

/** Why this is no country: a sign that is not one to three Latin letters, or no code of ISO 3166 for its name. */
export function countryCodeProblem(code: string, iso: string): CountryCodeProblem | null {
  const lookAlike = lookAlikeIn(code) ?? lookAlikeIn(iso);
  if (lookAlike) return { problem: 'look-alike', lookAlike };
  if (!/^[A-Z]{1,3}$/.test(code)) return { problem: 'code' };
  const known = ANNEX_A.find((each) => each.iso === iso);
  if (known && known.code !== code) return { problem: 'annex-a-iso', code: known.code };
  if (!isRegion(iso) || (isoOf(code) ?? iso) !== iso) return { problem: 'iso' };
  return null;
}

/** Whether the languages know a country by this code. `ZZ` is the name of none. */
function isRegion(iso: string): boolean {
  if (!/^[A-Z]{2}$/.test(iso) || iso === 'ZZ') return false;
  return new Intl.DisplayNames('en', { type: 'region', fallback: 'none' }).of(iso) !== undefined;
}
