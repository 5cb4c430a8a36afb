/** The openssl command, whose `cms` writes and reads MIME by itself. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MatrixPeople } from './matrix-people.ts';
import type { Cipher, Encrypting, Key, Peer, Signing } from './peer.ts';

const CIPHER: Record<Cipher, string[]> = {
  'aes-128-cbc': ['-aes-128-cbc'],
  'aes-192-cbc': ['-aes-192-cbc'],
  'aes-256-cbc': ['-aes-256-cbc'],
  'aes-128-gcm': ['-aes-128-gcm'],
  'aes-256-gcm': ['-aes-256-gcm'],
  '3des': ['-des3'],
  'rc2-128': ['-rc2-128'],
};
/** RC2 is in OpenSSL's drawer for old things. */
const PROVIDERS = ['-provider', 'default', '-provider', 'legacy'];

/** @param tool `smime` is the older command, of PKCS#7 */
export function opensslPeer({ people, by }: MatrixPeople, tool: 'cms' | 'smime'): Peer {
  const run = (input: Buffer, ...args: string[]): Buffer => {
    writeFileSync(join(people.folder, 'peer.in'), input);
    people.openssl(tool, ...args, '-in', 'peer.in', '-out', 'peer.out', ...PROVIDERS);
    return readFileSync(join(people.folder, 'peer.out'));
  };
  const option = (wanted: boolean, ...args: string[]) => (wanted ? args : []);
  const keyOption = (key: Key) => ['-inkey', by[key].keyFile];
  return {
    name: `OpenSSL ${tool}`,
    version: people.openssl('version').toString().split(' ').slice(0, 2).join(' '),
    sign: (entity: Buffer, how: Signing) =>
      run(
        entity,
        ...['-sign', '-signer', by[how.signer].certificateFile, ...keyOption(how.signer), '-md', how.digest],
        ...option(how.opaque, '-nodetach'),
        ...option(how.pss, '-keyopt', 'rsa_padding_mode:pss'),
        ...option(how.keyIdentifier, '-keyid'),
        ...option(how.noAttributes, '-noattr'),
        ...option(how.indefinite, '-stream', '-indef'),
      ),
    encrypt: (entity: Buffer, how: Encrypting) =>
      run(
        entity,
        ...['-encrypt', ...CIPHER[how.cipher]],
        ...option(how.keyIdentifier, '-keyid'),
        ...option(how.indefinite, '-stream', '-indef'),
        ...how.recipients.flatMap((key) => [
          ...['-recip', by[key].certificateFile],
          ...option(how.oaep, '-keyopt', 'rsa_padding_mode:oaep', '-keyopt', 'rsa_oaep_md:sha256'),
        ]),
      ),
    verify: (entity: Buffer) => run(entity, '-verify', '-CAfile', people.rootFile),
    decrypt: (entity: Buffer, reader: Key) =>
      run(entity, '-decrypt', '-recip', by[reader].certificateFile, ...keyOption(reader), '-binary'),
  };
}
