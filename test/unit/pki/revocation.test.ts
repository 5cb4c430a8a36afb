import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Certificate, parseCertificate } from '../../../src/pki/certificate.ts';
import { parseRevocationList, type RevocationList } from '../../../src/pki/crl.ts';
import { context, element, integer, sequence } from '../../../src/pki/der-writer.ts';
import { validatePath } from '../../../src/pki/path.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  crlNumber,
  directoryName,
  extendedKeyUsage,
  type ForgedExtension,
  type ForgedKey,
  forgeCertificate,
  forgeKey,
  forgeList,
  forgeName,
  generalName,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../support/certificate-forge.ts';

const day = (text: string) => new Date(`${text}T00:00:00Z`);
const LIFE = { notBefore: day('2026-01-01'), notAfter: day('2027-01-01') };
const ANNAS_SERIAL = 77;
const rootKey = forgeKey();
const annaKey = forgeKey();
const rootName = forgeName('Root');

const root = parseCertificate(
  forgeCertificate({
    serial: 1,
    issuer: rootName,
    subject: rootName,
    ...LIFE,
    spki: rootKey.spki,
    extensions: [basicConstraints(true), keyUsage(5, 6), subjectKeyIdentifier(Buffer.from('root'))],
    signer: rootKey,
  }),
);

function anna(extensions: ForgedExtension[] = []): Certificate {
  return parseCertificate(
    forgeCertificate({
      serial: ANNAS_SERIAL,
      issuer: rootName,
      subject: forgeName('Anna'),
      ...LIFE,
      spki: annaKey.spki,
      extensions: [
        keyUsage(0),
        extendedKeyUsage('1.3.6.1.5.5.7.3.4'),
        subjectAltName(generalName(1, 'anna@partner.example')),
        authorityKeyIdentifier(Buffer.from('root')),
        ...extensions,
      ],
      signer: rootKey,
    }),
  );
}

type Entry = { at: Date; extensions?: ForgedExtension[] };

function published(
  thisUpdate: string,
  nextUpdate: string | null,
  entry: Entry | null,
  extensions: ForgedExtension[] = [],
  number = 1,
): RevocationList {
  return parseRevocationList(
    forgeList({
      issuer: rootName,
      thisUpdate: day(thisUpdate),
      nextUpdate: nextUpdate === null ? null : day(nextUpdate),
      revoked: entry === null ? [] : [{ serial: ANNAS_SERIAL, ...entry }],
      extensions: [crlNumber(number), ...extensions],
      signer: rootKey,
    }),
  );
}

function judge(
  at: string,
  lists: RevocationList[],
  options: { now?: string; required?: boolean; leaf?: Certificate } = {},
) {
  const { now = at, required = false, leaf = anna() } = options;
  const revocation = { lists, responses: [], now: day(now), required };
  return validatePath({ leaf, candidates: [], anchors: [root], at: day(at), purpose: 'email', revocation });
}

test('T25 without any list a certificate is unchecked, which fails only where it is required', () => {
  assert.equal(judge('2026-06-15', []).valid, true);
  assert.equal(judge('2026-06-15', []).revocation.status, 'unchecked');
  assert.deepEqual(judge('2026-06-15', [], { required: true }).reasons, ['revocation-unchecked']);
});

test('T25 a list that does not name the certificate says good, and which list it was', () => {
  const list = published('2026-06-14', '2026-06-20', null);
  const verdict = judge('2026-06-15', [list], { required: true });
  assert.equal(verdict.revocation.status, 'good');
  assert.deepEqual(verdict.revocation.evidence, [list.sha256]);
});

test('T25 a mail that came before the revocation stays valid, one that came after it does not', () => {
  const list = published('2026-06-20', '2026-06-27', { at: day('2026-06-18') });
  assert.equal(judge('2026-06-15', [list], { now: '2026-06-21' }).revocation.status, 'good');
  const after = judge('2026-06-19', [list], { now: '2026-06-21' });
  assert.deepEqual(after.reasons, ['revoked']);
  assert.equal(after.revocation.revokedAt?.toISOString(), day('2026-06-18').toISOString());
});

