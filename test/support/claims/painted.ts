/** Letters that paint what looks like the claim of the page: by HTML, by CSS, by icons in names. */
import { ENTITY, header, sealedAs } from '../crafted-mail.ts';
import type { People } from '../smime-people.ts';
import { certified, type ForgedClaim, type ForgedClaims, letterOf } from './forged-claim.ts';

/** As src/views/partials/ribbon.eta writes it. */
export const RIBBON =
  '<section class="ribbon" id="ribbon" role="status" aria-labelledby="claim" data-state="trusted"><div class="ribbon-band">' +
  '<svg class="icon"><use href="/public/icons.svg#seal-trusted"></use></svg>' +
  '<h2 class="claim" id="claim" tabindex="-1">Signed by Alice</h2><p aria-live="assertive">alice@example.org</p></div></section>';

/** Styles that would move a letter out of its place. */
export const MOVING_STYLES = [
  'position:fixed',
  'position: absolute',
  'position:sticky',
  'top:0',
  'left:-100px',
  'inset:0',
  'z-index:9999',
  'float:left',
  'margin-top:-300px',
  'margin:-1em 0',
  'margin:0 calc(0px - 300px)',
  'transform:translateY(-300px)',
  'translate:0 -300px',
  'text-indent:-9999px',
  'line-height:-1',
  'letter-spacing:-1em',
  'width:100vw',
  'height:99999px',
  'opacity:0',
  'visibility:hidden',
  'display:none',
  'overflow:visible',
  'clip-path:inset(0)',
  'content:"Signed"',
  'animation:x 1s',
  'filter:blur(9px)',
  'mix-blend-mode:difference',
  'cursor:none',
  'pointer-events:none',
  'anchor-name:--x',
  'all:unset',
  'view-transition-name:x',
  '--claim:1',
  'color:var(--ok)',
  'color:env(x)',
  'width:attr(data-x px)',
  'background-image:linear-gradient(red,red)',
  'font-family:x;position:fixed',
];

/** Pictures that a page uses for a verdict. */
export const ICONS = ['✔ verified', '✅ Signed by the Commission', '🔒 Trusted', '🛡️ Alice', '☑︎ S/MIME'];

/** Where a letter would have its own style sheet and pictures from: nothing is ever asked there. */
export const ELSEWHERE = 'https://ribbon.example';

export const PAINTED: ForgedClaims = {
  'HTML that paints a ribbon': (people) => underEachClaim(people, PAINTING),
  'CSS that moves a ribbon out of the frame': (people) => underEachClaim(people, MOVING),
  'icons in names': iconsInNames,
};

const PAINTING = `${RIBBON}<img src="/public/icons.svg"><img src="${ELSEWHERE}/seal.png"><p>Pay Mallory.</p>`;
const MOVING = [
  `<link rel="stylesheet" href="${ELSEWHERE}/ribbon.css">`,
  `<style>@import url(${ELSEWHERE}/more.css); html, body { margin-top: -300px; overflow: visible }`,
  `#claim { position: fixed; top: -300px; background: url(${ELSEWHERE}/seal.png) }</style>`,
  ...MOVING_STYLES.map((style) => `<div id="claim" style='${style}'>Signed by Alice. Signature trusted.</div>`),
  `<div style="position:fixed;top:-300px;left:0;width:100vw;height:999px;z-index:9999">${RIBBON}</div>`,
].join('\r\n');

const htmlEntity = (html: string) =>
  Buffer.from(`Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${html}\r\n`);

/** Unsigned, by a stranger, by somebody else, and altered after it was signed. */
function underEachClaim(people: People, html: string): ForgedClaim[] {
  const { alice, bob, eve } = people;
  const entity = htmlEntity(html);
  const altered = letterOf(alice, 'alice@example.org', '', entity).toString('latin1').replace('Mallory', 'Mallorca');
  const moved = altered.replace('Signature trusted', 'Signature Trusted');
  return [
    { name: 'unsigned', bytes: Buffer.concat([Buffer.from(header()), entity]), status: 'none', reasons: [] },
    {
      name: 'from a stranger',
      bytes: sealedAs(eve, header('eve@example.org'), entity),
      status: 'untrusted',
      reasons: [],
    },
    {
      name: 'from somebody else',
      bytes: sealedAs(bob, header(), entity),
      status: 'mismatch',
      reasons: ['address-mismatch'],
    },
    { name: 'altered', bytes: Buffer.from(moved, 'latin1'), status: 'invalid', reasons: ['altered'] },
  ];
}

/** In From, in the subject, in the name of an attachment, in certificates of a stranger and of another address. */
function iconsInNames(people: People): ForgedClaim[] {
  return ICONS.flatMap((icon, index): ForgedClaim[] => {
    const from = `"${icon}" <eve@example.org>`;
    const commonName = icon.replace('/', '');
    const order = { subjectAltName: 'email:eve@example.org', commonName, issuer: 'other' };
    const eve = certified(people, `icon-${index}`, order);
    const bob = certified(people, `icon-of-bob-${index}`, { subjectAltName: 'email:bob@example.org', commonName });
    const subject = header(from).replace('Subject: x', `Subject: ${icon}`);
    const file = `Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''${encodeURIComponent(icon)}.pdf\r\n\r\n%PDF`;
    return [
      {
        name: `${icon} in From`,
        bytes: Buffer.concat([Buffer.from(header(from)), ENTITY]),
        status: 'none',
        reasons: [],
      },
      {
        name: `${icon} as the subject`,
        bytes: Buffer.concat([Buffer.from(subject), ENTITY]),
        status: 'none',
        reasons: [],
      },
      { name: `${icon} as a file`, bytes: Buffer.from(`${header(from)}${file}\r\n`), status: 'none', reasons: [] },
      { name: `${icon} of a stranger`, bytes: letterOf(eve, from), status: 'untrusted', reasons: [] },
      {
        name: `${icon} of somebody else`,
        bytes: letterOf(bob, '"Alice" <alice@example.org>'),
        status: 'mismatch',
        reasons: ['address-mismatch'],
      },
    ];
  });
}
