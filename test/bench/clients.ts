/** What the clients do, in threads of their own, so that they do not compete for the node's event loop. Plain scripts. */

/** Asks for one address again and again; answers with the milliseconds of each, the first three left out. */
export const REQUESTING_CLIENT = `
const { parentPort, workerData } = require('node:worker_threads');
(async () => {
  const samples = [];
  for (let n = 0; n < workerData.runs + 3; n++) {
    const started = performance.now();
    const answer = await fetch(workerData.url, { headers: { cookie: workerData.cookie } });
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(workerData.url + ' answered ' + answer.status);
    if (n >= 3) samples.push(performance.now() - started);
  }
  parentPort.postMessage(samples);
})();`;

/** Fills the form of a new message with a file and sends it; answers `ready`, then the milliseconds. */
export const SENDING_CLIENT = `
const { parentPort, workerData } = require('node:worker_threads');
const { base, cookie, to, bytes } = workerData;
(async () => {
  const page = await fetch(base + '/drafts/new', { headers: { cookie } });
  const html = await page.text();
  const field = (name) => new RegExp('name="' + name + '" value="([^"]*)"').exec(html)[1];
  const form = new FormData();
  for (const name of ['_csrf', 'version', 'nonce']) form.set(name, field(name));
  const typed = { to, cc: '', bcc: '', subject: 'Large', text: 'See the attachment.', sign: 'on', encrypt: 'on', do: 'send' };
  for (const [name, value] of Object.entries(typed)) form.set(name, value);
  form.set('file', new File([bytes], 'register.bin'));
  // Written out before: a browser does that in native code, fetch of Node takes a second of a core.
  const written = new Response(form);
  const body = Buffer.from(await written.arrayBuffer());
  const headers = { cookie, origin: base, 'content-type': written.headers.get('content-type') };
  parentPort.postMessage('ready');
  const started = performance.now();
  const answer = await fetch(page.url, { method: 'POST', body, redirect: 'manual', headers });
  await answer.arrayBuffer();
  const ms = performance.now() - started;
  if (!(answer.headers.get('location') || '').startsWith('/letters/')) throw new Error('not sent: ' + answer.status);
  parentPort.postMessage(ms);
})();`;
