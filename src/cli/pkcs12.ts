import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { canEncrypt, canSign } from '../pki/certificate.ts';
import { readPkcs12 } from '../pki/pkcs12-read.ts';
import { readPassword } from './identity-files.ts';

/** `sealpost pkcs12` (cli.md): what is in a .pfx/.p12, or the reason why it does not open, with exit status 1. */
export async function pkcs12(args: string[]): Promise<number> {
  const { file, passwordFile } = readOptions(args);
  if (file === undefined || passwordFile === undefined) {
    console.error('usage: sealpost pkcs12 --json --password-file F FILE');
    return 2;
  }
  const result = readPkcs12(readFileSync(file), readPassword(passwordFile));
  if (!result.ok) {
    console.log(JSON.stringify({ error: { code: result.code, message: result.message } }, null, 2));
    return 1;
  }
  const identities = result.identities.map(({ certificate, chain, privateKey }) => {
    privateKey.fill(0);
    const usages = [...(canSign(certificate) ? ['sign'] : []), ...(canEncrypt(certificate) ? ['encrypt'] : [])];
    const { addresses, keyLabel, sha1, sha256, notAfter } = certificate;
    return {
      addresses,
      usages,
      key: keyLabel,
      sha1,
      sha256,
      notAfter: notAfter.toISOString(),
      chain: chain.map((issuer) => issuer.sha256),
    };
  });
  const certificates = result.certificates.map((certificate) => certificate.sha256);
  console.log(JSON.stringify({ identities, certificates }, null, 2));
  return 0;
}

function readOptions(args: string[]): { file: string | undefined; passwordFile: string | undefined } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean' }, 'password-file': { type: 'string' } },
    });
    return { file: positionals.length === 1 ? positionals[0] : undefined, passwordFile: values['password-file'] };
  } catch {
    return { file: undefined, passwordFile: undefined };
  }
}
