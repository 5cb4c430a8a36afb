import type { FastifyReply } from 'fastify';

/** Bytes of a message are saved, never shown in the application's origin (security.md, "Never"). */
export function sealAttachment(reply: FastifyReply, name: string, type: string): void {
  reply
    .type(type)
    .header('content-disposition', contentDisposition(name))
    .header('content-security-policy', "sandbox; default-src 'none'")
    .header('x-content-type-options', 'nosniff');
}

/**
 * RFC 6266 section 4.1 with both forms: `filename*` in UTF-8 (RFC 8187) for names in any script, and for programs that do
 * not read it an ASCII form without anything that would end the quoted string.
 */
export function contentDisposition(name: string): string {
  const line =
    name.replace(/[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069/\\]+/gu, '_').slice(0, 200) || 'attachment';
  const ascii = line.replace(/[^\x20-\x7e]|["%]/g, '_');
  const encoded = encodeURIComponent(line.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
