/** GnuPG's `gpgsm`, the engine of KMail, Claws and Gpg4win. */
import { spawnSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cmsOf, multipartSigned, pkcs7Mime } from './cms-mail.ts';
import { type MatrixPeople, PASSWORD } from './matrix-people.ts';
import { type Cipher, type Encrypting, KEYS, type Key, NotOffered, NotTried, type Peer, type Signing } from './peer.ts';

const IMPORTED = /secret keys imported|secret key imported|IMPORT_RES \d+ \d+ \d+ \d+ \d+ \d+ \d+ \d+ \d+ [1-9]/;
const NEW_SALTS = 6;

const CURVE: Partial<Record<Key, string>> = { p256: 'NIST P-256', p384: 'NIST P-384', p521: 'NIST P-521' };

const CIPHER: Partial<Record<Cipher, string>> = {
  'aes-128-cbc': 'AES128',
  'aes-192-cbc': 'AES192',
  'aes-256-cbc': 'AES256',
  '3des': '3DES',
};

export function gpgsmPeer({ by, people, pkcs12 }: MatrixPeople): Peer {
  // the agent's socket stands in this folder, and a socket's path has at most 107 bytes
  const home = mkdtempSync(path.join(tmpdir(), 'sp-g-'));
  const at = (name: string) => path.join(home, name);
  mkdirSync(at('private-keys-v1.d'), { mode: 0o700 });
  writeFileSync(at('gpg-agent.conf'), 'allow-loopback-pinentry\n');
  writeFileSync(at('gpgsm.conf'), 'disable-crl-checks\ndisable-dirmngr\n');
  const fingerprint = people.root.sha1.toUpperCase().replace(/..(?=.)/g, '$&:');
  writeFileSync(at('trustlist.txt'), `${fingerprint} S relax\n`);
  const env = { ...process.env, LC_ALL: 'C.UTF-8', GNUPGHOME: home };
  const run = (...args: string[]): { ok: boolean; said: string } => {
    const options = ['--batch', '--yes', '--pinentry-mode', 'loopback', '--passphrase-fd', '0', '--status-fd', '1'];
    const done = spawnSync('gpgsm', [...options, ...args], {
      cwd: home,
      env,
      input: `${PASSWORD}\n`,
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { ok: done.status === 0, said: `${done.stdout}${done.stderr}` };
  };
  run('--import', people.rootFile);
  const missing = new Map<Key, string>();
  for (const key of KEYS) {
    run('--import', by[key].certificateFile);
    const curve = CURVE[key];
    if (curve !== undefined) {
      // It takes no key of a curve from PKCS#12, but its agent has them all in one form, each under its keygrip.
      const grip = /^grp:+([0-9A-F]{40}):/m.exec(
        run('--with-keygrip', '--with-colons', '-k', by[key].certificate.sha1).said,
      );
      if (grip === null) throw new Error(`gpgsm: no keygrip of ${key}`);
      writeFileSync(path.join(home, 'private-keys-v1.d', `${grip[1]}.key`), agentKey(by[key].privateKey, curve));
      continue;
    }
    const imported = () => {
      const { ok, said } = run('--import', pkcs12(key, 'legacy'));
      return ok && IMPORTED.test(said) ? null : said.trim();
    };
    let refusal = imported();
    // gpgsm 2.2 drops leading zeros in its key derivation, so about one salt in a hundred fails: a new file has another.
    for (let again = 1; refusal !== null && key.startsWith('rsa') && again < NEW_SALTS; again += 1)
      refusal = imported();
    if (refusal !== null) missing.set(key, refusal);
  }
  const need = (key: Key) => {
    const said = missing.get(key);
    if (said !== undefined) throw new NotTried(`import of ${key}: ${said}`);
  };
  const gpgsm = (input: Buffer, ...args: string[]): { out: Buffer; said: string } => {
    writeFileSync(at('in'), input);
    rmSync(at('out'), { force: true });
    const { ok, said } = run('--output', 'out', ...args);
    if (!ok) throw new Error(`gpgsm: ${said.trim()}`);
    return { said, out: args.includes('beside') ? Buffer.alloc(0) : readFileSync(at('out')) };
  };
  return {
    name: 'gpgsm',
    version: run('--version').said.split('\n')[0]?.replace('gpgsm (GnuPG) ', 'GnuPG ') ?? '',
    sign: (entity: Buffer, how: Signing) => {
      if (how.pss || how.keyIdentifier || how.noAttributes) {
        throw new NotOffered('`gpgsm` has no option for PSS, key identifiers or missing attributes');
      }
      need(how.signer);
      const as = ['--local-user', by[how.signer].certificate.sha1, '--digest-algo', how.digest.toUpperCase()];
      const { out } = gpgsm(entity, ...as, how.opaque ? '--sign' : '--detach-sign', 'in');
      return how.opaque ? pkcs7Mime('signed-data', out) : multipartSigned(entity, out, how.digest);
    },
    encrypt: (entity: Buffer, how: Encrypting) => {
      const cipher = CIPHER[how.cipher];
      if (cipher === undefined) throw new NotOffered('gpgsm 2.2 writes no GCM and no RC2-128');
      if (how.oaep || how.keyIdentifier) throw new NotOffered('`gpgsm` has no option for OAEP and key identifiers');
      const to = how.recipients.flatMap((key) => ['--recipient', by[key].certificate.sha1]);
      return pkcs7Mime('enveloped-data', gpgsm(entity, '--cipher-algo', cipher, ...to, '--encrypt', 'in').out);
    },
    verify: (entity: Buffer) => {
      const { cms, beside } = cmsOf(entity);
      if (beside !== null) writeFileSync(at('beside'), beside);
      const { said, out } = gpgsm(cms, '--verify', 'in', ...(beside === null ? [] : ['beside']));
      if (!/GOODSIG/.test(said)) throw new Error(`gpgsm: ${said}`);
      return beside ?? out;
    },
    decrypt: (entity: Buffer, reader: Key) => {
      need(reader);
      return gpgsm(cmsOf(entity).cms, '--decrypt', 'in').out;
    },
    stop: () => {
      spawnSync('gpgconf', ['--kill', 'gpg-agent'], { env }); // the agent of this folder only
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A private key as an S-expression in canonical form, as gpg-agent keeps it (its file agent/keyformat.txt). */
function agentKey(key: KeyObject, curve: string): Buffer {
  const { x = '', y = '', d = '' } = key.export({ format: 'jwk' });
  const octets = (text: string) => Buffer.from(text, 'base64url');
  const point = Buffer.concat([Buffer.from([4]), octets(x), octets(y)]);
  const atom = (value: Buffer | string) => Buffer.concat([Buffer.from(`${value.length}:`), Buffer.from(value)]);
  const list = (...items: Buffer[]) => Buffer.concat([Buffer.from('('), ...items, Buffer.from(')')]);
  const pairs = [list(atom('curve'), atom(curve)), list(atom('q'), atom(point)), list(atom('d'), atom(octets(d)))];
  return list(atom('private-key'), list(atom('ecc'), ...pairs));
}
