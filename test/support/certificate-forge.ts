/** Certificates and revocation lists of any shape, right or wrong, from their DER: what no issuing library would write. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Certificate, parseCertificate } from '../../src/pki/certificate.ts';
import {
  algorithmIdentifier,
  bitString,
  boolean,
  context,
  contextPrimitive,
  element,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from '../../src/pki/der-writer.ts';

export type ForgedExtension = { oid: string; critical?: boolean; value: Buffer };
export type ForgedKey = { privateKey: KeyObject; spki: Buffer };

const ECDSA_SHA256 = algorithmIdentifier('1.2.840.10045.4.3.2');

/** A P-256 key pair: quick to make and to use. */
export function forgeKey(): ForgedKey {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey: pair.privateKey, spki: pair.publicKey.export({ type: 'spki', format: 'der' }) };
}

export function forgeKeyOf(pkcs8: Buffer): ForgedKey {
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return { privateKey, spki: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }) };
}

/** A Name with an organisation and a common name. */
export function forgeName(commonName: string, organisation = 'Forge'): Buffer {
  const attribute = (oid: string, text: string) => setOf(sequence(objectIdentifier(oid), utf8String(text)));
  return sequence(attribute('2.5.4.10', organisation), attribute('2.5.4.3', commonName));
}

export function forgeCertificate(parts: {
  serial: number | Buffer;
  issuer: Buffer;
  subject: Buffer;
  notBefore: Date;
  notAfter: Date;
  spki: Buffer;
  extensions: readonly ForgedExtension[];
  signer: ForgedKey;
}): Buffer {
  const tbs = sequence(
    context(0, integer(2)),
    integer(parts.serial),
    ECDSA_SHA256,
    parts.issuer,
    sequence(time(parts.notBefore), time(parts.notAfter)),
    parts.subject,
    parts.spki,
    ...(parts.extensions.length > 0 ? [context(3, writeExtensions(parts.extensions))] : []),
  );
  return signed(tbs, parts.signer);
}

export function forgeList(parts: {
  issuer: Buffer;
  thisUpdate: Date;
  nextUpdate: Date | null;
  revoked: readonly { serial: number | Buffer; at: Date; extensions?: readonly ForgedExtension[] }[];
  extensions: readonly ForgedExtension[];
  signer: ForgedKey;
}): Buffer {
  const entries = parts.revoked.map(({ serial, at, extensions = [] }) =>
    sequence(integer(serial), time(at), ...(extensions.length > 0 ? [writeExtensions(extensions)] : [])),
  );
  const tbs = sequence(
    integer(1),
    ECDSA_SHA256,
    parts.issuer,
    time(parts.thisUpdate),
    ...(parts.nextUpdate === null ? [] : [time(parts.nextUpdate)]),
    ...(entries.length > 0 ? [sequence(Buffer.concat(entries))] : []),
    ...(parts.extensions.length > 0 ? [context(0, writeExtensions(parts.extensions))] : []),
  );
  return signed(tbs, parts.signer);
}

/** What a responder says about one certificate (RFC 6960); `issuerKey` is the key of its issuer, `signer` who answers. */
export function forgeOcspResponse(parts: {
  about: Certificate;
  issuerKey: ForgedKey;
  issuerName: Buffer;
  signer: ForgedKey;
  thisUpdate: Date;
  nextUpdate: Date;
  revokedAt: Date | null;
  certificates?: readonly Buffer[];
}): Buffer {
  const { about, revokedAt, certificates = [] } = parts;
  const sha1 = (bytes: Buffer) => octetString(createHash('sha1').update(bytes).digest());
  const moment = (at: Date) => element(0x18, Buffer.from(`${at.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`));
  const issuer = parseCertificate(
    forgeCertificate({
      ...{ serial: 1, issuer: parts.issuerName, subject: parts.issuerName, notBefore: parts.thisUpdate },
      ...{ notAfter: parts.nextUpdate, spki: parts.issuerKey.spki, extensions: [], signer: parts.issuerKey },
    }),
  );
  const id = sequence(
    algorithmIdentifier('1.3.14.3.2.26', nullValue()),
    ...[sha1(about.issuerRaw), sha1(issuer.key.keyBits), about.serialRaw],
  );
  const status = revokedAt === null ? contextPrimitive(0, Buffer.alloc(0)) : context(1, moment(revokedAt));
  const single = sequence(id, status, moment(parts.thisUpdate), context(0, moment(parts.nextUpdate)));
  const data = sequence(context(1, parts.issuerName), moment(parts.thisUpdate), sequence(single));
  const signature = bitString(sign('sha256', data, parts.signer.privateKey));
  const carried = certificates.length === 0 ? [] : [context(0, sequence(...certificates))];
  const basic = sequence(data, ECDSA_SHA256, signature, ...carried);
  const bytes = sequence(objectIdentifier('1.3.6.1.5.5.7.48.1.1'), octetString(basic));
  return sequence(element(0x0a, Buffer.from([0])), context(0, bytes));
}

