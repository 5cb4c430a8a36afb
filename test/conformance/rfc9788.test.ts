/**
 * Header protection: the structures of the examples in RFC 9788 (appendix C), built here under the keys of RFC 9216; the
 * published messages are not among the suites. Simple and complex payloads, each policy, with and without legacy display elements.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openMessage } from '../../src/smime/open-message.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import { keyOf, readSampleCertificate, readSamplePerson, rfc9216Missing } from '../support/rfc9216.ts';

const AT = new Date('2026-11-20T15:09:02Z');
const SUBJECT = 'Handling the Jones contract';
const INNER = [
  `Subject: ${SUBJECT}`,
  'Message-ID: <hp@smime.example>',
  'From: Alice <alice@smime.example>',
  'To: Bob <bob@smime.example>',
  'Date: Fri, 20 Nov 2026 10:09:02 -0500',
  'User-Agent: Sample MUA Version 1.0',
  'Keywords: Contract, Urgent',
];
const PNG = 'iVBORw0KGgo=';

type Policy = 'none' | 'hcp_no_confidentiality' | 'hcp_baseline' | 'hcp_shy';

/** The fields outside as each registered policy leaves them (section 3.2). */
function outsideOf(policy: Policy): string[] {
  if (policy === 'none' || policy === 'hcp_no_confidentiality') return INNER;
  const baseline = INNER.filter((field) => !field.startsWith('Keywords')).map((field) =>
    field.startsWith('Subject') ? 'Subject: [...]' : field,
  );
  if (policy === 'hcp_baseline') return baseline;
  return baseline.map((field) =>
    field.replace(/^(From|To): \w+ <(.*)>$/, '$1: $2').replace(/^Date: .*/, 'Date: Fri, 20 Nov 2026 15:09:02 +0000'),
  );
}

type Structure = { complex: boolean; legacy: boolean };

/** Content-Type and body of the payload. */
function payloadOf({ complex, legacy }: Structure, hp: string): [type: string, body: string] {
  const parameter = legacy ? '; hp-legacy-display="1"' : '';
  const lines = legacy ? `Subject: ${SUBJECT}\r\n\r\n` : '';
  const element = legacy
    ? `<div class="header-protection-legacy-display">\r\n<pre>Subject: ${SUBJECT}</pre></div>\r\n`
    : '';
  const text = `${lines}This is the message.\r\n`;
  if (!complex) return [`Content-Type: text/plain; charset="utf-8"${parameter}${hp}`, text];
  const body = [
    '--mixed',
    'Content-Type: multipart/alternative; boundary="alternative"',
    '',
    '--alternative',
    `Content-Type: text/plain; charset="us-ascii"${parameter}`,
    '',
    text,
    '--alternative',
    `Content-Type: text/html; charset="us-ascii"${parameter}`,
    '',
    `<html><head><title></title></head><body>\r\n${element}<p>This is the message.</p></body></html>`,
    '--alternative--',
    '--mixed',
    'Content-Type: image/png',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: inline',
    '',
    PNG,
    '--mixed--',
    '',
  ].join('\r\n');
  return [`Content-Type: multipart/mixed; boundary="mixed"${hp}`, body];
}

