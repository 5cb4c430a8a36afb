/** NSS, the library of Thunderbird and old Netscape mail: `cmsutil` on a database of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cmsOf, multipartSigned, pkcs7Mime } from './cms-mail.ts';
import { type MatrixPeople, PASSWORD } from './matrix-people.ts';
import { type Encrypting, KEYS, type Key, NotOffered, type Peer, type Signing } from './peer.ts';

export function nssPeer({ file, people, pkcs12 }: MatrixPeople): Peer {
  const at = ['-d', `sql:${file('nss')}`];
  mkdirSync(file('nss'));
  const run = (program: string, args: string[]): string => {
    const done = spawnSync(program, args, { cwd: people.folder, encoding: 'utf8', timeout: 60_000 });
    return `${done.stdout}${done.stderr}`;
  };
  run('certutil', ['-N', ...at, '--empty-password']);
  run('certutil', ['-A', ...at, '-n', 'root', '-t', 'CT,C,C', '-i', people.rootFile]);
  const missing = new Map<Key, string>();
  for (const key of KEYS) {
    const said = run('pk12util', ['-i', pkcs12(key, 'aes'), ...at, '-W', PASSWORD]);
    if (!said.includes('IMPORT SUCCESSFUL')) missing.set(key, said.trim());
  }
  const need = (key: Key) => {
    const said = missing.get(key);
    if (said !== undefined) throw new Error(`import of ${key}: ${said}`);
  };
  /** The exit status of cmsutil is always 0: a file tells of success, the text of its failures. */
  const cmsutil = (input: Buffer, ...args: string[]): { out: Buffer; said: string } => {
    writeFileSync(file('nss.in'), input);
    rmSync(file('nss.out'), { force: true });
    const said = run('cmsutil', [...args, ...at, '-i', 'nss.in', '-o', 'nss.out']);
    const out = existsSync(file('nss.out')) ? readFileSync(file('nss.out')) : Buffer.alloc(0);
    if (out.length === 0 || /error|problem|failed|unable/i.test(said)) throw new Error(`cmsutil: ${said.trim()}`);
    return { out, said };
  };
  return {
    name: 'NSS cmsutil',
    version: `libnss3-tools ${debianVersion('libnss3-tools')}`,
    sign: (entity: Buffer, how: Signing) => {
      if (how.pss || how.keyIdentifier || how.noAttributes || how.indefinite) {
        throw new NotOffered('`cmsutil` has no option for PSS, key identifiers, missing attributes or the encoding');
      }
      need(how.signer);
      const options = ['-S', '-N', how.signer, '-H', how.digest.toUpperCase(), '-G'];
      const { out } = cmsutil(entity, ...options, ...(how.opaque ? [] : ['-T']));
      return how.opaque ? pkcs7Mime('signed-data', out) : multipartSigned(entity, out, how.digest);
    },
    encrypt: (entity: Buffer, how: Encrypting) => {
      if (how.oaep || how.keyIdentifier || how.indefinite) {
        throw new NotOffered('`cmsutil` has no option for OAEP, key identifiers or the encoding');
      }
      if (how.cipher !== 'aes-128-cbc') throw new NotOffered('`cmsutil -E` chooses AES-128-CBC by itself');
      for (const key of how.recipients) need(key);
      const addresses = how.recipients.map((key) => `${key}@example.org`).join(',');
      return pkcs7Mime('enveloped-data', cmsutil(entity, '-E', '-r', addresses).out);
    },
    verify: (entity: Buffer) => {
      const { cms, beside } = cmsOf(entity);
      const content = beside === null ? [] : ['-c', 'nss.content'];
      if (beside !== null) writeFileSync(file('nss.content'), beside);
      const head = cmsutil(cms, '-D', '-h', '1', ...content).out.toString('latin1');
      if (!/signer0\.status=GoodSignature/.test(head)) throw new Error(`cmsutil: ${head.slice(0, 300)}`);
      return beside ?? cmsutil(cms, '-D').out;
    },
    decrypt: (entity: Buffer, reader: Key) => {
      need(reader);
      return cmsutil(cmsOf(entity).cms, '-D').out;
    },
  };
}

export function debianVersion(name: string): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg fills it in
  return spawnSync('dpkg-query', ['-W', '-f=${Version}', name], { encoding: 'utf8' }).stdout;
}
