/**
 * An import that takes seconds answers in pieces: a page that says how far it is, each step appended to it, and the result
 * at its end (RFC 9112 section 7.1). Nothing has to be kept between requests for it, and no script is needed: the
 * stylesheet shows the last piece only.
 */
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PageData } from '../../plugins/view.ts';

/** A page before it is rendered. */
export type Page = { status: number; view: string; data: PageData };

/** Files of Windows, OpenSSL and Java ask for less and are open at once; those of NSS and GnuTLS for two million. */
const SLOW_ITERATIONS = 300_000;
const LOOK_MS = 100;
/** When no worker is free the file has not even been looked at: nobody stares at an empty page for longer. */
const PATIENCE_MS = 3000;
const STEPS = '<!--steps-->';
const MAIN_START = /<main[^>]*>/;
const MAIN_END = '</main>';

/** @returns whether to begin answering before the result is there; decided by the file where it can be, not by the clock */
export async function becomesSlow(page: Promise<Page>, progress: Int32Array): Promise<boolean> {
  const settled = page.then(
    () => true,
    () => true,
  );
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
    if (await Promise.race([settled, wait(LOOK_MS, false)])) return false;
    const planned = Atomics.load(progress, 1);
    if (planned >= SLOW_ITERATIONS) return true;
    if (planned > 0) return settled.then(() => false);
  }
  return true;
}

/** `page` must not fail: its status is on its way before it is there. */
export async function streamImport(
  request: FastifyRequest,
  reply: FastifyReply,
  page: Promise<Page>,
  progress: Int32Array,
): Promise<FastifyReply> {
  const title = request.formats.t('identities.importing.title');
  const frame = await reply.pageText('identities/importing', { title, place: 'digital-ids' });
  // A proxy that collects the answer first would defeat the purpose (nginx: proxy_buffering).
  reply.type('text/html; charset=utf-8').header('x-accel-buffering', 'no');
  return reply.send(Readable.from(pieces(request, reply, frame, page, progress)));
}

async function* pieces(
  request: FastifyRequest,
  reply: FastifyReply,
  frame: string,
  page: Promise<Page>,
  progress: Int32Array,
): AsyncGenerator<string> {
  const cut = frame.indexOf(STEPS);
  const end = frame.indexOf(MAIN_END, cut);
  yield frame.slice(0, cut);
  yield* steps(request, page, progress);
  const { view, data } = await page;
  const text = await reply.pageText(view, data);
  const start = MAIN_START.exec(text);
  const main = text.slice(start ? start.index + start[0].length : 0, text.indexOf(MAIN_END));
  yield `${frame.slice(cut, end)}<div class="opened">${main}</div>${frame.slice(end)}`;
}

async function* steps(request: FastifyRequest, page: Promise<Page>, progress: Int32Array): AsyncGenerator<string> {
  const { t } = request.formats;
  const settled = page.then(() => true);
  let shown = -1;
  do {
    const [done, planned] = [Atomics.load(progress, 0), Atomics.load(progress, 1)];
    const percent = planned === 0 ? 0 : Math.min(99, Math.floor((100 * done) / planned));
    if (percent <= shown) continue; // a second reading of the password begins the MAC anew
    shown = percent;
    const words = t('identities.importing.percent', { percent: String(percent) });
    yield `<p class="opening-step"><progress max="100" value="${percent}" aria-hidden="true"></progress> ${words}</p>\n`;
  } while (!(await Promise.race([settled, wait(LOOK_MS, false)])));
}
