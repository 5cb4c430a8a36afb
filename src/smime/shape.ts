/** Which S/MIME shape a MIME entity has (RFC 8551 section 3.2 and 3.10), as programs label it. */
import { type ByteSource, slicesOf } from '../bytes/byte-source.ts';
import { collect, type SpoolScope } from '../bytes/spool.ts';
import { base64Slices } from '../mime/base64.ts';
import { decodedSource } from '../mime/decode.ts';
import type { MimeEntity } from '../mime/entity.ts';

export type Shape = 'clear-signed' | 'cms';

const SIGNATURE_TYPE = /^application\/(x-)?pkcs7-signature$/;
const CMS_TYPE = /^application\/(x-)?pkcs7-(mime|signature)$/;
const CMS_FILE = /\.p7[mscz]$/i;

/** Null for everything that is not S/MIME. */
export function shapeOf(entity: MimeEntity): Shape | null {
  const { value, parameters } = entity.contentType;
  if (value === 'multipart/signed') {
    const protocol = parameters.get('protocol')?.toLowerCase() ?? '';
    const second = entity.children[1]?.contentType.value ?? '';
    return SIGNATURE_TYPE.test(protocol) || SIGNATURE_TYPE.test(second) ? 'clear-signed' : null;
  }
  if (entity.children.length > 0) return null;
  if (CMS_TYPE.test(value)) return 'cms';
  const name = entity.disposition?.parameters.get('filename') ?? parameters.get('name') ?? '';
  return value === 'application/octet-stream' && CMS_FILE.test(name) ? 'cms' : null;
}

/** What the label says is inside, for bytes that cannot be read. */
export function labelledKind(entity: MimeEntity): 'signed' | 'encrypted' {
  const type = entity.contentType.parameters.get('smime-type')?.toLowerCase() ?? '';
  return type === 'signed-data' || type === 'certs-only' || entity.contentType.value.endsWith('-signature')
    ? 'signed'
    : 'encrypted';
}

/** The BER inside a CMS part; base64 without its label, which some gateways lose, is recognised. `lazily` as `decodedSource`. */
export function cmsBytes(entity: MimeEntity, scope: SpoolScope | null, lazily = false): ByteSource {
  const bytes = decodedSource(entity, scope, lazily);
  return bytes.at(0) === 0x30 && (bytes.at(1) ?? 0) >= 0x80 ? bytes : rescued(bytes, scope);
}

function rescued(bytes: ByteSource, scope: SpoolScope | null): ByteSource {
  const start = bytes.subarray(0, 200).toString('latin1').trimStart();
  return /^M[A-P][\w+/\r\n]/.test(start) ? collect(base64Slices(slicesOf(bytes)), scope) : bytes;
}
