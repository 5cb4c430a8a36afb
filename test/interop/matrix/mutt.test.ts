/** mutt signs, encrypts, and shows; it does so with OpenSSL, so algorithms are the matrix's matter and forms are this one's. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type MatrixPeople, makeMatrixPeople } from './matrix-people.ts';
import { ENTITY } from './measure.ts';
import { type Mutt, openMutt } from './mutt.ts';
import { opensslPeer } from './openssl-cms.ts';
import type { Encrypting, Signing } from './peer.ts';
import { open, outerHeaders, seal } from './sealpost.ts';

const SIGN: Signing = {
  signer: 'rsa2048',
  opaque: false,
  digest: 'sha256',
  pss: false,
  keyIdentifier: false,
  noAttributes: false,
  indefinite: false,
};
const ENCRYPT: Encrypting = {
  recipients: ['rsa2048'],
  cipher: 'aes-256-cbc',
  oaep: false,
  keyIdentifier: false,
  indefinite: false,
};

let who: MatrixPeople;
let mutt: Mutt;
before(() => {
  who = makeMatrixPeople();
  mutt = openMutt(who, 'rsa2048');
});
after(() => who.people.remove());

describe('mutt', () => {
  it('S07 S14 what it signs, encrypts, and signs and encrypts, is opened', async () => {
    for (const security of ['sign', 'encrypt', 'both'] as const) {
      const message = open(who, await mutt.send('Hello from mutt\n', security), 'rsa2048');
      assert.equal(message.text?.trim(), 'Hello from mutt', security);
      assert.equal(message.signature.status, security === 'encrypt' ? 'none' : 'trusted', security);
      assert.equal(message.encryption.status, security === 'sign' ? 'none' : 'encrypted', security);
    }
  });

  it('S06 S07 it shows what is signed here, clear and opaque, encrypted, and both', async () => {
    const cases: [Signing | undefined, Encrypting | undefined][] = [
      [SIGN, undefined],
      [{ ...SIGN, opaque: true }, undefined],
      [undefined, ENCRYPT],
      [SIGN, ENCRYPT],
    ];
    for (const [signing, encrypting] of cases) {
      const shown = await mutt.show(seal(who, ENTITY, signing, encrypting));
      assert.match(shown, /Grüße aus Brüssel,\nsecond line/);
      if (signing) assert.match(shown, /Verification successful/);
    }
  });

  it('S07 it shows letters whose header is protected, also where the subject is hidden', async () => {
    const cases: [Signing | undefined, Encrypting | undefined, 'copy' | 'hide-subject'][] = [
      [SIGN, undefined, 'copy'],
      [undefined, ENCRYPT, 'copy'],
      [SIGN, ENCRYPT, 'copy'],
      [SIGN, ENCRYPT, 'hide-subject'],
    ];
    for (const [signing, encrypting, protect] of cases) {
      const shown = await mutt.show(seal(who, ENTITY, signing, encrypting, protect));
      assert.match(shown, /Grüße aus Brüssel,\nsecond line/);
      if (signing) assert.match(shown, /Verification successful/);
    }
  });

  it('S06 it knows no authEnveloped-data, ours as little as that of OpenSSL', async () => {
    const encrypting: Encrypting = { ...ENCRYPT, cipher: 'aes-256-gcm' };
    const ofOpenssl = await opensslPeer(who, 'cms').encrypt(ENTITY, encrypting);
    const messages = [seal(who, ENTITY, undefined, encrypting), Buffer.concat([outerHeaders('rsa2048'), ofOpenssl])];
    for (const message of messages)
      assert.match(await mutt.show(message), /application\/(x-)?pkcs7-mime is unsupported/);
  });
});
