/** Good revocation data and certificates with every extension of a path, to be mutated. */
import { createHash, sign } from 'node:crypto';
import { parseCertificate } from '../../src/pki/certificate.ts';
import {
  algorithmIdentifier,
  bitString,
  context,
  contextPrimitive,
  element,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
} from '../../src/pki/der-writer.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  crlNumber,
  directoryName,
  extendedKeyUsage,
  type ForgedKey,
  forgeCertificate,
  forgeKey,
  forgeList,
  forgeName,
  generalName,
  inhibitAnyPolicy,
  keyUsage,
  nameConstraints,
  policyConstraints,
  policyMappings,
  subjectAltName,
  subjectKeyIdentifier,
} from '../support/certificate-forge.ts';

const ROOT = forgeName('Fuzz Root');
const LIFE = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2036-01-01T00:00:00Z') };
const POLICY = '1.3.6.1.4.1.99999.9.1';

/** An authority and a person below a root that is not among them, two lists and an OCSP response about the person. */
export function makeRevocationSeeds(): Buffer[] {
  const key = forgeKey();
  const point = context(0, context(0, generalName(6, 'http://a.example/1.crl')));
  const points = { oid: '2.5.29.31', value: sequence(sequence(point)) };
  const make = (subject: string, extensions: Parameters<typeof forgeCertificate>[0]['extensions']) =>
    forgeCertificate({
      ...{ serial: 77, issuer: ROOT, subject: forgeName(subject), ...LIFE },
      ...{ spki: key.spki, extensions, signer: key },
    });
  const bases = [
    ...[generalName(1, 'partner.example'), generalName(2, 'partner.example'), generalName(6, '.partner.example')],
    ...[generalName(7, Buffer.from([10, 0, 0, 0, 255, 0, 0, 0])), directoryName(forgeName('X'))],
  ];
  const authority = make('Authority', [
    ...[basicConstraints(true, 3), keyUsage(5, 6), subjectKeyIdentifier(Buffer.from('a'))],
    ...[nameConstraints(bases, bases.slice(0, 2)), certificatePolicies(POLICY, '2.5.29.32.0')],
    ...[policyMappings([POLICY, `${POLICY}.2`]), policyConstraints(0, 1), inhibitAnyPolicy(1), points],
  ]);
  const person = make('Anna', [
    ...[keyUsage(0), extendedKeyUsage('1.3.6.1.5.5.7.3.4'), authorityKeyIdentifier(Buffer.from('a'))],
    ...[subjectAltName(generalName(1, 'anna@partner.example'), generalName(6, 'http://www.partner.example/'))],
    ...[certificatePolicies(POLICY), points],
  ]);
  const at = new Date('2026-06-01T00:00:00Z');
  const dates = { issuer: ROOT, thisUpdate: at, nextUpdate: new Date('2026-07-01T00:00:00Z'), signer: key };
  const reason = { oid: '2.5.29.21', value: element(0x0a, Buffer.from([1])) };
  const issuer = { oid: '2.5.29.29', critical: true, value: sequence(directoryName(ROOT)) };
  const revoked = [
    { serial: 5, at, extensions: [reason, issuer] },
    { serial: 77, at },
  ];
  const scope = { oid: '2.5.29.28', critical: true, value: sequence(point, contextPrimitive(4, Buffer.from([0xff]))) };
  const delta = { oid: '2.5.29.27', critical: true, value: integer(1) };
  return [
    ...[authority, person],
    forgeList({ ...dates, revoked, extensions: [crlNumber(1), scope] }),
    forgeList({ ...dates, revoked: [], extensions: [crlNumber(2), delta] }),
    responseAbout(person, key),
  ];
}

function responseAbout(der: Buffer, key: ForgedKey): Buffer {
  const certificate = parseCertificate(der);
  const sha1 = (bytes: Buffer) => octetString(createHash('sha1').update(bytes).digest());
  const id = sequence(
    algorithmIdentifier('1.3.14.3.2.26', nullValue()),
    ...[sha1(certificate.issuerRaw), sha1(certificate.key.keyBits), certificate.serialRaw],
  );
  const time = (digits: string) => element(0x18, Buffer.from(digits, 'latin1'));
  const good = contextPrimitive(0, Buffer.alloc(0));
  const single = sequence(id, good, time('20260601000000Z'), context(0, time('20260701000000Z')));
  const data = sequence(context(1, ROOT), time('20260601000000Z'), sequence(single));
  const signature = bitString(sign('sha256', data, key.privateKey));
  const basic = sequence(data, algorithmIdentifier('1.2.840.10045.4.3.2'), signature, context(0, sequence(der)));
  const bytes = sequence(objectIdentifier('1.3.6.1.5.5.7.48.1.1'), octetString(basic));
  return sequence(element(0x0a, Buffer.from([0])), context(0, bytes));
}
