import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyThreads } from '../../../src/html/body-thread.ts';

test('text, words and HTML become the content of a body document', async () => {
  const threads = new BodyThreads();
  const html = '<p>Hello <script>alert(1)</script><img src="cid:a"></p>';
  const pictures = [{ contentId: 'a', type: 'image/png', bytes: new Uint8Array([1, 2, 3]) }];
  const shown = await threads.ask({ kind: 'html', html, pictures, remote: 'block' });
  assert.ok(shown.ok);
  assert.match(shown.content, /<p>Hello <img src="data:image\/png;base64,AQID" \/><\/p>/);
  const words = await threads.ask({ kind: 'words', html, links: false });
  assert.ok(words.ok && /Hello/.test(words.content) && !/<img/.test(words.content));
  assert.deepEqual(await threads.ask({ kind: 'quote', html }), { ok: true, content: 'Hello' });
  const text = await threads.ask({ kind: 'text', text: '<b>', links: false });
  assert.ok(text.ok && text.content.includes('&lt;b&gt;'));
  await threads.close();
  assert.deepEqual(await threads.ask({ kind: 'text', text: '', links: false }), { ok: false, reason: 'busy' });
});

test('two megabytes of HTML do not hold up the event loop', async () => {
  const threads = new BodyThreads({ baseMs: 60_000 });
  await threads.ask({ kind: 'text', text: 'warm', links: false });
  const html = '<div style="color:red"><a href="https://a.example/">x</a></div>'.repeat(32_000);
  // Of this thread alone: other processes of the machine do not count.
  const before = process.threadCpuUsage();
  const answer = await threads.ask({ kind: 'html', html, pictures: [], remote: 'block' });
  const { user, system } = process.threadCpuUsage(before);
  assert.ok(answer.ok);
  assert.ok((user + system) / 1000 < 50, `${(user + system) / 1000} ms`);
  await threads.close();
});

test('what takes too long is ended, and the next reader gets an answer', async () => {
  const threads = new BodyThreads({ threads: 1, baseMs: -2_900, msPerMiB: 0 });
  const html = '<div style="color:red"><a href="https://a.example/">x</a></div>'.repeat(30_000);
  const [slow, next] = await Promise.all([
    threads.ask({ kind: 'html', html, pictures: [], remote: 'block' }),
    threads.ask({ kind: 'text', text: 'x', links: false }),
  ]);
  assert.deepEqual(slow, { ok: false, reason: 'too-complex' });
  assert.equal(typeof next.ok, 'boolean');
  await threads.close();
});
