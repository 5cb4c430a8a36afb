import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Certificate, canEncrypt, canSign } from '../pki/certificate.ts';
import { readCertificates } from '../pki/certificate-bundle.ts';
import { type ContentEncryption, groupRecipients, sealMessage, splitMessage } from '../smime/seal-message.ts';
import { readIdentities } from './identity-files.ts';

const USAGE =
  'usage: sealpost seal [--sign --identity F.p12 --password-file F] [--encrypt --to CERT…] [--content aes-256-gcm|aes-256-cbc] [--opaque] < message.eml > sealed.eml';

/** `sealpost seal` (cli.md): a message on standard input, the sealed one on standard output. */
export async function seal(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  const identity = options.sign ? readIdentities(options.identity, options.passwordFile) : [];
  const signer = identity.find((item) => canSign(item.certificate));
  if (options.sign && signer === undefined) throw new Error('none of the identities may sign');
  const recipients = options.encrypt ? options.to.flatMap((file) => recipientsOf(file)) : [];
  const { keyTransport, keyAgreement } = groupRecipients(recipients);
  if (keyTransport.length > 0 && keyAgreement.length > 0) {
    console.error(
      'sealpost: one envelope for RSA and elliptic curve keys together, which old programs cannot read; the mail page makes two',
    );
  }
  const { headers, mime } = splitMessage(readFileSync(0));
  const sealed = sealMessage({
    headers,
    mime,
    sign: signer && { ...signer, chain: signer.chain.filter((issuer) => !issuer.isSelfIssued) },
    encryptTo: options.encrypt ? recipients : undefined,
    opaque: options.opaque,
    content: options.content,
    at: new Date(),
  });
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(sealed, (error) => (error ? reject(error) : resolve()));
  });
  return 0;
}

function recipientsOf(file: string): Certificate[] {
  const all = readCertificates(readFileSync(file));
  const usable = all.filter((certificate) => canEncrypt(certificate) && certificate.basicConstraints?.ca !== true);
  if (usable.length > 0) return usable;
  if (all.length === 0) throw new Error(`${file}: no certificate`);
  const onlyAuthorities = all.every((certificate) => certificate.basicConstraints?.ca === true);
  throw new Error(
    onlyAuthorities
      ? `${file}: the certificate of an authority (CA:TRUE), to which no letter is encrypted`
      : `${file}: no certificate that can be encrypted to, by its key usage`,
  );
}

function readOptions(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        sign: { type: 'boolean', default: false },
        identity: { type: 'string', multiple: true, default: [] },
        'password-file': { type: 'string', multiple: true, default: [] },
        encrypt: { type: 'boolean', default: false },
        to: { type: 'string', multiple: true, default: [] },
        content: { type: 'string', default: 'aes-256-cbc' },
        opaque: { type: 'boolean', default: false },
      },
    });
    const { sign, encrypt, opaque, identity, content } = values;
    const to = [...values.to, ...positionals]; // `--to A B`: what follows the first is positional
    const known = content === 'aes-256-cbc' || content === 'aes-256-gcm';
    const signing = !sign || (identity.length > 0 && identity.length === values['password-file'].length);
    const encrypting = encrypt ? to.length > 0 : to.length === 0;
    if ((!sign && !encrypt) || !known || !signing || !encrypting) return null;
    return {
      sign,
      encrypt,
      opaque,
      identity,
      to,
      content: content as ContentEncryption,
      passwordFile: values['password-file'],
    };
  } catch {
    return null;
  }
}
