import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readCertificates } from '../pki/certificate-bundle.ts';
import { readRevocationLists } from '../pki/crl.ts';
import { openMessage } from '../smime/open-message.ts';
import { replyQuote } from '../smime/reply-quote.ts';
import type { OpenedMessage, SignerSummary } from '../smime/verdict.ts';
import { type CliIdentity, readIdentities } from './identity-files.ts';

const MiB = 1024 * 1024;
const USAGE =
  'usage: sealpost inspect --json [--anchors F]… [--intermediates F]… [--crls F]… [--identity F.p12 --password-file F]… [--at TIME] [--legacy-algorithms] FILE.eml…';

/** `sealpost inspect` (cli.md): one JSON object per message, one per line. */
export async function inspect(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  const { values, files, at } = options;
  const lists = readAll(values.crls, readRevocationLists);
  // Lists of today may judge an old message; a time in the future is taken at its word.
  const now = new Date(Math.max(at.getTime(), Date.now()));
  const trust = {
    anchors: readAll(values.anchors, readCertificates),
    intermediates: readAll(values.intermediates, readCertificates),
    explicitlyTrusted: [],
    revocation: { lists, responses: [], now },
  };
  const keys = readIdentities(values.identity, values['password-file']);
  let status = 0;
  for (const file of files) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (error) {
      console.error(`sealpost: ${file}: ${(error as Error).message}`);
      status = 1;
      continue;
    }
    const question = { bytes, keys: keys.map(asKey), trust, at, legacyAlgorithms: values['legacy-algorithms'] };
    const described = await describe(file, openMessage(question));
    // An anchor needs no list to be good, but nobody looked at one either.
    const answer = values.crls.length > 0 ? described : { ...described, revocation: 'unchecked' as const };
    console.log(JSON.stringify(answer, null, files.length === 1 ? 2 : 0));
  }
  return status;
}

function readOptions(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        anchors: { type: 'string', multiple: true, default: [] },
        intermediates: { type: 'string', multiple: true, default: [] },
        crls: { type: 'string', multiple: true, default: [] },
        identity: { type: 'string', multiple: true, default: [] },
        'password-file': { type: 'string', multiple: true, default: [] },
        at: { type: 'string' },
        'legacy-algorithms': { type: 'boolean', default: false },
      },
    });
    const at = values.at === undefined ? new Date() : new Date(values.at);
    const paired = values.identity.length === values['password-file'].length;
    return positionals.length === 0 || Number.isNaN(at.getTime()) || !paired
      ? null
      : { values, files: positionals, at };
  } catch {
    return null;
  }
}

/** Without one of these files the answer would be another: it is named, and nothing is answered. */
function readAll<T>(files: readonly string[], read: (bytes: Buffer) => T[]): T[] {
  return files.flatMap((file) => {
    try {
      return read(readFileSync(file));
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
    }
  });
}

function asKey({ certificate, privateKey }: CliIdentity) {
  return { certificate, privateKey };
}

async function describe(file: string, message: OpenedMessage) {
  const { signature, encryption } = message;
  const text = message.text ?? (message.html === null ? null : await shownText(message.html));
  const html = await shownHtml(message);
  const cut = (value: string | null) => (value === null ? null : value.slice(0, MiB));
  const truncated = (text?.length ?? 0) > MiB || (html?.length ?? 0) > MiB;
  return {
    file,
    from: message.from[0] ?? null,
    subject: message.subject,
    subjectProtected: message.subjectProtected,
    signature: { status: signature.status, reasons: signature.reasons, signers: signature.signers.map(describeSigner) },
    encryption: { status: encryption.status, algorithm: encryption.algorithm, reasons: encryption.reasons },
    revocation: revocationOf(signature.signers),
    layers: message.layers.map(({ kind, form, partPath, status, reasons, signers, algorithm }) => {
      return { kind, form, partPath, status, reasons, signers: signers.map(describeSigner), algorithm };
    }),
    text: cut(text),
    html: cut(html),
    reply: replyQuote(message, cut(text)),
    attachments: message.attachments.map(({ name, type, size }) => ({ name, type, size })),
    ...(truncated ? { truncated } : {}),
  };
}

/** Of all signers together: the worst. */
function revocationOf(signers: readonly SignerSummary[]): 'good' | 'revoked' | 'unchecked' {
  const all = signers.map((signer) => signer.revocation.status);
  if (all.includes('revoked')) return 'revoked';
  return all.length > 0 && all.every((status) => status === 'good') ? 'good' : 'unchecked';
}

// The sanitiser takes longer to load than everything else together, and most messages have no HTML.
async function shownText(html: string): Promise<string> {
  return (await import('../html/text-of-html.ts')).textOfHtml(html);
}

/** Malleable content is shown as plain text only (security.md). */
async function shownHtml(message: OpenedMessage): Promise<string | null> {
  if (message.html === null || message.encryption.malleable) return null;
  const { sanitiseHtml } = await import('../html/sanitise.ts');
  const inlineImages = new Map(message.inlineImages.map((image) => [image.contentId, image]));
  return sanitiseHtml(message.html, { inlineImages, remote: 'block', links: true }).html;
}

function describeSigner(signer: SignerSummary) {
  const { addresses, name, sha256, issuer, signingTime } = signer;
  return { addresses, name, sha256, issuer, signingTime: signingTime?.toISOString() ?? null };
}
