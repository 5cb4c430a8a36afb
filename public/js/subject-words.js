// Says while recipients are typed whether the subject will be visible on the way. The server decides again when it is sent.
const hint = document.querySelector('[data-subject-words]');
const known = new Map();

if (hint !== null) {
  document.addEventListener('recipient-marks', (event) => {
    known.set(event.target.id, event.detail);
    say();
  });
  for (const box of document.querySelectorAll('input[name="encrypt"]')) box.addEventListener('change', say);
}

function say() {
  hint.textContent = words(hint.dataset);
}

function words({ hidden, clear, open, named, answersHidden }) {
  const encrypted = [...document.querySelectorAll('input[name="encrypt"]')].some(
    (box) => box.checked || box.type === 'hidden',
  );
  if (!encrypted) return clear;
  const marks = [...known.values()].flat();
  const others = marks.filter((mark) => !mark.showsSubject);
  if (answersHidden !== undefined || (marks.length > 0 && others.length === 0)) return hidden;
  if (others.length === 0) return open;
  const list = new Intl.ListFormat(document.documentElement.lang || 'en', { type: 'conjunction' });
  return named.replace('{names}', () => list.format(others.map((mark) => mark.name || mark.address)));
}
