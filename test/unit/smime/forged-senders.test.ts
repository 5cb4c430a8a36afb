/** Names and addresses that look like somebody else's: in From, in certificates, in what a page shows of both. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { plainName } from '../../../src/i18n/isolate.ts';
import * as der from '../../../src/pki/der-writer.ts';
import { sealMessage } from '../../../src/smime/seal-message.ts';
import type { OpenedMessage } from '../../../src/smime/verdict.ts';
import { ENTITY, header, openAs, verdict } from '../../support/crafted-mail.ts';
import { certify, makePeople, type People, type Person } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

const TRUSTED = 'trusted revocation-unchecked';

function signedBy(person: Person, from: string, extra = ''): OpenedMessage {
  const headers = Buffer.from(header(from, extra));
  return openAs(people, sealMessage({ mime: ENTITY, headers, sign: { ...person, chain: [] }, at: new Date() }));
}
const claim = (person: Person, from: string, extra = '') => verdict(signedBy(person, from, extra));
/** Somebody whom the root gave a certificate for `subjectAltName`, or for a name of his choice. */
const certified = (name: string, order: { subjectAltName?: string; commonName?: string; issuer?: string }) =>
  certify(people, { name, privateKey: people.bob.privateKey, ...order });

describe('the From field', () => {
  it('T25 counts by its address alone: names, comments, groups and routes that show another one change nothing', () => {
    const bobInDisguise = [
      'bob@example.org (alice@example.org)',
      '(alice@example.org) bob@example.org',
      '"alice@example.org" <bob@example.org>',
      'alice@example.org <bob@example.org>',
      '"Alice <alice@example.org>," <bob@example.org>',
      '=?utf-8?q?Alice_=3Calice=40example=2Eorg=3E?= <bob@example.org>',
      'alice@example.org: bob@example.org;',
      '<@alice@example.org:bob@example.org>',
      '"alice@example.org"\r\n <bob@example.org>',
    ];
    for (const from of bobInDisguise) {
      assert.notEqual(signedBy(people.alice, from).signature.status, 'trusted', from);
      const honest = signedBy(people.bob, from);
      assert.equal(honest.from[0]?.address, 'bob@example.org', from);
      assert.deepEqual([verdict(honest), honest.signature.signers[0]?.addresses], [TRUSTED, ['bob@example.org']], from);
    }
  });

  it('T25 with an address that cannot be told is nobody’s', () => {
    const unclear = [
      '<bob@example.org> alice@example.org',
      '<bob@example.org> <alice@example.org>',
      'alice@example.org bob@example.org',
      'alice@example.org@evil.example',
      '<alice@example.org',
      'alice@example.org:;',
      'undisclosed-recipients:;',
      '',
    ];
    for (const from of unclear.slice(0, 4)) {
      for (const person of [people.alice, people.bob]) assert.notEqual(claim(person, from), TRUSTED, from);
    }
    for (const from of unclear.slice(5)) assert.match(claim(people.alice, from), /^mismatch .*several-from/, from);
  });

  it('T25 twice, or with two addresses, is never trusted, however the second one is written', () => {
    const second = [
      'From: bob@example.org\r\n',
      'FROM: bob@example.org\r\n',
      'from:bob@example.org\r\n',
      `From${' '.repeat(300)}: bob@example.org\r\n`,
      'From\t: bob@example.org\r\n',
      'From:\r\n bob@example.org\r\n',
      'From: alice@example.org\r\n',
      'From:\r\n',
      'From: (nobody)\r\n',
    ];
    for (const extra of second) {
      assert.match(claim(people.alice, 'alice@example.org', extra), /^mismatch .*several-from/, JSON.stringify(extra));
    }
    const several = [
      'alice@example.org, bob@example.org',
      'bob@example.org, alice@example.org',
      'friends: alice@example.org, bob@example.org;',
      'alice@example.org; bob@example.org',
      'alice@example.org,\r\n bob@example.org',
      'alice@example.org, "no address"',
    ];
    for (const from of several) {
      for (const person of [people.alice, people.bob])
        assert.match(claim(person, from), /^mismatch .*several-from/, from);
    }
  });

  it('T25 is what counts, not Sender, which is shown where it differs', () => {
    const message = signedBy(people.bob, 'alice@example.org', 'Sender: bob@example.org\r\n');
    assert.match(verdict(message), /^mismatch .*address-mismatch/);
    assert.equal(message.sender?.address, 'bob@example.org');
    assert.equal(
      signedBy(people.alice, 'alice@example.org', 'Sender: bob@example.org\r\n').sender?.address,
      'bob@example.org',
    );
  });
});

