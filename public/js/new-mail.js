// Tells of new mail while the list is open; the page itself changes only when the reader asks for it.
const bar = document.querySelector('[data-new-mail]');

if (bar && 'EventSource' in window) listen(bar);

function listen(place) {
  const events = new EventSource('/events');
  const title = document.title;
  let count = 0;
  events.addEventListener('mail', (event) => {
    const news = JSON.parse(event.data);
    if (news.folder !== undefined && place.dataset.folder !== undefined && news.folder !== place.dataset.folder) return;
    count += news.count ?? 1;
    const form = new Intl.PluralRules(document.documentElement.lang).select(count) === 'one' ? 'one' : 'other';
    place.querySelector('[data-words]').textContent = (place.dataset[form] ?? '').replace('{count}', String(count));
    place.hidden = false;
    document.title = `(${count}) ${title}`;
  });
  // A node that goes away must not be asked again and again by every open page: the browser waits, then tries anew.
  events.addEventListener('gone', () => events.close());
  addEventListener('pagehide', () => events.close());
}
