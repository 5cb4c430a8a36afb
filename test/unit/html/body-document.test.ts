import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyDocument } from '../../../src/html/body-document.ts';

const OPTIONS = { content: '<p>Text</p>', title: 'Text of the message', locale: 'en', theme: null };

describe('bodyDocument', () => {
  it('comes with the policy of security.md', () => {
    assert.equal(
      bodyDocument(OPTIONS).contentSecurityPolicy,
      "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'",
    );
  });

  it('lets pictures from elsewhere in only when the reader asked for them', () => {
    assert.match(bodyDocument({ ...OPTIONS, remoteImages: true }).contentSecurityPolicy, /img-src data: https:;/);
  });

  it('escapes the header block and the title', () => {
    const { html } = bodyDocument({
      ...OPTIONS,
      title: '</title><script>',
      header: [{ label: 'From', value: '<b>"x"' }],
    });
    assert.match(html, /<title>&lt;\/title&gt;&lt;script&gt;<\/title>/);
    assert.match(html, /<dt>From<\/dt><dd>&lt;b&gt;&quot;x&quot;<\/dd>/);
  });

  it('gives letters with colours of their own the white paper they were written for', () => {
    assert.match(bodyDocument({ ...OPTIONS, content: '<p style="color:#000">x</p>' }).html, /class="own-colours"/);
    assert.match(bodyDocument({ ...OPTIONS, theme: 'dark' }).html, /<html lang="en" class="dark">/);
  });
});
