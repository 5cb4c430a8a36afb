import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import type { ReceiptFacts } from '../../src/smime/receipt-request.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import { isAboutSignature, readSignedReceipt, writeSignedReceipt } from '../../src/smime/signed-receipt.ts';
import { makePartnerAuthority } from '../support/partner-authority.ts';

const AT = new Date();
const ALICE = 'alice@tcn.b.eu-admin.net';
const BOB = 'bob@tcn.d.eu-admin.net';
const authority = makePartnerAuthority('Root', 'Office');
const alice = authority.person('Alice', ALICE);
const bob = authority.person('Bob', BOB);
const trust = { anchors: [authority.root], intermediates: [], explicitlyTrusted: [] };
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-receipts-'));

function openssl(...args: string[]): Buffer {
  return execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
}

const write = (name: string, content: string | Buffer) => fs.writeFileSync(path.join(folder, name), content);
const read = (name: string) => fs.readFileSync(path.join(folder, name));

write('root.pem', toPem([authority.root]));
for (const [name, one] of Object.entries({ alice, bob })) {
  write(`${name}.pem`, toPem([one.certificate]));
  write(`${name}.key`, one.privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

const TEXT = 'Content-Type: text/plain\r\n\r\nhello\r\n';

function asked(): { bytes: Buffer; made: ReceiptFacts } {
  let made: ReceiptFacts | null = null;
  const contentIdentifier = Buffer.from('a content identifier of ours');
  const bytes = sealMessage({
    mime: Buffer.from(TEXT),
    headers: Buffer.from(`From: Alice <${ALICE}>\r\nTo: ${BOB}\r\nDate: ${AT.toUTCString()}\r\n`),
    sign: {
      ...alice,
      receipt: { contentIdentifier, to: ALICE },
      onSigned: (attributes, signature) => {
        made = { contentIdentifier, signature, attributesDigest: createHash('sha256').update(attributes).digest() };
      },
    },
    at: AT,
  });
  return { bytes, made: made ?? assert.fail('not signed') };
}

describe('T24 signed receipts and OpenSSL', () => {
  it('T24 OpenSSL reads our request and signs a receipt that is about our signature', () => {
    const { bytes, made } = asked();
    write('asked.eml', bytes);
    openssl(
      'cms',
      '-sign_receipt',
      '-in',
      'asked.eml',
      '-signer',
      'bob.pem',
      '-inkey',
      'bob.key',
      '-CAfile',
      'root.pem',
      '-out',
      'theirs.eml',
    );
    const receipt = readSignedReceipt(read('theirs.eml'), trust, AT) ?? assert.fail('not read');
    assert.deepEqual([receipt.signer.intact, receipt.signer.status], [true, 'trusted']);
    assert.ok(isAboutSignature(receipt.about, made));
    assert.ok(!isAboutSignature(receipt.about, asked().made), 'and about no other letter');
  });

  it('T24 OpenSSL verifies our receipt about its own message, and refuses it about another one', () => {
    write('text.txt', TEXT);
    const sign = [
      'cms',
      '-sign',
      '-in',
      'text.txt',
      '-signer',
      'alice.pem',
      '-inkey',
      'alice.key',
      '-receipt_request_all',
      '-receipt_request_to',
      ALICE,
    ];
    openssl(...sign, '-from', ALICE, '-to', BOB, '-out', 'request.eml');
    openssl(...sign, '-from', ALICE, '-to', BOB, '-out', 'other.eml');
    const opened = openMessage({ bytes: read('request.eml'), keys: [], trust, at: AT });
    const request = opened.signature.signers[0]?.receiptRequest ?? assert.fail('no request');
    assert.deepEqual([...request.to], [ALICE]);
    const cms = writeSignedReceipt(request, bob, AT);
    const head =
      'MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-receipt; name="smime.p7m"\r\nContent-Transfer-Encoding: base64\r\n\r\n';
    write('ours.eml', `${head}${cms.toString('base64').replace(/.{64}/g, '$&\r\n')}\r\n`);
    const verify = (about: string) =>
      openssl('cms', '-verify_receipt', 'ours.eml', '-in', about, '-CAfile', 'root.pem', '-out', 'said.txt');
    verify('request.eml');
    assert.throws(() => verify('other.eml'));
  });
});
