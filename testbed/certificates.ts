import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DAY_MS = 24 * 3_600_000;
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];

export interface ServerName {
  hostName: string;
  address: string;
  /** Connects by TLS itself as well, as a relay does that sends its log */
  isClient?: boolean;
}

export interface CertificateFiles {
  caFile: string;
  caPem: string;
  /** By host name */
  servers: Map<string, { certificateFile: string; privateKeyFile: string }>;
}

/** A CA of this test bed, kept while it is valid for some days more, and a certificate for each server. */
export async function makeCertificates(folder: string, names: ServerName[]): Promise<CertificateFiles> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const caFile = path.join(folder, 'ca.pem');
  const caKeyFile = path.join(folder, 'ca.key');
  if (!(await isValidFor(caFile, 7))) await makeCa(caFile, caKeyFile);
  const servers: CertificateFiles['servers'] = new Map();
  await Promise.all(
    names.map(async (name) => {
      const certificateFile = path.join(folder, `${name.hostName}.pem`);
      const privateKeyFile = path.join(folder, `${name.hostName}.key`);
      if (!(await isIssuedBy(certificateFile, caFile))) {
        await issue(name, { caFile, caKeyFile, certificateFile, privateKeyFile });
      }
      servers.set(name.hostName, { certificateFile, privateKeyFile });
    }),
  );
  return { caFile, caPem: await readFile(caFile, 'utf8'), servers };
}

async function makeCa(caFile: string, caKeyFile: string): Promise<void> {
  const extensions = [
    'basicConstraints=critical,CA:TRUE,pathlen:0',
    'keyUsage=critical,keyCertSign,cRLSign',
    'nameConstraints=critical,permitted;DNS:eu-admin.net,permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:62.62.0.0/255.255.0.0',
  ];
  const args = ['req', '-x509', ...KEY, '-days', '30', '-subj', '/CN=Test bed mail server CA'];
  await run('openssl', [
    ...args,
    ...extensions.flatMap((extension) => ['-addext', extension]),
    '-keyout',
    caKeyFile,
    '-out',
    caFile,
  ]);
}

async function issue(
  { hostName, address, isClient = false }: ServerName,
  files: { caFile: string; caKeyFile: string; certificateFile: string; privateKeyFile: string },
): Promise<void> {
  const extensions = [
    'basicConstraints=critical,CA:FALSE',
    `extendedKeyUsage=serverAuth${isClient ? ',clientAuth' : ''}`,
    `subjectAltName=DNS:${hostName},IP:${address}`,
  ];
  const args = ['req', '-x509', ...KEY, '-days', '20', '-subj', `/CN=${hostName}`];
  // written whole or not at all: a start that is killed here leaves no half certificate
  const whole = `${files.certificateFile}.new`;
  await run('openssl', [
    ...args,
    ...['-CA', files.caFile, '-CAkey', files.caKeyFile],
    ...extensions.flatMap((extension) => ['-addext', extension]),
    '-keyout',
    files.privateKeyFile,
    '-out',
    whole,
  ]);
  await writeFile(files.certificateFile, await readFile(whole));
}

async function isValidFor(file: string, days: number): Promise<boolean> {
  const certificate = await readCertificate(file);
  return certificate !== null && Date.parse(certificate.validTo) > Date.now() + days * DAY_MS;
}

async function isIssuedBy(file: string, caFile: string): Promise<boolean> {
  const [certificate, ca] = await Promise.all([readCertificate(file), readCertificate(caFile)]);
  return certificate !== null && ca !== null && certificate.verify(ca.publicKey) && (await isValidFor(file, 2));
}

async function readCertificate(file: string): Promise<X509Certificate | null> {
  try {
    return new X509Certificate(await readFile(file));
  } catch {
    return null;
  }
}
