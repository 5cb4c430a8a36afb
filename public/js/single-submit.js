// A second press of a button sends nothing twice. The server has its own guard; this one spares the reader the doubt.
addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method !== 'post' || event.defaultPrevented) return;
  if (form.dataset.sent === 'yes') {
    event.preventDefault();
    return;
  }
  form.dataset.sent = 'yes';
  // A disabled button would not be sent with the form, so it only says that it is busy.
  event.submitter?.setAttribute('aria-disabled', 'true');
  // A download answers without leaving the page.
  if (form.hasAttribute('data-stays')) setTimeout(() => release(form), 3000);
});

addEventListener('upload-failed', (event) => release(event.target));
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) release(form);
});

function release(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll('[aria-disabled]')) button.removeAttribute('aria-disabled');
}
