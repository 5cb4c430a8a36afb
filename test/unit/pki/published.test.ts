/** What an authority publishes, read by this project's own readers as partners' programs would. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Certificate, parseCertificate } from '../../../src/pki/certificate.ts';
import { CRL_REASON, findEntry, parseRevocationList, type RevocationList } from '../../../src/pki/crl.ts';
import {
  type Authority,
  createStatusSigner,
  issuePersonalCertificate,
  statusSignerName,
} from '../../../src/pki/issue.ts';
import { type OcspResponse, parseOcspResponse, writeOcspRequest } from '../../../src/pki/ocsp.ts';
import { validatePath } from '../../../src/pki/path.ts';
import { type RevocationListContent, writeRevocationList } from '../../../src/pki/write-crl.ts';
import {
  isAbout,
  MAX_ASKED,
  MAX_REQUEST_BYTES,
  readOcspRequest,
  writeOcspError,
  writeOcspResponse,
} from '../../../src/pki/write-ocsp.ts';
import { DECADE, type DemoAuthorities, demoAuthorities, NOON, POLICY } from './demo-authorities.ts';

const HOUR_MS = 3_600_000;
const LISTS = {
  direct: 'http://pki.example/lists/a.crl',
  daily: 'http://pki.example/lists/a-daily.crl',
  signer: 'http://pki.example/s.cer',
};
const MORNING = new Date('2026-11-20T06:00:00Z');
const TOMORROW = new Date('2026-11-21T06:00:00Z');

let demo: DemoAuthorities;
let signer: Authority;
let anna: Certificate;
let ben: Certificate;

before(async () => {
  demo = await demoAuthorities();
  signer = await createStatusSigner({ issuer: demo.issuing, keyAlgorithm: 'P-256', ...DECADE });
  [anna, ben] = [await issued('anna'), await issued('ben')];
});

function issued(name: string): Promise<Certificate> {
  const locations = {
    crlUrl: LISTS.direct,
    indirectCrl: { url: LISTS.daily, signerName: statusSignerName(demo.issuing.certificate) },
    ocspUrl: 'http://pki.example/ocsp',
  };
  const { publicKey } = demo.annaKeys;
  const who = { name, address: `${name}@fr.eu-admin.example`, publicKey, usage: 'both' as const, policyOid: POLICY };
  return issuePersonalCertificate({ issuer: demo.issuing, ...who, ...locations, ...DECADE });
}

function direct(content: Partial<RevocationListContent> = {}): RevocationList {
  const { certificate, privateKey } = demo.issuing;
  const dates = { number: 7n, thisUpdate: MORNING, nextUpdate: TOMORROW };
  return writeRevocationList({ signer: certificate, privateKey, ...dates, entries: [], ...content });
}

function daily(content: Partial<RevocationListContent> = {}): RevocationList {
  const indirect = { url: LISTS.daily, issuer: demo.issuing.certificate, signerUrl: LISTS.signer };
  return direct({ signer: signer.certificate, privateKey: signer.privateKey, indirect, ...content });
}

function entryOf(certificate: Certificate, hoursAgo = 3) {
  const revokedAt = new Date(NOON.getTime() - hoursAgo * HOUR_MS);
  return { serialNumber: certificate.serialNumber, revokedAt, reason: 'keyCompromise' as const };
}

function judged(leaf: Certificate, evidence: { lists?: RevocationList[]; responses?: OcspResponse[] }, at = NOON) {
  return validatePath({
    ...{ leaf, candidates: [demo.issuing.certificate, signer.certificate], anchors: [demo.root.certificate] },
    ...{ at, purpose: 'email' as const },
    revocation: { lists: [], responses: [], now: NOON, required: false, ...evidence },
  });
}

const statusOf = (...question: Parameters<typeof judged>) => judged(...question).revocation.status;
const rootList = () => direct({ signer: demo.root.certificate, privateKey: demo.root.privateKey, number: 1n });

test('a list has its number, its dates and whose key signed it, and each entry its reason', () => {
  const list = direct({ entries: [entryOf(anna)] });
  assert.equal(list.number, 7n);
  assert.deepEqual([list.thisUpdate, list.nextUpdate], [MORNING, TOMORROW]);
  assert.deepEqual(list.authorityKeyIdentifier, demo.issuing.certificate.subjectKeyIdentifier);
  assert.equal(list.point, null);
  const { entry, unreadable } = findEntry(list, anna);
  assert.deepEqual([entry?.reason, entry?.revokedAt, unreadable], [1, entryOf(anna).revokedAt, false]);
  assert.equal(findEntry(list, ben).entry, null);
  const held = direct({ entries: [{ ...entryOf(anna), reason: 'certificateHold' }] });
  assert.equal(findEntry(held, anna).entry?.reason, CRL_REASON.certificateHold);
});

test('a list signed by the authority or by its signer revokes, whichever of the two names the certificate', () => {
  const lists = [rootList(), direct(), daily()];
  assert.equal(statusOf(anna, { lists }), 'good');
  assert.equal(statusOf(anna, { lists: [rootList(), direct({ entries: [entryOf(anna)] }), daily()] }), 'revoked');
  const both = [entryOf(ben), entryOf(anna)];
  assert.equal(statusOf(anna, { lists: [rootList(), direct(), daily({ number: 8n, entries: both })] }), 'revoked');
  assert.equal(statusOf(ben, { lists: [rootList(), daily({ entries: both })] }), 'revoked');
  assert.equal(statusOf(anna, { lists: [rootList(), daily({ entries: [entryOf(ben)] })] }), 'good');
});

test('a key that may have been in other hands before it was revoked counts from then on', () => {
  const before = new Date(NOON.getTime() - 5 * HOUR_MS);
  const plain = daily({ entries: [entryOf(anna)] });
  assert.equal(statusOf(anna, { lists: [rootList(), plain] }, before), 'good');
  const invalidSince = new Date(NOON.getTime() - 6 * HOUR_MS);
  const since = daily({ entries: [{ ...entryOf(anna), invalidSince }] });
  assert.equal(statusOf(anna, { lists: [rootList(), since] }, before), 'revoked');
});

test('nobody else signs in the authority’s place: not a person, and not the signer of another authority', async () => {
  const other = await createStatusSigner({ issuer: demo.root, keyAlgorithm: 'P-256', ...DECADE });
  const entries = [entryOf(anna)];
  const forged = daily({ signer: other.certificate, privateKey: other.privateKey, entries });
  assert.equal(statusOf(anna, { lists: [rootList(), direct(), forged] }), 'good');
  const byAnna = daily({ signer: anna, privateKey: demo.annaKeys.privateKey, entries });
  assert.equal(statusOf(anna, { lists: [rootList(), direct(), byAnna] }), 'good');
});

test('numbers of lists and serial numbers of any size are written as they are read', () => {
  for (const number of [0n, 1n, 127n, 128n, 255n, 256n, 2n ** 63n, 2n ** 150n])
    assert.equal(direct({ number }).number, number);
  const entries = ['1', '7f', '80', 'ff00', anna.serialNumber].map((serialNumber) => ({
    ...entryOf(anna),
    serialNumber,
  }));
  const list = parseRevocationList(direct({ entries }).der);
  assert.notEqual(findEntry(list, anna).entry, null);
});

const ask = (certificate: Certificate, issuer = demo.issuing.certificate) =>
  readOcspRequest(writeOcspRequest(certificate, issuer));

function answer(status: Parameters<typeof writeOcspResponse>[0]['answers'][number]['status'], by = signer) {
  const [asked] = ask(anna).asked;
  assert.ok(asked);
  const dates = { producedAt: NOON, thisUpdate: MORNING, nextUpdate: TOMORROW };
  const response = writeOcspResponse({
    ...{ signer: by.certificate, privateKey: by.privateKey, answers: [{ asked, status }], nonce: null },
    ...dates,
  });
  return parseOcspResponse(response);
}

test('a request is read as it was written, and only the issuer asked about is meant', () => {
  const { asked, nonce } = ask(anna);
  assert.equal(nonce, null);
  assert.deepEqual(
    asked.map(({ serialNumber, hash }) => [serialNumber, hash]),
    [[anna.serialNumber, 'sha1']],
  );
  assert.ok(asked[0]);
  assert.equal(isAbout(asked[0], demo.issuing.certificate), true);
  assert.equal(isAbout(asked[0], demo.root.certificate), false);
});

test('answers of the signer and of the authority count, those of others do not', () => {
  const lists = [rootList()];
  assert.equal(statusOf(anna, { lists, responses: [answer({ status: 'good' })] }), 'good');
  const taken = { status: 'revoked', revokedAt: MORNING, reason: 'keyCompromise' } as const;
  assert.equal(statusOf(anna, { lists, responses: [answer(taken)] }), 'revoked');
  assert.equal(statusOf(anna, { lists, responses: [answer(taken, demo.issuing)] }), 'revoked');
  assert.equal(statusOf(anna, { lists, responses: [answer({ status: 'unknown' })] }), 'unchecked');
  assert.equal(statusOf(anna, { lists, responses: [answer(taken, demo.root)] }), 'unchecked');
  const single = answer(taken).responses[0];
  assert.deepEqual([single?.reason, single?.revokedAt], [1, MORNING]);
});

test('requests that are too large, ask for too much or are no request are refused as what they are', () => {
  assert.throws(() => readOcspRequest(Buffer.alloc(MAX_REQUEST_BYTES + 1)), { code: 'too-complex' });
  assert.throws(() => readOcspRequest(Buffer.from('no request')), { code: 'malformed' });
  const whole = writeOcspRequest(anna, demo.issuing.certificate);
  for (let cut = 0; cut < whole.length; cut += 1)
    assert.throws(() => readOcspRequest(whole.subarray(0, cut)), { name: 'PkiError' });
  const one = ask(anna).asked[0]?.raw ?? assert.fail();
  const many = (count: number) => {
    const list = Buffer.concat(Array.from({ length: count }, () => wrapped(one)));
    return wrapped(wrapped(wrapped(list)));
  };
  assert.equal(readOcspRequest(many(MAX_ASKED)).asked.length, MAX_ASKED);
  assert.throws(() => readOcspRequest(many(MAX_ASKED + 1)), { code: 'too-complex' });
  assert.deepEqual(writeOcspError('unauthorized'), Buffer.from('30030a0106', 'hex'));
});

/** A SEQUENCE around it. */
function wrapped(content: Buffer): Buffer {
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 255];
  return Buffer.concat([Buffer.from([0x30, ...length]), content]);
}

test('the signer has a name of its own, the right use and no question about itself', () => {
  const { certificate } = signer;
  assert.equal(certificate.commonName, 'Demo Issuing Status');
  assert.deepEqual(certificate.extendedKeyUsage, ['1.3.6.1.5.5.7.3.9']);
  assert.deepEqual([...(certificate.keyUsage ?? [])].sort(), ['cRLSign', 'digitalSignature']);
  assert.deepEqual(certificate.basicConstraints, { ca: false, pathLength: null });
  assert.ok(certificate.extensions.has('1.3.6.1.5.5.7.48.1.5'));
  assert.deepEqual(certificate.subjectRaw, statusSignerName(demo.issuing.certificate));
  const whole = parseCertificate(anna.der);
  assert.ok(whole.extensions.has('2.5.29.31'));
});