test('T25 a key that was in other hands before the mail came makes it revoked', () => {
  const since = { oid: '2.5.29.24', value: generalizedTime('20260601000000Z') };
  const list = published('2026-06-20', '2026-06-27', { at: day('2026-06-18'), extensions: [since] });
  assert.deepEqual(judge('2026-06-15', [list], { now: '2026-06-21' }).reasons, ['revoked']);
});

test('T25 a list from before the mail that was over by then proves nothing', () => {
  const list = published('2026-06-01', '2026-06-08', null);
  assert.equal(judge('2026-06-15', [list]).revocation.status, 'unchecked');
});

test('T25 a list of the future proves nothing', () => {
  const list = published('2026-06-20', '2026-06-27', null);
  assert.equal(judge('2026-06-15', [list], { now: '2026-06-16' }).revocation.status, 'unchecked');
});

test('T25 a list from after the end of the certificate does not prove it good', () => {
  const list = published('2027-02-01', '2027-02-08', null);
  assert.equal(judge('2026-06-15', [list], { now: '2027-02-02' }).revocation.status, 'unchecked');
});

test('T25 the newest list decides whether a certificate is still on hold', () => {
  const hold = { oid: '2.5.29.21', value: element(0x0a, Buffer.from([6])) };
  const held = published('2026-06-10', '2026-06-20', { at: day('2026-06-09'), extensions: [hold] }, [], 1);
  const released = published('2026-06-12', '2026-06-22', null, [], 2);
  assert.deepEqual(judge('2026-06-15', [held]).reasons, ['revoked']);
  assert.equal(judge('2026-06-15', [held, released]).revocation.status, 'good');
});

test('T25 of two lists of one second the one with the higher number decides, in whatever order they came', () => {
  const clean = published('2026-05-01', '2026-07-01', null, [], 4);
  const revoking = published('2026-05-01', '2026-07-01', { at: day('2026-04-01') }, [], 5);
  for (const lists of [
    [clean, revoking],
    [revoking, clean],
  ]) {
    assert.equal(judge('2026-06-01', lists).revocation.status, 'revoked');
  }
});

test('T25 a delta list adds to its base', () => {
  const base = published('2026-06-10', '2026-06-20', null, [], 5);
  const indicator = { oid: '2.5.29.27', critical: true, value: integer(5) };
  const delta = published('2026-06-14', '2026-06-16', { at: day('2026-06-13') }, [indicator], 6);
  assert.equal(judge('2026-06-15', [base]).revocation.status, 'good');
  assert.deepEqual(judge('2026-06-15', [base, delta]).reasons, ['revoked']);
  // A delta alone is no list of everything.
  assert.equal(judge('2026-06-15', [delta]).revocation.status, 'unchecked');
});

test('T25 a list signed by a stranger under the name of the authority proves nothing', () => {
  const forged = parseRevocationList(
    forgeList({
      issuer: rootName,
      thisUpdate: day('2026-06-14'),
      nextUpdate: day('2026-06-20'),
      revoked: [],
      extensions: [],
      signer: forgeKey(),
    }),
  );
  assert.equal(judge('2026-06-15', [forged]).revocation.status, 'unchecked');
});

test('T25 a list for some reasons alone does not say good', () => {
  const some = { oid: '2.5.29.28', critical: true, value: sequence(element(0x83, Buffer.from([6, 0x40]))) };
  const list = published('2026-06-14', '2026-06-20', null, [some]);
  assert.equal(judge('2026-06-15', [list]).revocation.status, 'unchecked');
});

