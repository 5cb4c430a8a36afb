import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { parseEntity } from '../../../src/mime/parse.ts';
import { readElement } from '../../../src/pki/der.ts';
import { openMessage } from '../../../src/smime/open-message.ts';
import { type ReceiptFacts, readReceiptRequest, writeReceiptRequest } from '../../../src/smime/receipt-request.ts';
import { sealMessage } from '../../../src/smime/seal-message.ts';
import {
  isAboutSignature,
  isSignedReceipt,
  readSignedReceipt,
  writeSignedReceipt,
} from '../../../src/smime/signed-receipt.ts';
import { makePartnerAuthority } from '../../support/partner-authority.ts';

const AT = new Date();
const ALICE = 'alice@tcn.b.eu-admin.net';
const BOB = 'bob@tcn.d.eu-admin.net';
const authority = makePartnerAuthority('Root', 'Office');
const alice = authority.person('Alice', ALICE);
const bob = authority.person('Bob', BOB);
const trust = { anchors: [authority.root], intermediates: [], explicitlyTrusted: [] };

function letter(options: { receipt?: boolean; encrypt?: boolean } = {}): { bytes: Buffer; made: ReceiptFacts | null } {
  let made: ReceiptFacts | null = null;
  const contentIdentifier = Buffer.from('content identifier');
  const bytes = sealMessage({
    mime: Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n'),
    headers: Buffer.from(`From: Alice <${ALICE}>\r\nTo: ${BOB}\r\nDate: ${AT.toUTCString()}\r\nMessage-ID: <a@b>\r\n`),
    sign: {
      ...alice,
      ...(options.receipt === false ? {} : { receipt: { contentIdentifier, to: ALICE } }),
      onSigned: (attributes, signature) => {
        made = { contentIdentifier, signature, attributesDigest: digest(attributes) };
      },
    },
    ...(options.encrypt ? { encryptTo: [bob.certificate] } : {}),
    at: AT,
  });
  return { bytes, made };
}

let digest: (bytes: Buffer) => Buffer;
before(async () => {
  const { createHash } = await import('node:crypto');
  digest = (bytes) => createHash('sha256').update(bytes).digest();
});

const wrapped = (cms: Buffer) =>
  Buffer.from(
    `From: ${BOB}\r\nContent-Type: application/pkcs7-mime; smime-type=signed-receipt\r\nContent-Transfer-Encoding: base64\r\n\r\n${cms.toString('base64')}\r\n`,
  );

describe('T24 signed receipts', () => {
  it('T24 are asked for inside the signature, also of an encrypted letter, and its reader sees what to say', () => {
    for (const encrypt of [false, true]) {
      const { bytes, made } = letter({ encrypt });
      const opened = openMessage({ bytes, keys: [bob], trust, at: AT });
      assert.equal(opened.signature.status, 'trusted');
      const request = opened.signature.signers[0]?.receiptRequest ?? assert.fail('no request');
      assert.deepEqual([...request.to], [ALICE]);
      assert.ok(made && isAboutSignature(request, made));
    }
    const plain = openMessage({ bytes: letter({ receipt: false }).bytes, keys: [], trust, at: AT });
    assert.equal(plain.signature.signers[0]?.receiptRequest, null);
  });

  it('T24 say whose they are and about exactly which signature', () => {
    const { made } = letter();
    const about = made ?? assert.fail('not signed');
    const read = readSignedReceipt(wrapped(writeSignedReceipt(about, bob, AT)), trust, AT);
    assert.deepEqual([read?.signer.intact, read?.signer.status, read?.signer.addresses], [true, 'trusted', [BOB]]);
    assert.ok(read && isAboutSignature(read.about, about));
    const other = letter().made ?? assert.fail('not signed');
    assert.ok(read && !isAboutSignature(read.about, { ...other, signature: Buffer.alloc(256) }));
    assert.ok(read && !isAboutSignature(read.about, { ...about, attributesDigest: Buffer.alloc(32) }));
  });

  it('T24 are worth nothing when a byte is changed, and not trusted without a path', () => {
    const about = letter().made ?? assert.fail('not signed');
    const cms = writeSignedReceipt(about, bob, AT);
    for (let at = 0; at < cms.length; at += 7) {
      const changed = Buffer.from(cms);
      changed[at] = (changed[at] as number) ^ 1;
      const read = readSignedReceipt(wrapped(changed), trust, AT);
      const same = read?.signer.intact && read.signer.status === 'trusted';
      assert.ok(!same || isAboutSignature(read.about, about), `byte ${at}`);
    }
    const stranger = readSignedReceipt(wrapped(cms), { ...trust, anchors: [] }, AT);
    assert.notEqual(stranger?.signer.status, 'trusted');
  });

  it('T24 are no other signed message, and a request that cannot be read makes no signature worse', () => {
    assert.equal(readSignedReceipt(letter().bytes, trust, AT), null);
    assert.equal(isSignedReceipt(parseEntity(letter().bytes)), false);
    assert.equal(readSignedReceipt(wrapped(Buffer.from('3003020101', 'hex')), trust, AT), null);
    assert.equal(readReceiptRequest(readElement(Buffer.from('3003020101', 'hex'))), null);
    const written = readReceiptRequest(
      readElement(writeReceiptRequest(Buffer.from('id'), `${'x'.repeat(200)}@b.example`)),
    );
    assert.equal(written?.to[0]?.length, 210);
  });
});
