/** CompressedData (RFC 3274) says how it was compressed and what is inside; both are believed only when they are what mail has. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateSync } from 'node:zlib';
import * as der from '../../../src/pki/der-writer.ts';
import { CONTENT_TYPE } from '../../../src/smime/algorithms.ts';
import { openMessage } from '../../../src/smime/open-message.ts';
import { contentInfo } from '../../../src/smime/write-signature.ts';

const ZLIB = '1.2.840.113549.1.9.16.3.8';
const ENTITY = Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n');

function open({ version = 0, algorithm = ZLIB, inner = CONTENT_TYPE.data as string, content = deflateSync(ENTITY) }) {
  const encapsulated = der.sequence(der.objectIdentifier(inner), der.context(0, der.octetString(content)));
  const body = der.sequence(der.integer(version), der.algorithmIdentifier(algorithm), encapsulated);
  const cms = contentInfo(CONTENT_TYPE.compressedData, body);
  const type = 'Content-Type: application/pkcs7-mime; smime-type=compressed-data; name=smime.p7z';
  const head = `From: alice@example.org\r\n${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n`;
  const bytes = Buffer.from(`${head}${cms.toString('base64')}\r\n`);
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
      { content: Buffer.from('no zlib') },
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
