// Counts the selected messages; without it the bar reads "Selected messages".
for (const words of document.querySelectorAll('[data-selection]')) {
  const form = words.closest('form');
  if (form === null) continue;
  const rules = new Intl.PluralRules(document.documentElement.lang);
  const count = () => {
    const picked = form.querySelectorAll('tbody input[type="checkbox"]:checked').length;
    const key = picked === 0 ? 'none' : rules.select(picked) === 'one' ? 'one' : 'other';
    words.textContent = (words.dataset[key] ?? '').replace('{count}', String(picked));
  };
  form.addEventListener('change', count);
  // The browser may restore ticks when the reader comes back.
  addEventListener('pageshow', count);
}