describe('RFC 9788', { skip: rfc9216Missing }, () => {
  if (rfc9216Missing) return;
  const alice = readSamplePerson('alice');
  const bob = readSamplePerson('bob');
  const trust = { anchors: [readSampleCertificate('ca.rsa.crt')], intermediates: [], explicitlyTrusted: [] };
  const keys = bob.identities.map((each) => ({ certificate: each.certificate, privateKey: keyOf(each) }));

  type Layers = 'multipart/signed' | 'signed-data' | 'signed and encrypted' | 'encrypted';

  function build(layers: Layers, policy: Policy, structure: Structure) {
    const encrypted = layers.endsWith('encrypted');
    const outside = outsideOf(policy);
    const hp = policy === 'none' ? '' : `; hp="${encrypted ? 'cipher' : 'clear'}"`;
    const [type, body] = payloadOf(structure, hp);
    const outer = encrypted ? outside.map((field) => `HP-Outer: ${field}`) : [];
    const inside = policy === 'none' ? [] : [...INNER, ...outer];
    const { certificate, chain } = alice.signing;
    const bytes = sealMessage({
      mime: Buffer.from([...inside, type, '', body].join('\r\n')),
      headers: Buffer.from(outside.map((field) => `${field}\r\n`).join('')),
      sign: layers === 'encrypted' ? undefined : { certificate, chain, privateKey: keyOf(alice.signing) },
      encryptTo: encrypted ? [bob.encryption.certificate, alice.encryption.certificate] : undefined,
      opaque: layers !== 'multipart/signed',
      at: AT,
    });
    return { bytes, message: openMessage({ bytes, keys, trust, at: AT }) };
  }

  const STRUCTURES = [
    { complex: false, legacy: false },
    { complex: false, legacy: true },
    { complex: true, legacy: false },
    { complex: true, legacy: true },
  ];
  for (const layers of ['multipart/signed', 'signed-data', 'signed and encrypted', 'encrypted'] as const) {
    const encrypted = layers.endsWith('encrypted');
    const policies: Policy[] = encrypted
      ? ['none', 'hcp_no_confidentiality', 'hcp_baseline', 'hcp_shy']
      : ['none', 'hcp_no_confidentiality'];
    for (const policy of policies) {
      for (const structure of STRUCTURES.filter(({ legacy }) => !legacy || (encrypted && policy !== 'none'))) {
        const name = `${layers}, ${policy}, ${structure.complex ? 'complex' : 'simple'}${structure.legacy ? ', legacy display' : ''}`;
        it(`S07 the header of a message is read: ${name}`, () => {
          const { bytes, message } = build(layers, policy, structure);
          const hides = policy === 'hcp_baseline' || policy === 'hcp_shy';
          assert.equal(bytes.includes(SUBJECT), !encrypted || !hides, 'what is hidden is not on the wire');
          assert.equal(message.subject, SUBJECT);
          assert.deepEqual(message.from, [{ name: 'Alice', address: 'alice@smime.example' }]);
          assert.deepEqual(message.to, [{ name: 'Bob', address: 'bob@smime.example' }]);
          assert.equal(message.date?.getTime(), AT.getTime());
          assert.equal(message.headersProtected, policy !== 'none');
          assert.equal(message.subjectHidden, hides);
          assert.deepEqual([message.headersChanged, message.protectedFrom], [[], null]);
          assert.equal(message.signature.status, layers === 'encrypted' ? 'none' : 'trusted');
          assert.equal(message.encryption.status, encrypted ? 'encrypted' : 'none');
          assert.equal(message.text?.trim(), 'This is the message.');
          const html = structure.complex ? message.html?.replace(/<[^>]*>|\s+/g, ' ').trim() : message.html;
          assert.equal(html, structure.complex ? 'This is the message.' : null);
          assert.equal(message.attachments.length, structure.complex ? 1 : 0);
        });
      }
    }
  }

  it('S07 a message of RFC 8551 that wraps itself is read as one message', () => {
    const wrapped = [...INNER, 'Content-Type: text/plain', '', 'This is the message.', ''].join('\r\n');
    const { certificate, chain } = alice.signing;
    const bytes = sealMessage({
      mime: Buffer.from(`Content-Type: message/rfc822; forwarded=no\r\n\r\n${wrapped}`),
      headers: Buffer.from(
        outsideOf('hcp_baseline')
          .map((field) => `${field}\r\n`)
          .join(''),
      ),
      sign: { certificate, chain, privateKey: keyOf(alice.signing) },
      encryptTo: [bob.encryption.certificate],
      at: AT,
    });
    const message = openMessage({ bytes, keys, trust, at: AT });
    assert.deepEqual([message.subject, message.subjectHidden, message.headersProtected], [SUBJECT, true, false]);
    assert.equal(message.text, 'This is the message.\n');
    assert.equal(message.signature.status, 'trusted');
  });

  it('S07 what this program writes has the form of the examples', () => {
    const { certificate, chain } = alice.signing;
    const written = (protect: 'copy' | 'hide-subject') => {
      const bytes = sealMessage({
        mime: Buffer.from('Content-Type: text/plain; charset="utf-8"\r\n\r\nThis is the message.\r\n'),
        headers: Buffer.from(INNER.map((field) => `${field}\r\n`).join('')),
        sign: { certificate, chain, privateKey: keyOf(alice.signing) },
        encryptTo: [bob.encryption.certificate],
        protect,
        at: AT,
      });
      return { bytes: bytes.toString('latin1'), message: openMessage({ bytes, keys, trust, at: AT }) };
    };
    for (const [protect, policy] of [
      ['copy', 'hcp_no_confidentiality'],
      ['hide-subject', 'hcp_baseline'],
    ] as const) {
      const { bytes, message } = written(protect);
      const header = bytes.slice(0, bytes.indexOf('MIME-Version')).trimEnd().split('\r\n');
      assert.deepEqual(header, outsideOf(policy));
      assert.deepEqual([message.headersChanged, message.subjectHidden], [[], policy === 'hcp_baseline']);
    }
  });
});
