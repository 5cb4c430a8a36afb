// Single letters, only when no field has the focus and no other key is held (WCAG 2.1.4: they can be turned off).
const list = document.querySelector('#shortcuts');
const off = document.documentElement.dataset.shortcuts === 'off';

const actions = {
  c: () => follow('a[href="/drafts/new"]'),
  i: () => follow('.rail a.place, .drawer a.place'),
  r: () => follow('[data-shortcut="reply"]'),
  j: () => step(1),
  k: () => step(-1),
  '?': () => list?.showModal(),
};

if (!off) {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest('input, textarea, select, dialog, [contenteditable]')) return;
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}

function follow(selector) {
  document.querySelector(selector)?.click();
}

function step(direction) {
  const subjects = [...document.querySelectorAll('.mail a.subject')];
  const at = subjects.indexOf(document.activeElement);
  if (at < 0) subjects[direction > 0 ? 0 : subjects.length - 1]?.focus();
  else subjects[at + direction]?.focus();
}
