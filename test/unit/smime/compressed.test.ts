/** CompressedData (RFC 3274) says how it was compressed and what is inside; both are believed only when they are what mail has. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONTENT_TYPE } from '../../../src/smime/algorithms.ts';
import { openMessage } from '../../../src/smime/open-message.ts';
import { type CraftedCompressedData, compressedData, opaque } from '../../support/crafted-mail.ts';

const ENTITY = Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n');

function open(made: CraftedCompressedData) {
  const bytes = opaque(compressedData(ENTITY, made), 'compressed-data');
  const trust = { anchors: [], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [], trust, at: new Date() });
}

describe('compressed mail', () => {
  it('S14 zlib around data is shown', () => {
    const message = open({});
    assert.equal(message.layers[0]?.kind, 'compressed');
    assert.deepEqual(message.layers[0]?.reasons, []);
    assert.equal(message.text, 'hello\n');
  });

  it('S14 another algorithm, or something else than data inside, is a broken layer and nothing of it is shown', () => {
    const broken = [
      { algorithm: '1.2.840.113549.1.9.16.3.9' },
      { inner: CONTENT_TYPE.signedData },
      { version: 4 },
      { octets: Buffer.from('no zlib') },
    ];
    for (const made of broken) {
      const message = open(made);
      assert.deepEqual(
        message.layers.map((layer) => [layer.kind, ...layer.reasons]),
        [['compressed', 'malformed']],
        JSON.stringify(made),
      );
      assert.equal(message.text, null);
      assert.deepEqual([message.signature.status, message.encryption.status], ['none', 'none']);
    }
  });
});
