/** What is said of names and addresses besides the claims of test/support/claims/senders.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { plainName } from '../../../src/i18n/isolate.ts';
import { certified, letterOf } from '../../support/claims/forged-claim.ts';
import { ICONS } from '../../support/claims/painted.ts';
import { alternative, smtpUtf8Mailbox } from '../../support/claims/senders.ts';
import { openAs, verdict } from '../../support/crafted-mail.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

describe('Sender', () => {
  it('T25 counts for nothing, and is shown where it differs', () => {
    for (const person of [people.alice, people.bob]) {
      const message = openAs(people, letterOf(person, 'alice@example.org', 'Sender: bob@example.org\r\n'));
      assert.equal(message.sender?.address, 'bob@example.org');
    }
  });
});

describe('a From field', () => {
  it('T25 that is not closed never leads to a claim for one of two addresses', () => {
    assert.doesNotMatch(verdict(openAs(people, letterOf(people.bob, '<alice@example.org'))), /^trusted/);
  });
});

describe('addresses outside ASCII', () => {
  it('S04 are the same where they are written the same', () => {
    const subjectAltName = alternative(smtpUtf8Mailbox('jörg@example.org'));
    const person = certified(people, 'umlaut', { subjectAltName });
    const claim = (from: string) => verdict(openAs(people, letterOf(person, from)));
    assert.equal(claim('jörg@example.org'), 'trusted revocation-unchecked');
    assert.match(claim('jorg@example.org'), /^mismatch /);
  });
});

describe('names that pretend to be a verdict', () => {
  it('T25 are shown without the marks that pages use for verdicts', () => {
    for (const name of ICONS) assert.doesNotMatch(plainName(name), /[✓✔✅☑🔒🔏🔐🛡]/u);
    assert.equal(plainName('✔ verified'), 'verified');
    assert.equal(plainName('José 😀 Ñandú'), 'José 😀 Ñandú');
  });
});
