import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textOfHtml } from '../../../src/html/text-of-html.ts';
import { startCpuClock } from '../../support/cpu-clock.ts';

describe('textOfHtml', () => {
  it('gives the words with their paragraphs, lists and tables', () => {
    const html =
      '<style>p{}</style><h1>Liste</h1><p>Sehr geehrter  Herr\n Dupont,</p><ul><li>eins<li>zwei</ul><table><tr><td>a<td>b</tr><tr><td>c<td>d</table>Ende<br>Marja &lt;3 &amp; Jan';
    assert.equal(
      textOfHtml(html),
      'Liste\n\nSehr geehrter Herr Dupont,\n\n- eins\n- zwei\n\na  b\nc  d\n\nEnde\nMarja <3 & Jan',
    );
  });

  it('marks quotes', () => {
    assert.equal(
      textOfHtml('<p>Ja.</p><blockquote>Gilt sie?<br>Bitte</blockquote>Gruß'),
      'Ja.\n\n> Gilt sie?\n> Bitte\n\nGruß',
    );
  });

  it('keeps preformatted lines', () => {
    assert.equal(textOfHtml('<pre>a  b\n  c</pre>'), 'a  b\n  c');
  });

  it('leaves code out and does not bring escaped code to life', () => {
    assert.equal(textOfHtml('<script>x</script>&lt;script&gt;y<svg><text>z</text></svg>'), '<script>y');
  });

  it('copes with a megabyte of nested boxes in less than two seconds', () => {
    const spentMs = startCpuClock();
    textOfHtml('<div><blockquote>x'.repeat(55_000));
    assert.ok(spentMs() < 2000);
  });
});
