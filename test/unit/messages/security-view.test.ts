import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatsFor } from '../../../src/i18n/formats.ts';
import { LOCALES } from '../../../src/i18n/translate.ts';
import { parseCertificate } from '../../../src/pki/certificate.ts';
import { securityView } from '../../../src/routes/messages/security-view.ts';
import { openMessage } from '../../../src/smime/open-message.ts';
import { sealMessage } from '../../../src/smime/seal-message.ts';
import {
  basicConstraints,
  extendedKeyUsage,
  type ForgedExtension,
  forgeCertificate,
  forgeKey,
  forgeName,
  generalName,
  keyUsage,
  nameConstraints,
  policyConstraints,
  subjectAltName,
} from '../../support/certificate-forge.ts';

const AT = new Date('2026-06-15T12:00:00Z');
const LIFE = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2027-01-01T00:00:00Z') };
const PAST = { notBefore: new Date('2025-01-01T00:00:00Z'), notAfter: new Date('2026-06-01T00:00:00Z') };
const EMAIL = '1.3.6.1.5.5.7.3.4';
const MAILBOX = subjectAltName(generalName(1, 'anna@partner.example'));
const keys = { root: forgeKey(), middle: forgeKey(), anna: forgeKey() };

type Life = typeof LIFE;
type Odd = {
  anna?: ForgedExtension[];
  middle?: ForgedExtension[];
  annaLife?: Life;
  middleLife?: Life;
  forged?: boolean;
};

const AUTHORITY = [basicConstraints(true), keyUsage(5, 6)];
const PERSON = [keyUsage(0), extendedKeyUsage(EMAIL), MAILBOX];

/** What the page says of a letter whose path is odd in one place. */
function wordsOf({ anna = PERSON, middle = AUTHORITY, annaLife = LIFE, middleLife = LIFE, forged = false }: Odd) {
  const make = (
    name: string,
    issuer: string,
    own: keyof typeof keys,
    signer: keyof typeof keys,
    extensions: ForgedExtension[],
    life: Life,
  ) =>
    parseCertificate(
      forgeCertificate({
        ...{ serial: 1, subject: forgeName(name), issuer: forgeName(issuer), ...life, extensions },
        ...{ spki: keys[own].spki, signer: keys[signer] },
      }),
    );
  const root = make('Root', 'Root', 'root', 'root', AUTHORITY, LIFE);
  const authority = make('Middle', 'Root', 'middle', 'root', middle, middleLife);
  const certificate = make('Anna', 'Middle', 'anna', forged ? 'anna' : 'middle', anna, annaLife);
  const headers = `From: anna@partner.example\r\nDate: ${AT.toUTCString()}\r\n`;
  const bytes = sealMessage({
    mime: Buffer.from('Content-Type: text/plain\r\n\r\nHello.\r\n'),
    headers: Buffer.from(headers),
    sign: { certificate, privateKey: keys.anna.privateKey, chain: [authority] },
    at: AT,
  });
  const trust = { anchors: [root], intermediates: [], explicitlyTrusted: [] };
  const opened = openMessage({ bytes, keys: [], trust, at: AT });
  const { groups } = securityView(opened, formatsFor('en', 'Europe/Brussels'), AT);
  return groups.flatMap(({ checks }) =>
    checks.flatMap((check) => (check.outcome === 'failed' ? [check.why ?? ''] : [])),
  );
}

test('T25 a failed check says which certificate broke which rule', () => {
  const words: [Odd, RegExp][] = [
    [{ middleLife: PAST }, /“Middle” ended on 1 June 2026/],
    [{ annaLife: PAST }, /“Anna” ended on 1 June 2026/],
    [{ middle: [basicConstraints(false), keyUsage(5, 6)] }, /“Middle” may not issue certificates/],
    [{ anna: [keyUsage(0), extendedKeyUsage('1.3.6.1.5.5.7.3.1'), MAILBOX] }, /“Anna” is not made for e-mail/],
    [
      { middle: [...AUTHORITY, nameConstraints([generalName(1, 'other.example')], [])] },
      /does not allow the names in “Anna”/,
    ],
    [{ middle: [...AUTHORITY, policyConstraints(0, null)] }, /does not follow the policies/],
    [
      { anna: [...PERSON, { oid: '1.2.3.4', critical: true, value: Buffer.from([5, 0]) }] },
      /“Anna” demands something that this program does not know/,
    ],
    [{ forged: true }, /The issuer of “Anna” did not come along/],
  ];
  for (const [odd, expected] of words) assert.match(wordsOf(odd).join(' '), expected);
});

test('T25 every fault of a path has its sentence in every language', () => {
  const keysOfFaults = [
    ...['expired', 'not-yet-valid', 'key-strength', 'unknown-critical-extension', 'extended-key-usage'],
    ...['not-an-authority', 'path-length', 'name-constraints', 'policies', 'anchor-domain', 'revocation'],
    ...['signature.path-invalid', 'signature.weak-algorithm', 'anchor.unknown-issuer', 'anchor.issuer-not-trusted'],
  ];
  for (const locale of LOCALES) {
    const { has } = formatsFor(locale, 'Europe/Brussels');
    assert.deepEqual(
      keysOfFaults.filter((key) => !has(`verdict.fault.${key}`)),
      [],
      locale,
    );
  }
});
