import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openMessage } from '../../../src/smime/open-message.ts';
import { groupRecipients, type SealQuestion, sealMessage, splitMessage } from '../../../src/smime/seal-message.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

const MIME = Buffer.from('Content-Type: text/plain;\r\n charset=utf-8\r\n\r\nhello\r\n');
const headers = () => {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const fields = [
    'From: Alice <alice@example.org>',
    'To: bob@example.org',
    'Bcc: eve@example.org',
    'Subject: Secret',
    `Date: ${date}`,
  ];
  return Buffer.from(fields.map((field) => `${field}\r\n`).join(''));
};

function roundTrip(question: Partial<SealQuestion>) {
  const sealed = sealMessage({ mime: MIME, headers: headers(), at: new Date(), ...question });
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  const message = openMessage({ bytes: sealed, keys: [people.bob], trust, at: new Date() });
  return { sealed: sealed.toString('latin1'), message };
}

describe('protected headers', () => {
  it('S06 a hidden subject is not on the wire and is shown to the reader', () => {
    const { sealed, message } = roundTrip({
      sign: { ...people.alice, chain: [] },
      encryptTo: [people.bob.certificate],
      protect: 'hide-subject',
    });
    assert.match(sealed, /^Subject: \[\.\.\.\]\r$/m);
    assert.equal(sealed.includes('Secret'), false);
    assert.equal(message.subject, 'Secret');
    assert.equal(message.subjectProtected, true);
    assert.equal(message.headersProtected, true);
    assert.equal(message.signature.status, 'trusted');
    assert.equal(message.text, 'hello\n');
  });

  it('copies protect without hiding, and never name a blind copy', () => {
    const { sealed, message } = roundTrip({ sign: { ...people.alice, chain: [] }, protect: 'copy' });
    assert.equal(message.subjectProtected, true);
    assert.equal(sealed.match(/Bcc/g)?.length, 1, 'only where the caller put it');
  });

  it('an altered inner subject is not called protected', () => {
    const { sealed } = roundTrip({ sign: { ...people.alice, chain: [] }, protect: 'copy' });
    const at = sealed.lastIndexOf('Subject: Secret');
    const altered = `${sealed.slice(0, at)}Subject: Public${sealed.slice(at + 15)}`;
    const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
    const message = openMessage({ bytes: Buffer.from(altered, 'latin1'), keys: [], trust, at: new Date() });
    assert.equal(message.signature.status, 'invalid');
    assert.equal(message.subject, 'Secret');
    assert.equal(message.subjectProtected, false);
  });

  it('a wrapped message of the same sender is shown, a forwarded one stays an attachment', () => {
    const wrap = (from: string) => {
      const inner = `From: ${from}\r\nSubject: Inside\r\nContent-Type: text/plain\r\n\r\nhello\r\n`;
      return roundTrip({
        mime: Buffer.from(`Content-Type: message/rfc822\r\n\r\n${inner}`),
        sign: { ...people.alice, chain: [] },
      });
    };
    const same = wrap('alice@example.org').message;
    assert.equal(same.subject, 'Inside');
    assert.equal(same.text, 'hello\n');
    const other = wrap('mallory@example.org').message;
    assert.equal(other.subject, 'Secret');
    assert.deepEqual(
      other.attachments.map((item) => item.name),
      ['Inside.eml'],
    );
  });
});

describe('sealing', () => {
  it('a complete message is parted into its outer header and its entity', () => {
    const { headers: outer, mime } = splitMessage(
      Buffer.concat([headers(), Buffer.from('MIME-Version: 1.0\r\n'), MIME]),
    );
    assert.deepEqual(outer, headers());
    assert.deepEqual(mime, MIME);
    assert.match(
      splitMessage(Buffer.from('Subject: x\n\nhi')).mime.toString(),
      /^Content-Type: text\/plain\r\n\r\nhi$/,
    );
  });

  it('S07 recipients of key transport and key agreement are kept apart', () => {
    const groups = groupRecipients([people.alice.certificate, people.carol.certificate]);
    assert.deepEqual(groups, { keyTransport: [people.alice.certificate], keyAgreement: [people.carol.certificate] });
  });

  it('a key that cannot do what is asked is refused', () => {
    assert.throws(() => roundTrip({ encryptTo: [people.dave.certificate] }), { code: 'unsupported' });
    assert.throws(() => roundTrip({ encryptTo: [] }), { code: 'unsupported' });
  });
});
