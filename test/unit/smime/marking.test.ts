import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readElement } from '../../../src/pki/der.ts';
import { element, integer, objectIdentifier, sequence, setOf, utf8String } from '../../../src/pki/der-writer.ts';
import {
  handlingFault,
  MAX_HANDLING_CHARACTERS,
  markingInSubject,
  readMarking,
  withMarking,
  withoutMarking,
} from '../../../src/smime/marking.ts';
import { openMessage } from '../../../src/smime/open-message.ts';
import { sealMessage } from '../../../src/smime/seal-message.ts';
import { MARKING_POLICY_OID, readPrivacyMark, writeSecurityLabel } from '../../../src/smime/security-label.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

const MARKING = 'SENSITIVE: Personnel only';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

type Mail = { subject: string; marking?: string; signer?: 'alice' | 'eve'; encrypt?: boolean; hide?: boolean };

function sealed({ subject, marking, signer, encrypt = true, hide = false }: Mail): Buffer {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  return sealMessage({
    mime: Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n'),
    headers: Buffer.from(
      `From: ${people[signer ?? 'alice'].address}\r\nTo: bob@example.org\r\nSubject: ${subject}\r\nDate: ${date}\r\nSensitivity: Company-Confidential\r\n`,
    ),
    ...(signer === undefined ? {} : { sign: { ...people[signer], chain: [], marking } }),
    ...(encrypt ? { encryptTo: [people.bob.certificate] } : {}),
    protect: hide ? 'hide-subject' : 'copy',
    at: new Date(),
  });
}

function open(bytes: Buffer) {
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [people.bob], trust, at: new Date() });
}

describe('a marking in a message', () => {
  it('S06 is bound where a trusted signature has it, with and without encryption around it', () => {
    for (const encrypt of [true, false]) {
      const message = open(sealed({ subject: `${MARKING} - Card`, marking: MARKING, signer: 'alice', encrypt }));
      assert.equal(message.signature.status, 'trusted', String(message.signature.reasons));
      assert.deepEqual(message.marking, { text: MARKING, bound: true });
    }
  });

  it('S06 is bound also where the subject does not say it', () => {
    const message = open(sealed({ subject: 'Card', marking: 'SENSITIVE', signer: 'alice' }));
    assert.deepEqual(message.marking, { text: 'SENSITIVE', bound: true });
  });

  it('S06 that only the subject says is bound by nothing, signed or not', () => {
    for (const signer of [{}, { signer: 'alice' }] as const) {
      const message = open(sealed({ subject: 'Re: SENSITIVE: Staff - Card', ...signer }));
      assert.deepEqual(message.marking, { text: 'SENSITIVE: Staff', bound: false });
    }
    assert.equal(open(sealed({ subject: 'Sensitive teeth', signer: 'alice' })).marking, null);
  });

  it('S06 of a signer who is not trusted is told as what the message says', () => {
    const message = open(sealed({ subject: 'Card', marking: MARKING, signer: 'eve' }));
    assert.equal(message.signature.status, 'untrusted');
    assert.deepEqual(message.marking, { text: MARKING, bound: false });
  });

  it('S06 of an altered message counts for nothing', () => {
    const bytes = sealed({ subject: 'Card', marking: MARKING, signer: 'alice', encrypt: false });
    const altered = Buffer.from(bytes.toString('latin1').replace('\r\nhello\r\n', '\r\nhullo\r\n'), 'latin1');
    const message = open(altered);
    assert.equal(message.signature.status, 'invalid');
    assert.equal(message.marking, null);
  });

  it('S06 goes out of sight with a subject that is hidden, the Sensitivity field too', () => {
    const bytes = sealed({ subject: `${MARKING} - Card`, marking: MARKING, signer: 'alice', hide: true });
    assert.doesNotMatch(bytes.toString('latin1'), /sensitiv/i);
    const message = open(bytes);
    assert.deepEqual(message.marking, { text: MARKING, bound: true });
    assert.equal(message.subject, `${MARKING} - Card`);
    assert.deepEqual(message.headersChanged, []);
  });

  it('S06 on an envelope is not the message’s: only the signature that makes the claim counts', () => {
    const mime = Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n');
    const encryptTo = [people.bob.certificate];
    const inside = sealMessage({ mime, headers: Buffer.alloc(0), encryptTo, entityOnly: true, at: new Date() });
    const headers = Buffer.from('From: alice@example.org\r\nSubject: Card\r\n');
    const sign = { ...people.alice, chain: [], marking: MARKING };
    const message = open(sealMessage({ mime: inside, headers, sign, at: new Date() }));
    assert.equal(message.text, 'hello\n');
    assert.deepEqual([message.signature.status, message.marking], ['none', null]);
  });

  it('S06 is never words of the signer’s own: a label that says something else is not shown', () => {
    for (const marking of [
      'Signature trusted',
      'SENSITIVE: <b>x</b>',
      'SENSITIVE: a\nb',
      'SENSITIVE: \u202eabc',
      'sensitive',
    ]) {
      const message = open(sealed({ subject: 'Card', marking, signer: 'alice' }));
      assert.equal(message.signature.status, 'trusted');
      assert.equal(message.marking, null, marking);
    }
  });
});