describe('addresses that look alike', () => {
  const alternative = (name: Buffer) => `DER:${der.sequence(name).toString('hex')}`;
  const smtpUtf8Mailbox = (address: string) =>
    der.context(0, der.objectIdentifier('1.3.6.1.5.5.7.8.9'), der.context(0, der.utf8String(address)));

  const twins = [
    'аlice@example.org', // Cyrillic a
    'alicе@example.org', // Cyrillic e
    'alıce@example.org', // dotless i
    'alice@exаmple.org',
    'alice＠example.org', // full-width @
    'ａlice@example.org', // full-width a
    'alice@example。org', // ideographic full stop
    'alice@example.org.',
    'alice\u200b@example.org',
    'alice\u00ad@example.org',
    '\u202ealice@example.org',
    'alice@example.org\u0000',
    'alice@example.org\u0000.evil.example',
    'alice\u0000@example.org',
    'a\u0301lice@example.org',
  ];

  it('T25 in the From field are others than that of the certificate', () => {
    for (const from of twins) {
      const message = signedBy(people.alice, from);
      assert.match(verdict(message), /^mismatch /, JSON.stringify(from));
      if (/\p{C}/u.test(from)) assert.equal(message.from[0]?.address, '', 'no address at all');
    }
  });

  it('T25 in a certificate are others than that of the From field', () => {
    for (const [index, address] of twins.entries()) {
      const names = [der.contextPrimitive(1, Buffer.from(address)), smtpUtf8Mailbox(address)];
      for (const [kind, name] of names.entries()) {
        const person = certified(`twin-${index}-${kind}`, { subjectAltName: alternative(name) });
        assert.match(claim(person, 'alice@example.org'), /^mismatch .*address-mismatch/, JSON.stringify(address));
        if (/\p{C}/u.test(address)) assert.deepEqual(person.certificate.addresses, [], 'no address at all');
      }
    }
  });

  it('T25 by letters that become ASCII when their case is changed are others', () => {
    for (const [name, domain, imitated] of [
      ['kelvin', 'ban\u212a.example', 'bank.example'],
      ['long-s', 'ex\u017fample.org', 'exsample.org'],
      ['dotted-i', 'ex\u0130mple.org', 'eximple.org'],
    ] as const) {
      const person = certified(name, { subjectAltName: alternative(smtpUtf8Mailbox(`alice@${domain}`)) });
      assert.match(claim(person, `alice@${imitated}`), /^mismatch .*address-mismatch/, name);
    }
  });

  it('S04 outside ASCII are the same where they are written the same', () => {
    const person = certified('umlaut', { subjectAltName: alternative(smtpUtf8Mailbox('jörg@example.org')) });
    assert.equal(claim(person, 'jörg@example.org'), TRUSTED);
    assert.match(claim(person, 'jorg@example.org'), /^mismatch /);
  });
});

describe('names that pretend to be a verdict', () => {
  const names = ['✔ verified', '✅ Signed by the Commission', '🔒 Trusted', '🛡️ Alice', '☑︎ S/MIME'];

  it('T25 in a certificate or a From field earn no claim', () => {
    for (const [index, name] of names.entries()) {
      const from = `"${name}" <eve@example.org>`;
      const unsigned = openAs(people, Buffer.concat([Buffer.from(header(from)), ENTITY]));
      assert.equal(verdict(unsigned), 'none');
      const subjectAltName = 'email:eve@example.org';
      const eve = certified(`icon-${index}`, { subjectAltName, commonName: name.replace('/', ''), issuer: 'other' });
      assert.match(claim(eve, from), /^untrusted /);
      const bob = certified(`icon-of-bob-${index}`, {
        subjectAltName: 'email:bob@example.org',
        commonName: name.replace('/', ''),
      });
      assert.match(claim(bob, '"Alice" <alice@example.org>'), /^mismatch /);
    }
  });

  it('T25 are shown without the marks that pages use for verdicts', () => {
    for (const name of names) assert.doesNotMatch(plainName(name), /[✓✔✅☑🔒🔏🔐🛡]/u);
    assert.equal(plainName('✔ verified'), 'verified');
    assert.equal(plainName('José 😀 Ñandú'), 'José 😀 Ñandú');
  });
});