test('T25 a certificate that names another place is not judged by a list of this one', () => {
  const point = (uri: string) => context(0, context(0, generalName(6, uri)));
  const at = (uri: string) => anna([{ oid: '2.5.29.31', value: sequence(sequence(point(uri))) }]);
  const scope = { oid: '2.5.29.28', critical: true, value: sequence(point('http://a.example/1.crl')) };
  const list = published('2026-06-14', '2026-06-20', null, [scope]);
  assert.equal(judge('2026-06-15', [list], { leaf: at('http://a.example/1.crl') }).revocation.status, 'good');
  assert.equal(judge('2026-06-15', [list], { leaf: at('http://a.example/2.crl') }).revocation.status, 'unchecked');
});

test('T25 a list over 100,000 entries is searched', () => {
  const revoked = Array.from({ length: 100_000 }, (_, index) => ({ serial: 1000 + index, at: day('2026-05-01') }));
  const dates = { thisUpdate: day('2026-06-14'), nextUpdate: day('2026-06-20') };
  const write = (entries: typeof revoked) =>
    parseRevocationList(forgeList({ issuer: rootName, ...dates, revoked: entries, extensions: [], signer: rootKey }));
  assert.equal(judge('2026-06-15', [write(revoked)]).revocation.status, 'good');
  const last = { serial: ANNAS_SERIAL, at: day('2026-06-01') };
  assert.deepEqual(judge('2026-06-15', [write([...revoked, last])]).reasons, ['revoked']);
});

test('S03 an anchor that is believed for one domain does not vouch for another', () => {
  const leaf = anna();
  const under = (domain: string) =>
    validatePath({
      leaf,
      candidates: [],
      anchors: [root],
      anchorDomains: new Map([[root.sha256, [domain]]]),
      at: day('2026-06-15'),
      purpose: 'email',
    }).reasons;
  assert.deepEqual(under('partner.example'), []);
  assert.deepEqual(under('other.example'), ['issuer-not-trusted']);
});

function generalizedTime(digits: string): Buffer {
  return element(0x18, Buffer.from(digits, 'latin1'));
}

test('security.md strangers under the name of an authority cannot use up what looking for a revocation takes', () => {
  const issuingKey = forgeKey();
  const issuingName = forgeName('Issuing');
  const issuing = (key: ForgedKey, serial: number, signer = key) =>
    parseCertificate(
      forgeCertificate({
        serial,
        issuer: rootName,
        subject: issuingName,
        ...LIFE,
        spki: key.spki,
        extensions: [basicConstraints(true), keyUsage(5, 6), subjectKeyIdentifier(Buffer.from('issuing'))],
        signer,
      }),
    );
  const leaf = parseCertificate(
    forgeCertificate({
      serial: ANNAS_SERIAL,
      issuer: issuingName,
      subject: forgeName('Anna'),
      ...LIFE,
      spki: annaKey.spki,
      extensions: [keyUsage(0), authorityKeyIdentifier(Buffer.from('issuing'))],
      signer: issuingKey,
    }),
  );
  const list = parseRevocationList(
    forgeList({
      issuer: issuingName,
      thisUpdate: day('2026-06-14'),
      nextUpdate: day('2026-06-20'),
      revoked: [{ serial: ANNAS_SERIAL, at: day('2026-06-01') }],
      extensions: [crlNumber(1)],
      signer: issuingKey,
    }),
  );
  const at = day('2026-06-15');
  const revocation = { lists: [list], responses: [], now: at, required: false };
  for (const count of [0, 97, 98, 99, 150]) {
    const strangers = Array.from({ length: count }, (_, index) => issuing(forgeKey(), 100 + index));
    const candidates = [...strangers, issuing(issuingKey, 2, rootKey)];
    const verdict = validatePath({ leaf, candidates, anchors: [root], at, purpose: 'any', revocation });
    assert.equal(verdict.valid, false, `${count} strangers`);
  }
});

