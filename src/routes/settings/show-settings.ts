import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { LOCALES } from '../../i18n/translate.ts';
import { signedIn } from '../../plugins/session.ts';
import { listSessions, type SessionSummary, type Settings } from '../../services/accounts/settings.ts';
import { administratorsOf } from '../../services/administration/address-lists.ts';
import { readOwnCollection } from '../../services/collection/collections.ts';
import type { SignedIn } from '../../services/sessions/session.ts';

/** What the fields show: values as they are stored, or as they were typed. */
export type SettingsFields = { [name in keyof Settings]: string | boolean };

/** Each language by its own name, whatever the page's language. */
const LANGUAGE_NAMES = { en: 'English', fr: 'Français', de: 'Deutsch' } as const;

export function showSettings(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { account } = signedIn(request);
    const fields: SettingsFields = {
      locale: account.locale ?? '',
      timeZone: account.timeZone,
      theme: account.theme ?? '',
      signByDefault: account.signByDefault,
      encryptByDefault: account.encryptByDefault,
      signatureText: account.signatureText,
      lockMinutes: String(account.lockMinutes),
      remoteImages: account.remoteImages,
      shortcuts: account.shortcuts,
    };
    return settingsPage(context, request, reply, 200, fields, {});
  };
}

export async function settingsPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  fields: SettingsFields,
  faults: Record<string, string>,
) {
  const { t } = request.formats;
  const session = signedIn(request);
  const sessions = await listSessions(context, session);
  const hosted = session.account.country.mailServer.hosted;
  return reply.code(status).page('settings/show', {
    title: t('settings.title'),
    place: 'settings',
    fields,
    faults,
    languages: [
      { value: '', text: t('settings.language.browser') },
      ...LOCALES.map((value) => ({ value, text: LANGUAGE_NAMES[value] })),
    ],
    themes: ['', 'light', 'dark'].map((value) => ({ value, text: t(`settings.theme.${value || 'system'}`) })),
    zones: timeZones(String(fields.timeZone)).map((value) => ({ value, text: value.replaceAll('_', ' ') })),
    sessions: sessions.map((each) => ({ ...each, program: programOf(each) })),
    hasVault: session.hasVault,
    hosted,
    // The password of a country's own server is changed there; these people know where to ask.
    askAbout: hosted ? [] : await administratorsOf(context, session.account.countryId),
    mailHost: session.account.country.mailServer.serverName ?? session.account.country.mailServer.imapHost,
    programs: await programsOf(context, session),
    certificate:
      context.config.clientCertificates === 'none'
        ? null
        : { shown: session.certificateSha256 !== null, only: session.account.certificateOnly },
  });
}

/** What a classic mail program needs to know of a hosted mailbox, and whether there is an old one to collect from (T23). */
async function programsOf(context: Context, session: SignedIn) {
  const { hosted, pop3Port, imapHost, serverName, submissionHost, submissionPort, submissionTls } =
    session.account.country.mailServer;
  const isOffered = hosted && pop3Port !== null;
  return {
    pop3: isOffered ? { host: serverName ?? imapHost, port: String(pop3Port) } : null,
    smtp: { host: serverName ?? submissionHost, port: String(submissionPort), tls: submissionTls },
    user: session.account.address,
    collects: (await readOwnCollection(context, session)) !== null,
  };
}

/** Of Europe, its islands, and whatever is set; the whole list of the world would help nobody to find Brussels. */
function timeZones(current: string): string[] {
  const near = Intl.supportedValuesOf('timeZone').filter((zone) => /^(Europe|Atlantic)\//.test(zone));
  return [...new Set([...near, 'UTC', current])].sort();
}

/** `Firefox, Linux`: enough to tell one's own windows apart. */
function programOf(session: SessionSummary): string {
  const browser = /Edg|Firefox|Chrome|Safari/.exec(session.userAgent)?.[0]?.replace('Edg', 'Edge');
  const system = /Windows|Android|iPhone|iPad|Mac OS|Linux/.exec(session.userAgent)?.[0];
  return [browser, system].filter(Boolean).join(', ') || session.userAgent.slice(0, 40) || '–';
}
