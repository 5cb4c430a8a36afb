/** MIME around the bare CMS of programs that know nothing of mail: RFC 8551 section 3. */

export function mimeOf(type: string, cms: Buffer): Buffer {
  const base64 = cms.toString('base64').replace(/.{64}/g, '$&\r\n');
  return Buffer.from(`Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64}\r\n`);
}

export function pkcs7Mime(smimeType: string, cms: Buffer): Buffer {
  return mimeOf(`application/pkcs7-mime; smime-type=${smimeType}; name=smime.p7m`, cms);
}

export function multipartSigned(entity: Buffer, cms: Buffer, digest: string): Buffer {
  const micalg = digest.replace('sha', 'sha-');
  const type = 'multipart/signed; protocol="application/pkcs7-signature"';
  const head = `Content-Type: ${type}; micalg=${micalg}; boundary="matrix-boundary"\r\n\r\n--matrix-boundary\r\n`;
  const signature = mimeOf('application/pkcs7-signature; name=smime.p7s', cms);
  const middle = Buffer.from('\r\n--matrix-boundary\r\n');
  return Buffer.concat([Buffer.from(head), entity, middle, signature, Buffer.from('\r\n--matrix-boundary--\r\n')]);
}

/** The CMS of a mail, and what is signed beside it; read by hand, lest our own parser hide a mistake of our writer. */
export function cmsOf(mail: Buffer): { cms: Buffer; beside: Buffer | null } {
  const text = mail.toString('latin1').replace(/\r?\n/g, '\r\n');
  const boundary = /^content-type:\s*multipart\/signed;[\s\S]*?boundary="([^"]+)"/im.exec(headOf(text))?.[1];
  if (boundary === undefined) return { cms: base64Body(text), beside: null };
  const [, first, second] = text.split(`--${boundary}`);
  const beside = Buffer.from((first ?? '').replace(/^\r\n|\r\n$/g, ''), 'latin1');
  return { cms: base64Body((second ?? '').replace(/^\r\n/, '')), beside };
}

function headOf(text: string): string {
  return text.slice(0, text.indexOf('\r\n\r\n'));
}

function base64Body(text: string): Buffer {
  return Buffer.from(text.slice(text.indexOf('\r\n\r\n')), 'base64');
}
