/** A letter may paint what looks like the claim of the page, but only inside its own frame, in its own place, in its own flow. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyDocument } from '../../../src/html/body-document.ts';
import { sanitiseHtml } from '../../../src/html/sanitise.ts';
import { harmlessStyle } from '../../../src/html/style-attribute.ts';
import { MOVING_STYLES, RIBBON } from '../../support/claims/painted.ts';

const clean = (html: string) => sanitiseHtml(html, { inlineImages: new Map(), remote: 'block', links: true }).html;

describe('a ribbon that a letter paints', () => {
  it('T25 keeps its words and nothing that the page, its style sheet or a screen reader goes by', () => {
    const cleaned = clean(RIBBON);
    assert.match(cleaned, /Signed by Alice/);
    assert.doesNotMatch(cleaned, /\s(?:class|id|role|aria-[a-z]+|data-[a-z]+|tabindex|slot|part|name|for)=/);
    assert.doesNotMatch(cleaned, /svg|icons|use/);
  });

  it('T25 has none of our pictures, whatever address it tries', () => {
    const addresses = [
      '/public/icons.svg',
      'icons.svg',
      '../public/seal.png',
      '//localhost/seal.png',
      'data:image/svg+xml,x',
    ];
    for (const address of addresses) {
      assert.doesNotMatch(
        clean(`<img src="${address}"><div style="background:url(${address})">x</div>`),
        /icons|seal|svg/,
      );
    }
  });

  it('T25 brings no style sheet and no element that stands above or outside its place', () => {
    const elements = [
      '<style>body { margin-top: -300px }</style>',
      '<link rel="stylesheet" href="/public/css/ribbon.css">',
      '<dialog open>Signed</dialog>',
      '<div popover>Signed</div>',
      '<marquee>Signed</marquee>',
      '<base target="_top">',
      '<body style="margin:0" onload="x" class="trusted"><html class="dark">',
    ];
    for (const element of elements) {
      const cleaned = clean(`${element}<p>rest</p>`);
      assert.doesNotMatch(cleaned, /<(?:style|link|dialog|marquee|base|body|html)|popover|class=|ribbon/, element);
      assert.match(cleaned, /<p>rest<\/p>/, element);
    }
  });
});

describe('styles that would move a letter out of its place', () => {
  it('T25 are left out, alone and among harmless ones', () => {
    for (const style of MOVING_STYLES) {
      assert.doesNotMatch(harmlessStyle(style), /position|fixed|-\d|var|calc|gradient|:(?!x$)/, style);
      const mixed = harmlessStyle(`color:red;${style};font-weight:bold`);
      assert.match(mixed, /^color:red;(?:font-family:x;)?font-weight:bold$/, style);
    }
  });

  it('T25 are left out however their names are written', () => {
    for (const style of [
      'POSITION:FIXED',
      'pos\\69tion:fixed',
      'pos/**/ition:fixed',
      '\u200bposition:fixed',
      'position\u00a0:fixed',
      '*position:fixed',
      '_position:fixed',
    ]) {
      assert.equal(harmlessStyle(style), '', style);
    }
  });

  it('T25 find a frame that shows nothing of the application and lets no letter out', () => {
    const { html, contentSecurityPolicy } = bodyDocument({
      content: clean(RIBBON),
      title: 'x',
      locale: 'en',
      theme: null,
    });
    assert.match(
      contentSecurityPolicy,
      /^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:;/,
    );
    assert.doesNotMatch(contentSecurityPolicy, /allow-(?:same-origin|scripts|top-navigation|forms)/);
    assert.doesNotMatch(html, /<link|<script|ribbon/);
  });
});