function signed(tbs: Buffer, signer: ForgedKey): Buffer {
  return sequence(tbs, ECDSA_SHA256, bitString(sign('sha256', tbs, signer.privateKey)));
}

function writeExtensions(extensions: readonly ForgedExtension[]): Buffer {
  return sequence(
    ...extensions.map(({ oid, critical = false, value }) =>
      sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value)),
    ),
  );
}

/** KeyUsage from the numbers of its bits: 0 digitalSignature, 5 keyCertSign, 6 cRLSign. */
export function keyUsage(...bits: number[]): ForgedExtension {
  const octet = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0);
  const unused = 7 - Math.max(...bits);
  return { oid: '2.5.29.15', critical: true, value: bitString(Buffer.from([octet]), unused) };
}

export function basicConstraints(ca: boolean, pathLength?: number): ForgedExtension {
  const parts = [...(ca ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])];
  return { oid: '2.5.29.19', critical: true, value: sequence(...parts) };
}

export function extendedKeyUsage(...purposes: string[]): ForgedExtension {
  return { oid: '2.5.29.37', value: sequence(...purposes.map(objectIdentifier)) };
}

export function subjectKeyIdentifier(id: Buffer): ForgedExtension {
  return { oid: '2.5.29.14', value: octetString(id) };
}

export function authorityKeyIdentifier(id: Buffer): ForgedExtension {
  return { oid: '2.5.29.35', value: sequence(element(0x80, id)) };
}

/** GeneralName of the kinds whose content is text or octets: 1 rfc822Name, 2 dNSName, 6 URI, 7 iPAddress. */
export function generalName(number: 1 | 2 | 6 | 7, content: string | Buffer): Buffer {
  return element(0x80 | number, typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
}

/** GeneralName of a directory name. */
export function directoryName(name: Buffer): Buffer {
  return context(4, name);
}

export function subjectAltName(...names: Buffer[]): ForgedExtension {
  return { oid: '2.5.29.17', value: sequence(...names) };
}

export function nameConstraints(permitted: readonly Buffer[], excluded: readonly Buffer[]): ForgedExtension {
  const subtrees = (number: number, bases: readonly Buffer[]) =>
    bases.length === 0 ? [] : [context(number, ...bases.map((base) => sequence(base)))];
  return {
    oid: '2.5.29.30',
    critical: true,
    value: sequence(...subtrees(0, permitted), ...subtrees(1, excluded)),
  };
}

export function certificatePolicies(...policies: string[]): ForgedExtension {
  return { oid: '2.5.29.32', value: sequence(...policies.map((policy) => sequence(objectIdentifier(policy)))) };
}

export function policyMappings(...pairs: [string, string][]): ForgedExtension {
  const value = sequence(...pairs.map(([from, to]) => sequence(objectIdentifier(from), objectIdentifier(to))));
  return { oid: '2.5.29.33', critical: true, value };
}

export function policyConstraints(requireExplicit: number | null, inhibitMapping: number | null): ForgedExtension {
  const field = (tag: number, value: number | null) => (value === null ? [] : [element(tag, Buffer.from([value]))]);
  const value = sequence(...field(0x80, requireExplicit), ...field(0x81, inhibitMapping));
  return { oid: '2.5.29.36', critical: true, value };
}

export function inhibitAnyPolicy(skip: number): ForgedExtension {
  return { oid: '2.5.29.54', critical: true, value: integer(skip) };
}

export function crlNumber(number: number): ForgedExtension {
  return { oid: '2.5.29.20', value: integer(number) };
}