test('T25 a publisher whom its issuer took back is not good by its own word', () => {
  const publisherKey = forgeKey();
  const publisherName = forgeName('Publisher');
  const named: ForgedExtension = {
    oid: '2.5.29.31',
    value: sequence(
      sequence(context(0, context(0, generalName(6, 'http://p.example/'))), context(2, directoryName(publisherName))),
    ),
  };
  const publisher = parseCertificate(
    forgeCertificate({
      serial: 5,
      issuer: rootName,
      subject: publisherName,
      ...LIFE,
      spki: publisherKey.spki,
      extensions: [keyUsage(6), named],
      signer: rootKey,
    }),
  );
  const leaf = anna([named]);
  const indirect: ForgedExtension = {
    oid: '2.5.29.28',
    critical: true,
    value: sequence(context(0, context(0, generalName(6, 'http://p.example/'))), element(0x84, Buffer.from([0xff]))),
  };
  const dates = { thisUpdate: day('2026-06-14'), nextUpdate: day('2026-06-20') };
  const own = parseRevocationList(
    forgeList({
      issuer: publisherName,
      ...dates,
      revoked: [],
      extensions: [crlNumber(1), indirect],
      signer: publisherKey,
    }),
  );
  const ofRoot = (serials: number[]) =>
    parseRevocationList(
      forgeList({
        issuer: rootName,
        ...dates,
        revoked: serials.map((serial) => ({ serial, at: day('2026-06-01') })),
        extensions: [crlNumber(1)],
        signer: rootKey,
      }),
    );
  const status = (lists: RevocationList[]) => {
    const at = day('2026-06-15');
    const revocation = { lists, responses: [], now: at, required: false };
    return validatePath({ leaf, candidates: [publisher], anchors: [root], at, purpose: 'email', revocation }).revocation
      .status;
  };
  assert.equal(status([own]), 'good');
  assert.equal(status([own, ofRoot([6])]), 'good');
  assert.equal(status([ofRoot([5, ANNAS_SERIAL]), own]), 'revoked');
  assert.equal(status([own, ofRoot([5, ANNAS_SERIAL])]), 'revoked');
});

test('T25 what an authority took back another one of its name does not make good', () => {
  const issuingName = forgeName('Issuing');
  const issuing = (id: string, serial: number) => {
    const key = forgeKey();
    const extensions = [basicConstraints(true), keyUsage(5, 6), subjectKeyIdentifier(Buffer.from(id))];
    const names = { issuer: rootName, subject: issuingName };
    const der = forgeCertificate({ serial, ...names, ...LIFE, spki: key.spki, extensions, signer: rootKey });
    const list = (thisUpdate: string, serials: number[]) =>
      parseRevocationList(
        forgeList({
          issuer: issuingName,
          thisUpdate: day(thisUpdate),
          nextUpdate: day('2026-06-20'),
          revoked: serials.map((one) => ({ serial: one, at: day('2026-06-01') })),
          extensions: [crlNumber(1), authorityKeyIdentifier(Buffer.from(id))],
          signer: key,
        }),
      );
    return { key, list, certificate: parseCertificate(der) };
  };
  const [first, second] = [issuing('first', 11), issuing('second', 12)] as const;
  const leaf = parseCertificate(
    forgeCertificate({
      serial: ANNAS_SERIAL,
      issuer: issuingName,
      subject: forgeName('Anna'),
      ...LIFE,
      spki: annaKey.spki,
      extensions: [keyUsage(0), authorityKeyIdentifier(Buffer.from('first'))],
      signer: first.key,
    }),
  );
  const at = day('2026-06-15');
  const status = (lists: RevocationList[]) => {
    const revocation = { lists, responses: [], now: at, required: false };
    const candidates = [second.certificate, first.certificate];
    return validatePath({ leaf, candidates, anchors: [root], at, purpose: 'any', revocation }).revocation.status;
  };
  const took = first.list('2026-06-13', [ANNAS_SERIAL]);
  assert.equal(status([took]), 'revoked');
  assert.equal(status([took, second.list('2026-06-14', [])]), 'revoked');
});
