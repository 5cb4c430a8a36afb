/** `openssl smime`: PKCS#7 version 1.5, as programs of the last century write it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MatrixPeople } from './matrix-people.ts';
import { opensslPeer } from './openssl-cms.ts';
import { type Encrypting, NotOffered, type Peer, type Signing } from './peer.ts';

export function opensslSmimePeer(people: MatrixPeople): Peer {
  const peer = opensslPeer(people, 'smime');
  return {
    ...peer,
    sign: (entity: Buffer, how: Signing) => {
      if (how.pss || how.keyIdentifier) throw new NotOffered('`smime` has no option for PSS and key identifiers');
      return peer.sign(entity, how);
    },
    encrypt: (entity: Buffer, how: Encrypting) => {
      if (how.oaep || how.keyIdentifier) throw new NotOffered('`smime` has no option for OAEP and key identifiers');
      // the older command takes the recipients only as its last arguments
      const { folder, openssl } = people.people;
      writeFileSync(join(folder, 'smime.in'), entity);
      const cipher = how.cipher === '3des' ? 'des3' : how.cipher;
      const stream = how.indefinite ? ['-stream', '-indef'] : [];
      const providers = ['-provider', 'default', '-provider', 'legacy'];
      const to = how.recipients.map((key) => people.by[key].certificateFile);
      return openssl('smime', '-encrypt', `-${cipher}`, ...stream, '-in', 'smime.in', ...providers, ...to);
    },
  };
}
