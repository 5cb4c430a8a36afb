// Says two minutes before that the keys will lock, and offers more time. Without it the server locks just the same.
const warning = document.querySelector('#lock-warning');
const WARN_BEFORE_MS = 2 * 60 * 1000;

if (warning) watch(warning);

function watch(box) {
  const text = box.querySelector('#lock-warning-text');
  const clock = box.querySelector('#lock-warning-clock');
  const form = box.querySelector('#lock-warning-form');
  const unlock = box.querySelector('#lock-warning-unlock');
  let until = Date.parse(box.dataset.until ?? '');
  let announced = '';

  const say = (message) => {
    box.hidden = false;
    // The same words again would be announced again at every second.
    if (announced !== message) text.textContent = message;
    announced = message;
  };

  const tick = () => {
    const left = until - Date.now();
    if (Number.isNaN(left) || left > WARN_BEFORE_MS) return;
    const over = left <= 0;
    form.hidden = over;
    unlock.hidden = !over;
    clock.hidden = over;
    if (over) say(box.dataset.gone ?? '');
    else {
      say(box.dataset.soon ?? '');
      const seconds = Math.ceil(left / 1000);
      clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    }
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const answer = await fetch(form.action, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams(new FormData(form)),
    }).catch(() => null);
    const extended =
      answer?.ok && answer.headers.get('content-type')?.startsWith('application/json') ? await answer.json() : null;
    const next = Date.parse(extended?.until ?? '');
    if (Number.isNaN(next)) return say(box.dataset.failed ?? '');
    until = next;
    const time = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: 'short' }).format(next);
    say((box.dataset.extended ?? '').replace('{time}', time));
    clock.hidden = true;
    for (const shown of document.querySelectorAll('.key-state time')) {
      shown.dateTime = new Date(next).toISOString();
      shown.textContent = time;
    }
    setTimeout(() => {
      box.hidden = until - Date.now() > WARN_BEFORE_MS;
    }, 6000);
  });

  setInterval(tick, 1000);
  tick();
}
