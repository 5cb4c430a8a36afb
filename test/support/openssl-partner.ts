/** A partner outside Sealpost who has nothing but the openssl command: keys, certificate and mail are made with it alone. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type OutgoingMail = {
  subject: string;
  to: string;
  /** MIME entity to be protected */
  content: string;
  sign?: 'clear' | 'opaque';
  /** PEM of the recipient's certificate */
  encryptTo?: string;
};

export class OpensslPartner {
  readonly address: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'sealpost-partner-'));

  /** Below a root of the partner's own country. */
  constructor(name: string, address: string) {
    this.address = address;
    const rsa = ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out'];
    this.run(...rsa, 'root.key');
    this.run(
      'req',
      '-x509',
      '-new',
      '-key',
      'root.key',
      '-subj',
      `/CN=${name} Root`,
      '-days',
      '30',
      '-out',
      'root.pem',
    );
    this.run(...rsa, 'me.key');
    this.run('req', '-new', '-key', 'me.key', '-subj', `/CN=${name}`, '-out', 'me.csr');
    this.write(
      'me.ext',
      [
        `subjectAltName=email:${address}`,
        'keyUsage=critical,digitalSignature,keyEncipherment',
        'extendedKeyUsage=emailProtection',
        'subjectKeyIdentifier=hash',
      ].join('\n'),
    );
    const issue = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '20', '-extfile', 'me.ext'];
    this.run('x509', '-req', '-in', 'me.csr', ...issue, '-out', 'me.pem');
    this.run('x509', '-in', 'me.pem', '-outform', 'DER', '-out', 'me.cer');
  }

  run(...args: string[]): Buffer {
    return execFileSync('openssl', args, { cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  read(name: string): Buffer {
    return readFileSync(join(this.#folder, name));
  }

  write(name: string, content: string | Buffer): void {
    writeFileSync(join(this.#folder, name), content);
  }

  /** As it is read out by telephone. */
  get rootThumbprint(): string {
    return fingerprint(this.run('x509', '-in', 'root.pem', '-noout', '-fingerprint', '-sha256'));
  }

  /** A whole message with CRLF line ends, ready to be submitted. */
  writeMail({ subject, to, content, sign, encryptTo }: OutgoingMail): Buffer {
    this.write('content.eml', content);
    let inner = 'content.eml';
    if (sign) {
      const form = sign === 'opaque' ? ['-nodetach'] : [];
      const signer = ['-signer', 'me.pem', '-inkey', 'me.key', '-md', 'sha256'];
      this.run('cms', '-sign', '-in', inner, ...signer, ...form, '-out', 'signed.eml');
      inner = 'signed.eml';
    }
    if (encryptTo) {
      this.write('recipient.pem', encryptTo);
      this.run('cms', '-encrypt', '-aes-256-cbc', '-in', inner, '-out', 'encrypted.eml', 'recipient.pem');
      inner = 'encrypted.eml';
    }
    const head = [
      `From: <${this.address}>`,
      `To: <${to}>`,
      `Subject: ${subject}`,
      `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
      `Message-ID: <${crypto.randomUUID()}@partner.test>`,
      ...(sign || encryptTo ? [] : ['MIME-Version: 1.0']),
    ].join('\n');
    return Buffer.from(`${head}\n${this.read(inner).toString('latin1')}`.replace(/\r?\n/g, '\r\n'), 'latin1');
  }

  /** What an encrypted message holds. @throws Error when openssl cannot open it */
  decrypt(message: Buffer): Buffer {
    this.write('arrived.eml', message);
    this.run('cms', '-decrypt', '-in', 'arrived.eml', '-recip', 'me.pem', '-inkey', 'me.key', '-out', 'opened.eml');
    return this.read('opened.eml');
  }

  /** The signed content, and the thumbprints of the certificates that came along. @throws Error when it does not verify */
  verify(message: Buffer, rootPem: string): { content: Buffer; certificates: string[] } {
    this.write('arrived.eml', message);
    this.write('trusted.pem', rootPem);
    const checks = ['-CAfile', 'trusted.pem', '-purpose', 'smimesign', '-certsout', 'carried.pem'];
    this.run('cms', '-verify', '-in', 'arrived.eml', ...checks, '-out', 'verified.eml');
    const certificates =
      this.read('carried.pem')
        .toString()
        .match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n/g) ?? [];
    return {
      content: this.read('verified.eml'),
      certificates: certificates.map((pem) => {
        this.write('one.pem', pem);
        return fingerprint(this.run('x509', '-in', 'one.pem', '-noout', '-fingerprint', '-sha256'));
      }),
    };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function fingerprint(said: Buffer): string {
  return said.toString().split('=')[1]?.trim().replaceAll(':', '').toLowerCase() ?? '';
}
