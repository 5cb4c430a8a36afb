import { readdirSync, readFileSync } from 'node:fs';
import { type LanguageRules, type MessagePart, parseMessage, type TextParameters, writeMessage } from './message.ts';

export const LOCALES = ['en', 'fr', 'de'] as const;
export type Locale = (typeof LOCALES)[number];
export const FALLBACK_LOCALE: Locale = 'en';

/** Looks a text up by its key and puts the parameters in. The answer is text, never markup: views escape it. */
export type Translate = (key: string, parameters?: TextParameters) => string;

type Catalogue = ReadonlyMap<string, readonly MessagePart[]>;

// English of Europe: day before month, 24 hours.
const FORMAT_LOCALES: Readonly<Record<Locale, string>> = { en: 'en-GB', fr: 'fr-FR', de: 'de-DE' };

/** The tag that Intl gets for a language of the interface. */
export function formatLocale(locale: Locale): string {
  return FORMAT_LOCALES[locale];
}

export function isLocale(value: unknown): value is Locale {
  return LOCALES.some((locale) => locale === value);
}

const catalogues: Readonly<Record<Locale, Catalogue>> = {
  en: loadCatalogue('en'),
  fr: loadCatalogue('fr'),
  de: loadCatalogue('de'),
};

function loadCatalogue(locale: Locale): Catalogue {
  const folder = new URL(`./locales/${locale}/`, import.meta.url);
  const catalogue = new Map<string, readonly MessagePart[]>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    const texts = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, string>;
    for (const [key, text] of Object.entries(texts)) {
      if (catalogue.has(key)) throw new Error(`The text ${key} stands twice in ${locale}, the second time in ${file}`);
      catalogue.set(key, parseMessage(locale === 'fr' ? withFrenchSpaces(text) : text));
    }
  }
  return catalogue;
}

/** French sets a space before : ; ? ! and inside « », where no line may break; authors type an ordinary one. */
function withFrenchSpaces(text: string): string {
  return text
    .replace(/ ([;?!])/g, '\u202f$1')
    .replace(/ ([:»])/g, '\u00a0$1')
    .replace(/« /g, '«\u00a0');
}

function languageRules(locale: Locale): LanguageRules {
  return { plural: new Intl.PluralRules(formatLocale(locale)), number: new Intl.NumberFormat(formatLocale(locale)) };
}

/** The translate function of one language. A text that it lacks is shown in English, one that nobody has by its key. */
export function translator(locale: Locale): Translate {
  const rules = languageRules(locale);
  const fallbackRules = languageRules(FALLBACK_LOCALE);
  return (key, parameters = {}) => {
    const own = catalogues[locale].get(key);
    if (own !== undefined) return writeMessage(own, rules, parameters);
    const english = catalogues[FALLBACK_LOCALE].get(key);
    return english === undefined ? key : writeMessage(english, fallbackRules, parameters);
  };
}

/** Whether there is a text for this key, for data that may carry a code nobody has written a sentence for yet. */
export function hasText(key: string): boolean {
  return catalogues[FALLBACK_LOCALE].has(key);
}

/**
 * The language for a reader who has not chosen one: RFC 9110 section 12.5.4, by quality, then by order.
 * A header that is missing, too long or malformed gives English.
 */
export function negotiateLocale(acceptLanguage: string | undefined): Locale {
  if (acceptLanguage === undefined || acceptLanguage.length > 1000) return FALLBACK_LOCALE;
  let best: Locale = FALLBACK_LOCALE;
  let bestQuality = 0;
  for (const range of acceptLanguage.split(',')) {
    const [tag = '', ...settings] = range.trim().split(';');
    const quality = Number(
      settings
        .map((setting) => setting.trim())
        .find((setting) => setting.startsWith('q='))
        ?.slice(2) ?? 1,
    );
    const language = tag.trim().toLowerCase().split('-')[0];
    if (isLocale(language) && quality > bestQuality) {
      best = language;
      bestQuality = quality;
    }
  }
  return best;
}
