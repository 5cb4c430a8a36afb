const LINE_BYTES = 57;
const LINE_CHARACTERS = 76;
const CHUNK_LINES = 1024;

/** Base64 in lines of 76 characters, each ended by CRLF (RFC 2045 section 6.8). */
export function encodeBase64Lines(bytes: Buffer): Buffer {
  const lines = Math.ceil(bytes.length / LINE_BYTES);
  const out = Buffer.allocUnsafe(Math.ceil(bytes.length / 3) * 4 + lines * 2);
  const scratch = Buffer.allocUnsafe(CHUNK_LINES * LINE_CHARACTERS);
  let length = 0;
  for (let start = 0; start < bytes.length; start += CHUNK_LINES * LINE_BYTES) {
    const text = bytes.toString('base64', start, Math.min(bytes.length, start + CHUNK_LINES * LINE_BYTES));
    const characters = scratch.write(text, 'latin1');
    for (let from = 0; from < characters; from += LINE_CHARACTERS) {
      length += scratch.copy(out, length, from, Math.min(characters, from + LINE_CHARACTERS));
      out[length++] = 0x0d;
      out[length++] = 0x0a;
    }
  }
  return out.subarray(0, length);
}
