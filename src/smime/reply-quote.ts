import type { OpenedMessage } from './verdict.ts';

/** Nobody reads on in a longer quote. */
export const MAX_QUOTE_CHARACTERS = 64 * 1024;

/**
 * Whether a reply may begin with the text it answers. In encrypted mail only under an intact signature of the From address:
 * whoever sends a captured cipher text again must not get its text back (security.md).
 */
export function mayQuote(message: Pick<OpenedMessage, 'signature' | 'encryption'>): boolean {
  if (message.encryption.status === 'none') return true;
  const { status, reasons } = message.signature;
  const intact = status === 'trusted' || status === 'untrusted' || status === 'mismatch';
  return intact && !reasons.includes('address-mismatch') && !reasons.includes('several-from');
}

/** The quoted text that a reply starts with; empty when there is none or it may not be quoted. */
export function replyQuote(message: Pick<OpenedMessage, 'signature' | 'encryption'>, text: string | null): string {
  if (text === null || !mayQuote(message)) return '';
  const lines = text.slice(0, MAX_QUOTE_CHARACTERS).trimEnd().split('\n');
  return lines.map((line) => (line.startsWith('>') ? `>${line}` : `> ${line}`.trimEnd())).join('\n');
}
