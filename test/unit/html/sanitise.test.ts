import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type SanitiseOptions, sanitiseHtml } from '../../../src/html/sanitise.ts';
import { startCpuClock } from '../../support/cpu-clock.ts';
import { assertHarmless } from '../../support/harmless-html.ts';

const PIXEL = { type: 'image/png', bytes: Buffer.from('89504e470d0a1a0a', 'hex') };

function clean(html: string, options: Partial<SanitiseOptions> = {}): string {
  return sanitiseHtml(html, { inlineImages: new Map(), remote: 'block', links: true, ...options }).html;
}

describe('sanitiseHtml', () => {
  it('keeps what a letter needs', () => {
    const html =
      '<h1>Liste</h1><p style="color:#123456; font-weight: bold">Grüße <b>und</b> <a href="https://tcn.example/x?a=1&amp;b=2">mehr</a></p>' +
      '<table border="1"><tr><td colspan="2" bgcolor="#eee">1</td></tr></table>';
    const cleaned = clean(html);
    assert.match(cleaned, /<p style="color:#123456;font-weight:bold">/);
    assert.match(cleaned, /<td bgcolor="#eee" colspan="2">1<\/td>/);
    assert.match(
      cleaned,
      /<a href="https:\/\/tcn\.example\/x\?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">mehr<\/a>/,
    );
  });

  const attacks = [
    '<script>alert(1)</script>',
    '<scr<script>ipt>alert(1)</scr</script>ipt>',
    '<img src=x onerror=alert(1)>',
    '<img src="x`" onerror="alert(1)"//">',
    '<svg><script>alert(1)</script></svg>',
    '<svg><p><style><a title="</style><img src=x onerror=alert(1)>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<xmp><p title="</xmp><img src=x onerror=alert(1)>">',
    '<textarea><p title="</textarea><script>alert(1)</script>">',
    '<template><img src=x onerror=alert(1)></template>',
    '<title><img src=x onerror=alert(1)></title>',
    '<!--><img src=x onerror=alert(1)>-->',
    '<!--[if mso]><script>alert(1)</script><![endif]-->',
    '<![CDATA[<img src=x onerror=alert(1)>]]>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" java\tscript:alert(1)">x</a>',
    '<a href="&#106;avascript&colon;alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="vbscript:x">x</a><a href="//evil.example">y</a><a href="/settings">z</a><a href="#claim">w</a>',
    '<a href="https://bank.example@evil.example/">bank</a>',
    '<iframe src="https://evil.example"></iframe><object data="x"></object><embed src="x">',
    '<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<link rel="stylesheet" href="https://evil.example/x.css"><style>@import "https://evil.example"</style>',
    '<form action="https://evil.example"><input name="password"><button>Unlock</button></form>',
    '<div style="position:fixed;top:0;left:0;width:100%;height:100%;z-index:9">Signed by the Commission</div>',
    '<div style="background:url(https://evil.example/x)">x</div>',
    '<div style="background:u\\72l(https://evil.example/x)">x</div>',
    '<div style="background-image:/**/url(//evil.example)">x</div>',
    '<div style="color:var(--seal);width:expression(alert(1))">x</div>',
    '<div style="color:red;}body{display:none">x</div>',
    '<div style="font-family:\'x\';behavior:url(x)">x</div>',
    '<p id="claim" class="ribbon" name="main">x</p>',
    '<table background="https://evil.example/x.png"><td>x</table>',
    '<img src="data:image/svg+xml;base64,PHN2Zz4="><img src="data:text/html,x">',
    '<img src="cid:../../etc"><img src="blob:https://x/y"><img src="file:///etc/passwd">',
    '<p <script>alert(1)</script>>x</p>',
    '<p/onclick=alert(1)>x',
    '<p title="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">x</p>',
    '<q cite="javascript:1">x</q><details ontoggle=alert(1) open>y</details>',
    '\u0000<\u0000script>alert(1)</script>',
    '<p style="color:red" style="position:fixed">x</p>',
    '<__proto__ onerror=1><p __proto__="x" constructor="y">x',
  ];
  for (const attack of attacks) {
    it(`leaves nothing harmful of ${attack.slice(0, 60).replaceAll('\u0000', 'NUL')}`, () =>
      assertHarmless(clean(attack)));
  }

  it('leaves nothing harmful of any mixture of the attacks, cleaned once or twice', () => {
    const piece = fc.oneof(
      fc.constantFrom(...attacks),
      fc.constantFrom('<', '>', '"', "'", '</', '<!--', '-->', '&', '=', ' ', 'x'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const cleaned = clean(pieces.join(''));
        assertHarmless(cleaned);
        assertHarmless(clean(cleaned));
      }),
      { numRuns: 500 },
    );
  });

  it('blocks pictures from elsewhere and counts them', () => {
    const result = sanitiseHtml(
      '<img src="https://track.example/1.gif"><img src="//track.example/2"><table background="http://track.example/3"><td>x</table><img alt="here" src="">',
      { inlineImages: new Map(), remote: 'block', links: true },
    );
    assert.equal(result.blockedRemote, 3);
    assert.ok(!result.html.includes('track.example'));
  });

  it('lets pictures from elsewhere in only on request, only encrypted ones, without saying where the reader is', () => {
    const html = '<img src="https://pictures.example/1.png"><img src="http://pictures.example/2.png">';
    const cleaned = clean(html, { remote: 'allow' });
    assert.match(cleaned, /<img src="https:\/\/pictures\.example\/1\.png" referrerpolicy="no-referrer" \/>/);
    assert.ok(!cleaned.includes('2.png'));
  });

  it('shows the pictures of the message itself, but no drawings with code', () => {
    const inlineImages = new Map([
      ['photo@tcn', PIXEL],
      ['drawing@tcn', { type: 'image/svg+xml', bytes: Buffer.from('<svg/>') }],
    ]);
    const cleaned = clean('<img src="cid:photo@tcn"><img src="CID:photo%40tcn"><img src="cid:drawing@tcn">', {
      inlineImages,
    });
    assert.equal(cleaned.match(/data:image\/png;base64,iVBORw0KGgo=/g)?.length, 2);
    assert.ok(!cleaned.includes('svg'));
  });

  it('bounds what one picture that is named a thousand times costs', () => {
    const inlineImages = new Map([['big', { type: 'image/png', bytes: Buffer.alloc(4 * 1024 * 1024) }]]);
    assert.ok(clean('<img src="cid:big">'.repeat(1000), { inlineImages }).length < 40 * 1024 * 1024);
  });

  it('takes the targets of links out where changed text could lead somewhere', () => {
    assert.equal(clean('<a href="https://x.example">Answer</a>', { links: false }), '<a>Answer</a>');
  });

  it('says when a message was longer than what is shown', () => {
    const result = sanitiseHtml('x'.repeat(2_000_001), { inlineImages: new Map(), remote: 'block', links: true });
    assert.equal(result.cut, true);
  });

  const floods: [string, string][] = [
    ['nested boxes', '<div>'.repeat(200_000)],
    ['nested tables', '<table><tr><td>'.repeat(66_000)],
    ['nested lists with text', '<ul><li>x'.repeat(100_000)],
    ['formatting that is never closed', '<b><i><u>'.repeat(100_000)],
    ['closing tags alone', '</div>'.repeat(160_000)],
    ['attributes', `<p ${'a=1 '.repeat(250_000)}>`],
    ['one long style', `<p style="${'color:red;'.repeat(100_000)}">`],
    ['styles', '<p style="border:1px solid rgb(1 , 2 , 3);margin:1px 1px 1px 1px">'.repeat(15_000)],
    ['open angle brackets', '<'.repeat(1_000_000)],
    ['entities', '&amp;'.repeat(200_000)],
    ['open comments', '<!--'.repeat(250_000)],
    ['links', '<a href="http://[">x'.repeat(50_000)],
    ['unknown tags', '<x-y>'.repeat(200_000)],
    ['svg in svg', '<svg>'.repeat(200_000)],
  ];
  for (const [what, html] of floods) {
    it(`copes with a megabyte of ${what} in less than two seconds`, () => {
      const spentMs = startCpuClock();
      assertHarmless(
        clean(html)
          .slice(0, 100_000)
          .replace(/<[^>]*$/, ''),
      );
      assert.ok(spentMs() < 2000, `${Math.round(spentMs())} ms`);
    });
  }
});
