import { fileURLToPath } from 'node:url';
import fastifyView from '@fastify/view';
import { Eta } from 'eta';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Context } from '../context.ts';
import { type Formats, formatsFor, isTimeZone } from '../i18n/formats.ts';
import { isLocale, negotiateLocale } from '../i18n/translate.ts';
import { administeredProgramme } from '../services/administration/administered.ts';
import { readProgrammeChoices } from '../services/administration/programmes.ts';
import { type FolderPlace, readFolderPlaces } from '../services/mailbox/read-folders.ts';
import { type NavigationCounts, navigationCounts } from '../services/navigation-counts.ts';
import { formTokenOf } from './csrf.ts';
import { takeNotices } from './notices.ts';

const VIEWS = fileURLToPath(new URL('../views', import.meta.url));

const DEFAULT_ZONE = 'Europe/Brussels';

/** What a page brings; the frame around it comes from the request. */
export type PageData = {
  title: string;
  /** Entry of the navigation that this page belongs to */
  place?: string;
  /** Folder that is shown, by its path */
  currentFolder?: string;
  /** Folders of the navigation where the page has read them itself; null when they could not be read */
  folders?: FolderPlace[] | null;
  [name: string]: unknown;
};

declare module 'fastify' {
  interface FastifyReply {
    /** Renders `src/views/<page>.eta` inside the layout. */
    page(page: string, data: PageData): Promise<FastifyReply>;
    /** The same as text, for an answer that is sent in pieces. */
    pageText(page: string, data: PageData): Promise<string>;
  }
  interface FastifyRequest {
    /** Texts, dates and numbers for the reader of this request */
    formats: Formats;
  }
}

export const viewPlugin = fp(
  async (app, { context }: { context: Context }) => {
    const eta = new Eta({ views: VIEWS, cache: true, autoEscape: true, autoTrim: false });
    await app.register(fastifyView, { engine: { eta }, root: VIEWS });
    const formats = new Map<string, Formats>();
    app.decorateRequest('formats', {
      getter(this: FastifyRequest) {
        return formatsOf(this, formats);
      },
    });
    app.decorateReply('pageText', async function (this: FastifyReply, page: string, data: PageData) {
      const frame = await pageFrame(context, this.request, this, data);
      // @fastify/view would read and compile at each call with Eta 4's own layouts; Eta keeps what it compiled.
      return eta.render(`/${page}`, frame);
    });
    app.decorateReply('page', async function (this: FastifyReply, page: string, data: PageData) {
      return this.type('text/html; charset=utf-8').send(await this.pageText(page, data));
    });
  },
  { name: 'view', dependencies: ['session', 'csrf'] },
);

function formatsOf(request: FastifyRequest, known: Map<string, Formats>): Formats {
  const account = request.signedIn?.account;
  const chosen = account?.locale;
  const locale = isLocale(chosen) ? chosen : negotiateLocale(request.headers['accept-language']);
  const chosenZone = account?.timeZone ?? DEFAULT_ZONE;
  const key = `${locale} ${chosenZone}`;
  // Asking Intl for a zone takes half a millisecond: once for each zone, not for each page.
  const found = known.get(key) ?? formatsFor(locale, isTimeZone(chosenZone) ? chosenZone : DEFAULT_ZONE);
  known.set(key, found);
  return found;
}

async function pageFrame(context: Context, request: FastifyRequest, reply: FastifyReply, data: PageData) {
  const session = request.signedIn;
  // The pages of the mailbox have asked for them already: once more would cost the mail server a second answer.
  const folders =
    data.folders !== undefined || !session
      ? (data.folders ?? null)
      : await readFolderPlaces(context, session, request.formats, data.currentFolder ?? null);
  const isAdministration = data.place === 'administration';
  const counts = session ? await navigationCounts(context, session, request.formats) : null;
  return {
    ...request.formats,
    theme: session?.account.theme ?? null,
    shortcuts: session?.account.shortcuts ?? false,
    csrf: session ? formTokenOf(session) : request.formToken,
    account: session && {
      name: `${session.account.firstName} ${session.account.surname}`,
      address: session.account.address,
      isAdministrator: session.account.role !== 'clerk',
    },
    programme: session && (isAdministration ? administeredProgramme(session) : session.account.country.programme).name,
    programmeChoices: session && isAdministration ? await readProgrammeChoices(context, session) : [],
    keys: session && keysOf(session),
    place: '',
    counts: counts ? countTexts(counts, request.formats) : {},
    now: context.now(),
    notices: takeNotices(request, reply, context.config),
    path: request.url,
    ...data,
    folders: folders?.map((folder) =>
      folder.specialUse === 'Drafts' ? { ...folder, total: counts?.drafts ?? 0 } : folder,
    ),
  };
}

/** Only what asks for something to be done stands beside a place. */
function countTexts(counts: NavigationCounts, { t }: Formats): Record<string, string> {
  const texts: Record<string, string> = {};
  if (counts.waitingLetters > 0) texts['outbox'] = t('common.nav.waiting', { count: counts.waitingLetters });
  if (counts.undelivered > 0) texts['outbox'] = t('evidence.nav.undelivered', { count: counts.undelivered });
  if (counts.rootsToSettle > 0) texts['trust'] = t('common.nav.toSettle', { count: counts.rootsToSettle });
  const days = counts.digitalIdDays;
  if (days !== null)
    texts['digital-ids'] = days === 'over' ? t('common.nav.over') : t('common.nav.daysLeft', { count: days });
  return texts;
}

function keysOf(session: NonNullable<FastifyRequest['signedIn']>) {
  if (!session.hasVault) return { state: 'none', until: null };
  return { state: session.masterKey ? 'open' : 'locked', until: session.keysUntil };
}