describe('a security label', () => {
  const markOf = (der: Buffer) => readPrivacyMark(readElement(der));

  it('S06 is written in DER without a classification, under the policy of this product', () => {
    assert.deepEqual(
      writeSecurityLabel('SENSITIVE'),
      element(0x31, objectIdentifier(MARKING_POLICY_OID), utf8String('SENSITIVE')),
    );
  });

  it('S06 is read in any order, of any policy, with classification and categories beside the mark', () => {
    const policy = objectIdentifier('1.2.3.4');
    const printable = element(0x13, Buffer.from('SENSITIVE'));
    const categories = setOf(sequence(objectIdentifier('1.2.3')));
    assert.equal(markOf(element(0x31, policy, integer(1), printable, categories)), 'SENSITIVE');
    assert.equal(markOf(setOf(policy, integer(1), utf8String('x'))), 'x');
    assert.equal(markOf(setOf(policy, integer(4))), null);
  });

  it('S06 without a policy, or of another type, is malformed', () => {
    assert.throws(() => markOf(setOf(utf8String('SENSITIVE'))), { code: 'malformed' });
    assert.throws(() => markOf(sequence(objectIdentifier('1.2.3'))), { code: 'malformed' });
  });
});

describe('a subject', () => {
  it('S06 has the marking once in front, however often it was answered', () => {
    assert.equal(withMarking('Card', 'SENSITIVE'), 'SENSITIVE - Card');
    assert.equal(withMarking('Card', MARKING), `${MARKING} - Card`);
    let subject = 'Card';
    for (let round = 0; round < 3; round += 1) {
      subject = withMarking(`Re: ${withoutMarking(subject).replace(/^Re: /, '')}`, MARKING);
      assert.equal(subject, `${MARKING} - Re: Card`);
    }
    assert.equal(withoutMarking('AW: SENSITIVE: Staff - Re: SENSITIVE - Card'), 'Re: Card');
    assert.equal(withoutMarking('Re: SENSITIVE - Card'), 'Re: Card');
    assert.equal(withoutMarking('SENSITIVE: Card'), 'Card');
    assert.equal(withoutMarking('Card - SENSITIVE'), 'Card - SENSITIVE');
  });

  it('S06 that is empty still carries the whole marking', () => {
    for (const marking of ['SENSITIVE', MARKING]) {
      assert.equal(markingInSubject(withMarking('', marking)), marking);
      assert.equal(withoutMarking(withMarking(' ', marking)).trim(), '');
    }
  });

  it('S06 of other programs is read with other dashes and prefixes', () => {
    assert.equal(markingInSubject('TR : SENSITIVE: Personnel – Carte'), 'SENSITIVE: Personnel');
    assert.equal(markingInSubject('SENSITIVE Card'), 'SENSITIVE');
    assert.equal(markingInSubject('SENSITIVE'), 'SENSITIVE');
    assert.equal(markingInSubject('SENSITIVES'), null);
    assert.equal(markingInSubject('Not SENSITIVE'), null);
  });

  it('S06 keeps nobody busy, whatever a sender writes there', () => {
    const startedMs = performance.now();
    for (const text of ['re: ', 'SENSITIVE: ', 'SENSITIVE - Re: ', 'SENSITIVE:                ', ' -']) {
      const subject = `SENSITIVE: ${text.repeat(20_000)}`;
      markingInSubject(subject);
      withoutMarking(subject);
    }
    assert.ok(performance.now() - startedMs < 1000);
  });
});

describe('a handling instruction', () => {
  it('S06 is letters, digits and plain punctuation, and not too long', () => {
    for (const good of [
      'Personnel only',
      'DG COMP / Unit A-1',
      'Nur für die Personalabteilung',
      'Équipe d’achat (2026)',
    ])
      assert.equal(handlingFault(good), null, good);
    assert.equal(handlingFault(''), 'missing');
    assert.equal(handlingFault('x'.repeat(MAX_HANDLING_CHARACTERS + 1)), 'too-long');
    for (const bad of [
      'a: b',
      'a - b',
      'a -',
      'a\r\nBcc: x',
      '<b>',
      '[x]',
      '-a',
      'a\u202eb',
      'a\u200bb',
      '✔ verified',
      'a=b',
    ])
      assert.equal(handlingFault(bad), 'characters', bad);
  });

  it('S06 in a subject is the one that was written', () => {
    for (const handling of ['Personnel only', 'DG COMP / Unit A-1', 'Équipe d’achat (2026)']) {
      const marking = `SENSITIVE: ${handling}`;
      assert.equal(readMarking(marking), marking);
      assert.equal(markingInSubject(withMarking('Card - 2', marking)), marking);
    }
  });
});
