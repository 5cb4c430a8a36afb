import { parseCertificate } from '../../src/pki/certificate.ts';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import { openssl } from './openssl.ts';

/** What the authority writes into a certificate; left out: as it should be. */
export type CertificateWishes = {
  address?: string | null;
  keyUsage?: string;
  extendedKeyUsage?: string | null;
  isAuthority?: boolean;
  days?: number;
  digest?: 'sha256' | 'sha1';
};

/** An official authority in another house: OpenSSL with a root and an issuing certificate. */
export type OutsideAuthority = {
  /** PEM */
  root: string;
  issuing: string;
  /** A certificate in PEM for the key of a request in PEM or DER, whatever the request wishes */
  certify(request: Buffer, wishes?: CertificateWishes): string;
  /** The same key as a request of somebody else would have it */
  strangersRequest(): Buffer;
};

export function makeOutsideAuthority(address: string, name = 'Official'): OutsideAuthority {
  const key = () => run(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']);
  const rootKey = key();
  const issuingKey = key();
  const self = ['req', '-x509', '-new', '-key', 'key.pem', '-days', '3650', '-subj', `/C=BE/O=${name}/CN=${name} Root`];
  const root = run(
    [...self, '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    { 'key.pem': rootKey },
  ).toString();
  const asked = run(['req', '-new', '-key', 'key.pem', '-subj', `/C=BE/O=${name}/CN=${name} Issuing`], {
    'key.pem': issuingKey,
  });
  const issuing = sign(asked, root, rootKey, 3000, [
    'basicConstraints=critical,CA:TRUE,pathlen:0',
    'keyUsage=critical,keyCertSign,cRLSign',
  ]);
  return {
    root,
    issuing,
    certify: (request, wishes = {}) => {
      const to = wishes.address === undefined ? address : wishes.address;
      const purposes = wishes.extendedKeyUsage === undefined ? 'emailProtection' : wishes.extendedKeyUsage;
      return sign(
        pemOf(request),
        issuing,
        issuingKey,
        wishes.days ?? 365,
        [
          `basicConstraints=CA:${wishes.isAuthority ? 'TRUE' : 'FALSE'}`,
          `keyUsage=critical,${wishes.isAuthority ? 'keyCertSign' : (wishes.keyUsage ?? 'digitalSignature,keyEncipherment')}`,
          ...(purposes === null ? [] : [`extendedKeyUsage=${purposes}`]),
          ...(to === null ? [] : [`subjectAltName=email:${to}`]),
          'subjectKeyIdentifier=hash',
          'authorityKeyIdentifier=keyid',
        ],
        wishes.digest,
      );
    },
    strangersRequest: () => run(['req', '-new', '-key', 'key.pem', '-subj', '/CN=Somebody'], { 'key.pem': key() }),
  };
}

/** As authorities send it: certificates only, in DER. */
export function bundleOf(certificates: readonly string[]): Buffer {
  return run(['crl2pkcs7', '-nocrl', '-certfile', 'all.pem', '-outform', 'DER'], { 'all.pem': certificates.join('') });
}

export function derOf(pem: string): Buffer {
  return run(['x509', '-in', 'one.pem', '-outform', 'DER'], { 'one.pem': pem });
}

/** SHA-256 in lower-case hex, as this product writes thumbprints down. */
export function thumbprintOf(pem: string): string {
  return parseCertificate(derOf(pem)).sha256;
}

function pemOf(request: Buffer): Buffer {
  if (request.includes('-----BEGIN')) return request;
  return run(['req', '-inform', 'DER', '-in', 'request.der', '-outform', 'PEM'], { 'request.der': request });
}

function sign(
  request: Buffer,
  issuer: string,
  issuerKey: Buffer,
  days: number,
  extensions: string[],
  digest = 'sha256',
): string {
  const made = run(
    [
      ...['x509', '-req', '-in', 'request.pem', '-CA', 'issuer.pem', '-CAkey', 'key.pem', '-CAcreateserial'],
      ...['-days', String(days), `-${digest}`, '-extfile', 'extensions.cnf'],
    ],
    {
      'request.pem': request,
      'issuer.pem': issuer,
      'key.pem': issuerKey,
      'extensions.cnf': `${extensions.join('\n')}\n`,
    },
  );
  return toPem([parseCertificate(derOf(made.toString()))]);
}

function run(args: string[], files: Record<string, string | Buffer> = {}): Buffer {
  const done = openssl(args, files);
  if (!done.ok) throw new Error(`openssl ${args[0]}: ${done.stderr}`);
  return done.stdout;
}
