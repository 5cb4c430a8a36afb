// Notifications of the browser, where the reader allowed them: that there is mail, and nothing of it.
const isOffered = 'Notification' in window;

/** Only while the page is not looked at; a second one replaces the first, also of another tab. */
export function notify(words) {
  if (!isOffered || Notification.permission !== 'granted' || document.hasFocus()) return;
  try {
    const shown = new Notification('Sealpost', { body: words, tag: 'sealpost-new-mail', icon: '/icons/sealpost.svg' });
    shown.addEventListener('click', () => {
      focus();
      shown.close();
    });
  } catch {
    // Browsers of telephones show them only for installed pages.
  }
}

const place = document.querySelector('[data-notifications]');

if (place && isOffered) offer(place);

function offer(section) {
  const button = section.querySelector('button');
  const state = section.querySelector('[data-state]');
  const show = () => {
    const { permission } = Notification;
    state.textContent = state.dataset[permission] ?? '';
    button.hidden = permission !== 'default';
  };
  button.addEventListener('click', async () => {
    await Notification.requestPermission();
    show();
  });
  show();
  section.hidden = false;
}
