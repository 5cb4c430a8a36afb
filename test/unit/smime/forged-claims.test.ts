/** Known ways to make a page claim what is not so: each is judged as what it is. The page and the command have the same catalogue. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FORGED_CLAIMS } from '../../support/claims/catalogue.ts';
import { openAs } from '../../support/crafted-mail.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

describe('a message that claims too much', () => {
  for (const [kind, forge] of Object.entries(FORGED_CLAIMS)) {
    it(`T25 by ${kind} is judged as what it is`, () => {
      for (const { name, bytes, status, reasons, from, signer } of forge(people)) {
        const { signature, ...opened } = openAs(people, bytes);
        assert.equal(signature.status, status, `${name}: ${signature.reasons}`);
        for (const reason of reasons) assert.ok(signature.reasons.includes(reason), `${name}: ${signature.reasons}`);
        if (status === 'none') assert.deepEqual(signature.reasons, [], name);
        if (from !== undefined) assert.equal(opened.from[0]?.address, from, name);
        if (signer) assert.deepEqual(signature.signers[0]?.addresses, signer, name);
      }
    });
  }
});
