/** Names and addresses that look like somebody else's, in From and in certificates. */
import * as der from '../../../src/pki/der-writer.ts';
import type { People } from '../smime-people.ts';
import { certified, type ForgedClaim, type ForgedClaims, HONEST, letterOf, readable } from './forged-claim.ts';

const NAMES = [
  '"alice@example.org" <bob@example.org>',
  'alice@example.org <bob@example.org>',
  '"Alice <alice@example.org>," <bob@example.org>',
  '=?utf-8?q?Alice_=3Calice=40example=2Eorg=3E?= <bob@example.org>',
  '=?utf-8?q?alice=40example=2Eorg=2C?= <bob@example.org>',
  '"alice@example.org"\r\n <bob@example.org>',
];
const COMMENTS_AND_GROUPS = [
  'bob@example.org (alice@example.org)',
  '(alice@example.org) bob@example.org',
  'alice@example.org: bob@example.org;',
  '<@alice@example.org:bob@example.org>',
];
const SECOND_FROM = [
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
const SEVERAL_ADDRESSES = [
  'alice@example.org, bob@example.org',
  'bob@example.org, alice@example.org',
  'friends: alice@example.org, bob@example.org;',
  'alice@example.org; bob@example.org',
  'alice@example.org,\r\n bob@example.org',
  'alice@example.org, "no address"',
];
const UNCLEAR = [
  '<bob@example.org> alice@example.org',
  '<bob@example.org> <alice@example.org>',
  'alice@example.org bob@example.org',
  'alice@example.org@evil.example',
];
const NOBODY = ['alice@example.org:;', 'undisclosed-recipients:;', ''];

const TWINS = [
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
/** An address with a character that nobody sees is none at all. */
const isNone = (address: string) => /\p{C}/u.test(address);
/** Letters that become ASCII when their case is changed. */
const CASE_TWINS = [
  ['kelvin', 'ban\u212a.example', 'bank.example'],
  ['long-s', 'ex\u017fample.org', 'exsample.org'],
  ['dotted-i', 'ex\u0130mple.org', 'eximple.org'],
] as const;

export const SENDERS: ForgedClaims = {
  'a certificate of another address': ofAnotherAddress,
  'a display name that looks like an address': (people) => disguises(people, NAMES),
  'From in a comment, a group or a route': (people) => disguises(people, COMMENTS_AND_GROUPS),
  'several From': severalFrom,
  'a From that cannot be told': unclearFrom,
  'NUL and look-alikes in the From field': twinsInFrom,
  'NUL and look-alikes in a certificate': twinsInCertificates,
};

function ofAnotherAddress({ alice, bob }: People): ForgedClaim[] {
  const reasons = ['address-mismatch'] as const;
  return [
    { name: 'plainly', bytes: letterOf(alice, 'bob@example.org'), status: 'mismatch', reasons },
    { name: 'with Sender', bytes: letterOf(bob, 'alice@example.org', SENDER_BOB), status: 'mismatch', reasons },
    { name: 'in letters of another case', bytes: letterOf(alice, 'ALICE@Example.ORG'), ...HONEST },
    { name: 'in Sender alone', bytes: letterOf(alice, 'alice@example.org', SENDER_BOB), ...HONEST },
  ];
}
const SENDER_BOB = 'Sender: bob@example.org\r\n';

/** Bob's address under Alice's name: her signature does not fit it, and his own is his own. */
function disguises({ alice, bob }: People, fields: readonly string[]): ForgedClaim[] {
  return fields.flatMap((field): ForgedClaim[] => [
    {
      name: `${readable(field)}, signed by Alice`,
      bytes: letterOf(alice, field),
      status: 'mismatch',
      reasons: ['address-mismatch'],
      from: 'bob@example.org',
    },
    {
      name: `${readable(field)}, signed by Bob`,
      bytes: letterOf(bob, field),
      ...HONEST,
      from: 'bob@example.org',
      signer: ['bob@example.org'],
    },
  ]);
}

function severalFrom({ alice, bob }: People): ForgedClaim[] {
  const several = { status: 'mismatch', reasons: ['several-from'] } as const;
  return [
    ...SECOND_FROM.map((field) => {
      return { name: readable(field), bytes: letterOf(alice, 'alice@example.org', field), ...several };
    }),
    ...SEVERAL_ADDRESSES.flatMap((field) => [
      { name: `${readable(field)}, signed by Alice`, bytes: letterOf(alice, field), ...several },
      { name: `${readable(field)}, signed by Bob`, bytes: letterOf(bob, field), ...several },
    ]),
  ];
}

function unclearFrom({ alice, bob }: People): ForgedClaim[] {
  const mismatch = { status: 'mismatch', reasons: [] } as const;
  return [
    ...UNCLEAR.flatMap((field) => [
      { name: `${readable(field)}, signed by Alice`, bytes: letterOf(alice, field), ...mismatch },
      { name: `${readable(field)}, signed by Bob`, bytes: letterOf(bob, field), ...mismatch },
    ]),
    ...NOBODY.map((field): ForgedClaim => {
      return { name: readable(field), bytes: letterOf(alice, field), status: 'mismatch', reasons: ['several-from'] };
    }),
  ];
}

function twinsInFrom(people: People): ForgedClaim[] {
  return TWINS.map((address) => ({
    name: readable(address),
    bytes: letterOf(people.alice, address),
    status: 'mismatch',
    reasons: [],
    ...(isNone(address) ? { from: '' } : {}),
  }));
}

function twinsInCertificates(people: People): ForgedClaim[] {
  const forged = { status: 'mismatch', reasons: ['address-mismatch'] } as const;
  const inEitherName = TWINS.flatMap((address, index) =>
    [der.contextPrimitive(1, Buffer.from(address)), smtpUtf8Mailbox(address)].map((name, kind): ForgedClaim => {
      const person = certified(people, `twin-${index}-${kind}`, { subjectAltName: alternative(name) });
      const bytes = letterOf(person, 'alice@example.org');
      return {
        name: `${readable(address)} as ${kind === 0 ? 'rfc822Name' : 'SmtpUTF8Mailbox'}`,
        ...{ bytes, ...forged },
        ...(isNone(address) ? { signer: [] } : {}),
      };
    }),
  );
  const byCase = CASE_TWINS.map(([name, domain, imitated]): ForgedClaim => {
    const person = certified(people, name, { subjectAltName: alternative(smtpUtf8Mailbox(`alice@${domain}`)) });
    return { name, bytes: letterOf(person, `alice@${imitated}`), ...forged };
  });
  return [...inEitherName, ...byCase];
}

export const alternative = (name: Buffer) => `DER:${der.sequence(name).toString('hex')}`;
export const smtpUtf8Mailbox = (address: string) =>
  der.context(0, der.objectIdentifier('1.3.6.1.5.5.7.8.9'), der.context(0, der.utf8String(address)));
