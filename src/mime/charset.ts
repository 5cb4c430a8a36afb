/** Bytes to text in the charsets found in mail. */
import iconv from 'iconv-lite';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const windows1252 = new TextDecoder('windows-1252');

// Names that programs write for charsets that have another name in the registries.
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['cp-850', 'cp850'],
  ['ansi_x3.4-1968', 'us-ascii'],
  ['ks_c_5601-1987', 'euc-kr'],
  ['cp932', 'shift_jis'],
  ['cp936', 'gbk'],
  ['cp1252', 'windows-1252'],
  ['unicode-1-1-utf-7', 'utf-7'],
  ['utf7', 'utf-7'],
  ['utf8', 'utf-8'],
]);
/** Not charsets, though the library would decode them: `charset=hex` would show a text that no other program shows. */
const NO_CHARSETS = /^[^a-z0-9]*(?:hex|base64|internal)[^a-z0-9]*$/;
const ASCII_LIKE = new Set([
  '',
  'us-ascii',
  'ascii',
  'utf-8',
  'unknown-8bit',
  'x-unknown',
  '8bit',
  'default',
  'binary',
]);

/** UTF-8 where the bytes are that, else Windows-1252: what unlabelled mail turns out to be. Never fails. */
export function decodeUnlabelled(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return windows1252.decode(bytes);
  }
}

/** Text in a named charset. An unknown name is treated as no name; broken sequences become U+FFFD. Never fails. */
export function decodeCharset(bytes: Uint8Array, charset: string): string {
  const label = charset.trim().toLowerCase();
  const name = ALIASES.get(label) ?? label;
  if (ASCII_LIKE.has(name) || NO_CHARSETS.test(name)) return decodeUnlabelled(bytes);
  const decoder = decoderFor(name);
  if (decoder !== null) return decoder.decode(bytes);
  if (iconv.encodingExists(name)) return iconv.decode(Buffer.from(bytes), name);
  return decodeUnlabelled(bytes);
}

function decoderFor(name: string): { decode(bytes: Uint8Array): string } | null {
  try {
    return new TextDecoder(name);
  } catch {
    return null;
  }
}
