import { escapeHtml } from './escape.ts';

export interface HeaderLine {
  label: string;
  value: string;
}

export interface BodyDocumentOptions {
  /** What `sanitiseHtml` or `plainTextToHtml` made; nothing else may come here. */
  content: string;
  /** For the title of the document, plain text */
  title: string;
  /** Language of the interface, such as `en` */
  locale: string;
  /** The reader's choice; null follows the system. */
  theme: 'light' | 'dark' | null;
  /** The reader asked for pictures from elsewhere, and the message was not encrypted. */
  remoteImages?: boolean;
  /** Claim, sender, date and so on as plain text, when the document stands alone: opened whole, or printed */
  header?: readonly HeaderLine[];
}

export interface BodyDocument {
  html: string;
  contentSecurityPolicy: string;
}

// The one style of the document is inline: a sandboxed document has no origin, so a stylesheet of ours would be refused by
// Cross-Origin-Resource-Policy. Letters that bring colours of their own were written for white paper and get it.
const STYLE = `
:root { color-scheme: light dark; }
:root.light, :root.own-colours { color-scheme: light; }
:root.dark:not(.own-colours) { color-scheme: dark; }
html { background: light-dark(#fdfcfa, #181d29); color: light-dark(#1a2130, #e7e9ef); }
html.own-colours { background: #fff; color: #1a2130; }
body { margin: 1.25rem; font: 1rem/1.6 system-ui, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; overflow-wrap: anywhere; }
main { overflow-x: auto; }
.plain { max-width: 68ch; }
.plain p { margin: 0 0 1em; white-space: pre-wrap; }
a { color: light-dark(#1f3f86, #a9c1f7); }
blockquote { margin: 0 0 1em; padding-inline-start: 1em; border-inline-start: 3px solid light-dark(#b4c2e2, #41557f); }
.plain blockquote { color: light-dark(#4b5567, #aeb6c6); }
pre { white-space: pre-wrap; }
img { max-width: 100%; height: auto; }
table { max-width: 100%; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.25rem 1rem; margin: 0 0 1.25rem; padding-block-end: 1rem; border-block-end: 1px solid light-dark(#7e8694, #76809a); }
dt { color: light-dark(#4b5567, #aeb6c6); }
dd { margin: 0; }
@media print { :root, :root.dark { color-scheme: light; } html { background: #fff; color: #000; } body { margin: 0; } }
`;

/**
 * The document that a sandboxed frame shows, and the policy to send with it (security.md, "Never"): no scripts, no forms, no
 * origin, nothing fetched. The route must send `X-Frame-Options: SAMEORIGIN` or none, since the page frames it.
 */
export function bodyDocument(options: BodyDocumentOptions): BodyDocument {
  const classes = [options.theme ?? '', hasOwnColours(options.content) ? 'own-colours' : ''].filter(
    (name) => name !== '',
  );
  const header = (options.header ?? [])
    .map((line) => `<dt>${escapeHtml(line.label)}</dt><dd>${escapeHtml(line.value)}</dd>`)
    .join('');
  const html = `<!doctype html>
<html lang="${escapeHtml(options.locale)}" class="${classes.join(' ')}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(options.title)}</title>
<style>${STYLE}</style>
</head>
<body>
${header === '' ? '' : `<dl>${header}</dl>`}
<main>
${options.content}
</main>
</body>
</html>
`;
  return { html, contentSecurityPolicy: bodyPolicy(options.remoteImages === true) };
}

function bodyPolicy(remoteImages: boolean): string {
  return [
    'sandbox allow-popups allow-popups-to-escape-sandbox',
    "default-src 'none'",
    remoteImages ? 'img-src data: https:' : 'img-src data:',
    "style-src 'unsafe-inline'",
    "frame-ancestors 'self'",
  ].join('; ');
}

function hasOwnColours(content: string): boolean {
  return /(?:style="[^"]*\b(?:color|background)\s*:|\sbgcolor="|<font\b[^>]*\scolor=")/.test(content);
}
