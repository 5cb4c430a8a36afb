import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainTextToHtml } from '../../../src/html/plain-text.ts';
import { startCpuClock } from '../../support/cpu-clock.ts';

describe('plainTextToHtml', () => {
  it('makes paragraphs, escapes everything and keeps spaces', () => {
    assert.equal(
      plainTextToHtml('Dear <b>Alain</b>,\r\n\r\none  "two"\nthree & four\n', { links: true }),
      '<div class="plain"><p>Dear &lt;b&gt;Alain&lt;/b&gt;,</p><p>one  &quot;two&quot;\nthree &amp; four</p></div>',
    );
  });

  it('shows quotes by their depth', () => {
    assert.equal(
      plainTextToHtml('Yes.\n> Is it valid?\n>> Card 0417\nBye', { links: true }),
      '<div class="plain"><p>Yes.</p><blockquote><p>Is it valid?</p><blockquote><p>Card 0417</p></blockquote></blockquote><p>Bye</p></div>',
    );
  });

  it('makes links of addresses without the full stop behind them', () => {
    const html = plainTextToHtml('See https://tcn.example/a?b=1&c=2. Or (http://x.example/y) or mailto:a@b.example!', {
      links: true,
    });
    assert.match(html, /<a href="https:\/\/tcn\.example\/a\?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">/);
    assert.match(html, /<\/a>\. Or \(<a href="http:\/\/x\.example\/y"/);
    assert.match(html, /<a href="mailto:a@b\.example"/);
  });

  it('makes no links where they are not allowed, nor of anything but http, https and mailto', () => {
    assert.ok(!plainTextToHtml('https://x.example', { links: false }).includes('<a'));
    assert.ok(!plainTextToHtml('javascript:alert(1) ftp://x data:x', { links: true }).includes('<a'));
  });

  it('copes with links that are nothing but punctuation', () => {
    const spentMs = startCpuClock();
    plainTextToHtml(`http://${'.'.repeat(1990)}x `.repeat(1000), { links: true });
    assert.ok(spentMs() < 2000);
  });

  it('closes every quote and copes with a megabyte of marks', () => {
    const spentMs = startCpuClock();
    const html = plainTextToHtml(`${'>'.repeat(500_000)}\n${'> x\n'.repeat(120_000)}`, { links: true });
    assert.equal(html.match(/<blockquote>/g)?.length, html.match(/<\/blockquote>/g)?.length);
    assert.ok(spentMs() < 2000);
  });
});
