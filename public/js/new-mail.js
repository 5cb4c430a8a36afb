// Tells of new mail on an open page; the page itself changes only when the reader asks for it.
import { notify } from './notifications.js';

const POLL_MS = 60_000;
/** Failures in a row, of a stream that never told anything, after which the page asks instead. */
const PATIENCE = 3;
const bar = document.querySelector('[data-new-mail]');

if (bar) watch(bar);

function watch(place) {
  const title = document.title;
  let count = 0;
  let mark = null;
  const tell = (news, at) => {
    mark = at;
    if (news === 0) return;
    count += news;
    const form = new Intl.PluralRules(document.documentElement.lang).select(count) === 'one' ? 'one' : 'other';
    const words = (place.dataset[form] ?? '').replace('{count}', String(count));
    place.querySelector('[data-words]').textContent = words;
    // While somebody writes, nothing moves: the title says it.
    place.hidden = place.dataset.newMail === 'quiet';
    document.title = `(${count}) ${title}`;
    notify(words);
  };
  if ('EventSource' in window) listen(tell, () => poll(tell, () => mark));
  else poll(tell, () => mark);
}

/** Server-sent events. `fallBack` once, where they do not come through. */
function listen(tell, fallBack) {
  const events = new EventSource('/events');
  let failures = 0;
  const giveUp = () => {
    events.close();
    fallBack();
  };
  events.addEventListener('mail', (event) => {
    failures = 0;
    tell(JSON.parse(event.data).count, event.lastEventId);
  });
  events.addEventListener('error', () => {
    failures += 1;
    // A node that goes away must not be asked again and again by every open page: the browser waits, then tries anew.
    if (events.readyState === EventSource.CLOSED || failures >= PATIENCE) giveUp();
  });
  // Newer pages of this session took its place.
  events.addEventListener('gone', giveUp);
  addEventListener('pagehide', () => events.close());
}

/** Asks at intervals; who is signed out is asked to leave and asks no more. */
function poll(tell, lastMark) {
  const ask = async () => {
    const since = lastMark();
    const answer = await fetch(since === null ? '/new-mail' : `/new-mail?since=${since}`).catch(() => null);
    if (answer?.status === 401) return clearInterval(timer);
    if (!answer?.ok) return;
    const { count, mark } = await answer.json();
    tell(count, mark);
  };
  const timer = setInterval(() => void ask(), POLL_MS);
  void ask();
}
