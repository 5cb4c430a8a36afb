// Passkeys: the browser asks the authenticator, the form takes the answer along. Without this file the codes are the way.
const known = typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential;
for (const form of known ? document.querySelectorAll('form[data-passkey]') : []) {
  const failed = document.querySelector('[data-passkey-failed]');
  form.hidden = false;
  document.querySelector('[data-passkey-without]')?.remove();
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    failed.hidden = true;
    try {
      const credential = await ask(form.dataset.passkey, JSON.parse(form.dataset.options));
      form.elements.response.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
}

function ask(how, options) {
  return how === 'create'
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}
