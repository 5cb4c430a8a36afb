// Sends a form with files so that the reader sees how far it is. Without it the browser sends the same form by itself.
for (const form of document.querySelectorAll('form[data-upload]')) {
  const progress = form.querySelector('progress[data-upload-progress]');
  const words = form.querySelector('[data-upload-words]');
  form.addEventListener('submit', (event) => {
    const files = [...form.querySelectorAll('input[type="file"]')].flatMap((field) => [...field.files]);
    if (event.defaultPrevented || files.length === 0 || progress === null) return;
    event.preventDefault();
    if (form.dataset.sent === 'yes') return;
    form.dataset.sent = 'yes';
    event.submitter?.setAttribute('aria-disabled', 'true');
    const data = new FormData(form, event.submitter);
    const request = new XMLHttpRequest();
    let said = 0;
    request.upload.addEventListener('progress', ({ lengthComputable, loaded, total }) => {
      if (!lengthComputable) return;
      const percent = Math.floor((100 * loaded) / total);
      progress.hidden = false;
      progress.value = percent;
      // In tens: a reader of the screen would be told of each step.
      const tens = percent - (percent % 10);
      if (words !== null && tens !== said)
        words.textContent = (form.dataset.progress ?? '').replace('{percent}', String(tens));
      said = tens;
    });
    request.addEventListener('load', () => show(request, form));
    for (const end of ['error', 'abort', 'timeout']) request.addEventListener(end, () => failed(form, progress, words));
    request.open('POST', event.submitter?.hasAttribute('formaction') ? event.submitter.formAction : form.action);
    request.setRequestHeader('accept', 'text/html');
    request.send(data);
  });
}

// The answer is a page, where the redirect led or the form with its faults. It is shown as it came: fetching it once more
// would lose what it says only once.
function show(request, form) {
  const page = new DOMParser().parseFromString(request.responseText, 'text/html');
  const main = page.querySelector('main');
  if (main === null) return form.submit();
  history.pushState(null, '', request.responseURL);
  document.title = page.title;
  document.querySelector('main').replaceWith(document.adoptNode(main));
  main.focus();
  scrollTo(0, 0);
}

addEventListener('popstate', () => location.reload());

function failed(form, progress, words) {
  progress.hidden = true;
  if (words !== null) words.textContent = form.dataset.failed ?? '';
  form.dispatchEvent(new CustomEvent('upload-failed', { bubbles: true }));
}
