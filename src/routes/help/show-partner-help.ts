import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { formatsFor } from '../../i18n/formats.ts';
import { LOCALES } from '../../i18n/translate.ts';
import { publishedAuthorities } from '../../services/identities/authorities.ts';

/** In the order of doing; `install` is told for each program. */
const STEPS = ['choose', 'get', 'check', 'install', 'trust', 'send', 'trouble'] as const;
const PROGRAMS = ['outlook', 'outlook-new', 'thunderbird', 'apple', 'iphone', 'linux'] as const;

/** Each language by its own name, for whoever does not read this one. */
const LANGUAGE_NAMES = { en: 'English', fr: 'Français', de: 'Deutsch' } as const;

const Query = z.object({ language: z.enum(LOCALES).optional() }).catch({});

/** What an outside partner has to do, to be read, printed or sent as a link (S13). */
export function showPartnerHelp(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { language } = Query.parse(request.query ?? {});
    const formats = language === undefined ? request.formats : formatsFor(language, request.formats.timeZone);
    const { t, plainName } = formats;
    const authorities = await publishedAuthorities(context.database);
    return reply.page('help/partners', {
      ...formats,
      title: t('partners.title'),
      place: 'help',
      languages: LOCALES.map((locale) => ({
        locale,
        name: LANGUAGE_NAMES[locale],
        isCurrent: locale === formats.locale,
      })),
      steps: STEPS.map((id) => ({
        id,
        title: t(`partners.${id}.title`),
        paragraphs: id === 'install' ? [] : t(`partners.${id}.text`).split('\n\n'),
        programs:
          id === 'install'
            ? PROGRAMS.map((program) => ({
                title: t(`partners.install.${program}.title`),
                text: t(`partners.install.${program}.text`),
              }))
            : [],
      })),
      roots: authorities
        .filter(({ kind }) => kind === 'root')
        .map(({ certificate }) => ({
          name: plainName(certificate.commonName ?? certificate.subject),
          sha1: certificate.sha1,
          sha256: certificate.sha256,
        })),
    });
  };
}
