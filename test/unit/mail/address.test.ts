import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addressDomain, addressKey, addressProblem, parseRecipients, sameAddress } from '../../../src/mail/address.ts';

describe('recipients as people type them', () => {
  it('are read with names, in any of the usual separators', () => {
    const typed =
      'Greta Müller <greta@tcn.d.eu-admin.net>, c@d.example; "Dupont, Alain \\"A\\"" <a@b.example>\n<e@f.example>,,';
    assert.deepEqual(parseRecipients(typed), {
      recipients: [
        { name: 'Greta Müller', address: 'greta@tcn.d.eu-admin.net' },
        { name: '', address: 'c@d.example' },
        { name: 'Dupont, Alain "A"', address: 'a@b.example' },
        { name: '', address: 'e@f.example' },
      ],
      problems: [],
    });
  });

  it('name what can not be read, and keep the rest', () => {
    const { recipients, problems } = parseRecipients('anna, b@c.example, x@@y.example, <>, mailto:z@c.example');
    assert.deepEqual(
      recipients.map(({ address }) => address),
      ['b@c.example', 'z@c.example'],
    );
    assert.deepEqual(problems, [
      { typed: 'anna', problem: 'not-an-address' },
      { typed: 'x@@y.example', problem: 'not-an-address' },
      { typed: '<>', problem: 'no-address' },
    ]);
  });

  it('are taken once', () => {
    assert.equal(parseRecipients('a@b.example, A@B.example, Anna <a@B.EXAMPLE>').recipients.length, 1);
  });

  it('never give an address with a character that ends a command or a header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (typed) => {
        for (const { name, address } of parseRecipients(`${typed}, <${typed}@a.example>, x@${typed}`).recipients) {
          assert.doesNotMatch(address, /[\s<>\x00-\x1f\x7f,;"\\]/);
          assert.doesNotMatch(name, /[\x00-\x1f\x7f]/);
        }
      }),
    );
  });
});

describe('an address', () => {
  it('is accepted in any script', () => {
    for (const address of [
      'a@b.example',
      "o'neill@b.example",
      'a+b@b.example',
      'γιώργος@παράδειγμα.example',
      'a.b-c_d@b-c.example',
    ]) {
      assert.equal(addressProblem(address), null, address);
    }
  });

  it('is refused when a server or a header could read it otherwise', () => {
    const wrong = [
      'a b@c.example',
      '"a"@c.example',
      'a@c',
      'a@-c.example',
      'a@127.0.0.1',
      'a@[127.0.0.1]',
      '.a@c.example',
    ];
    const odd = [
      'a..b@c.example',
      'a@c..example',
      'a@c.example>',
      'a@c%64.example',
      `${'a'.repeat(65)}@c.example`,
      'a@c.example\r\nx',
    ];
    for (const address of [...wrong, ...odd, `a@${'b.'.repeat(130)}example`, 'a@b_c.example']) {
      assert.notEqual(addressProblem(address), null, JSON.stringify(address));
    }
  });

  it('T02 is compared without regard to case, also of other scripts', () => {
    assert.equal(sameAddress('Alain.Dupont@TCN.b.EU-admin.net', 'alain.dupont@tcn.b.eu-admin.net'), true);
    assert.equal(sameAddress('ΓΙΏΡΓΟΣ@b.example', 'γιώργος@b.example'), true);
    assert.equal(sameAddress('a@münchen.example', 'a@xn--mnchen-3ya.example'), true);
    assert.equal(sameAddress('e\u0301@b.example', '\u00e9@b.example'), true);
    assert.equal(sameAddress('a@b.example', 'a@c.example'), false);
    assert.equal(addressKey('no address'), 'no address');
    assert.deepEqual(['a@B.example', 'a', 'a@'].map(addressDomain), ['b.example', '', '']);
  });
});
