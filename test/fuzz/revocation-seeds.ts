/** Good revocation data and certificates with every extension of a path, to be mutated. */
import { parseCertificate } from '../../src/pki/certificate.ts';
import { context, contextPrimitive, element, integer, sequence } from '../../src/pki/der-writer.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  crlNumber,
  directoryName,
  extendedKeyUsage,
  forgeCertificate,
  forgeKey,
  forgeList,
  forgeName,
  forgeOcspResponse,
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
    forgeOcspResponse({
      ...{ about: parseCertificate(person), issuerKey: key, issuerName: ROOT, signer: key, thisUpdate: at },
      ...{ nextUpdate: dates.nextUpdate, revokedAt: null, certificates: [person] },
    }),
  ];
}
