/** Messages and CMS that no honest program writes, put together piece by piece. */
import { createHash, sign } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import type { Certificate } from '../../src/pki/certificate.ts';
import * as der from '../../src/pki/der-writer.ts';
import { ATTRIBUTE, CONTENT_TYPE, DIGEST_OID, KEY_ALGORITHM, ZLIB } from '../../src/smime/algorithms.ts';
import { type OpenQuestion, openMessage } from '../../src/smime/open-message.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import type { OpenedMessage } from '../../src/smime/verdict.ts';
import { contentInfo } from '../../src/smime/write-signature.ts';
import type { People, Person } from './smime-people.ts';

/** What Alice says in these messages. */
export const ENTITY = Buffer.from('Content-Type: text/plain; charset=utf-8\r\n\r\nPay 100 EUR to Alice.\r\n');

/** The fields of a message, without those of MIME. */
export function header(from = 'alice@example.org', extra = ''): string {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  return `From: ${from}\r\n${extra}To: bob@example.org\r\nSubject: x\r\nDate: ${date}\r\n`;
}

/** A message as the page of somebody who trusts the root of these people shows it. */
export function openAs(people: People, bytes: Buffer, question: Partial<OpenQuestion> = {}): OpenedMessage {
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [people.bob], trust, at: new Date(), ...question });
}

/** Status and reasons of the claim about the signature, in a line. */
export function verdict(message: OpenedMessage): string {
  return [message.signature.status, ...message.signature.reasons].join(' ');
}

/** An honest message: `person` signs the entity under these fields. */
export function sealedAs(person: Person, head: string, entity: Buffer = ENTITY, opaque = false): Buffer {
  const sign = { ...person, chain: [] };
  return sealMessage({ mime: entity, headers: Buffer.from(head), sign, opaque, at: new Date() });
}

/** The same as a part: without the fields of a message. */
export function signedEntity(person: Person, entity: Buffer = ENTITY, opaque = false): Buffer {
  const sealed = sealedAs(person, '', entity, opaque);
  return sealed.subarray(sealed.indexOf('Content-Type:'));
}

export function clearSigned(content: Buffer, cms: Buffer, head = header(), boundary = 'b'): Buffer {
  const type = `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="${boundary}"`;
  const part = 'Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  const tail = `\r\n--${boundary}\r\n${part}${cms.toString('base64')}\r\n--${boundary}--\r\n`;
  return Buffer.concat([Buffer.from(`${head}${type}\r\n\r\n--${boundary}\r\n`), content, Buffer.from(tail)]);
}

export function opaque(cms: Buffer, type = 'signed-data', head = header()): Buffer {
  const fields = `Content-Type: application/pkcs7-mime; smime-type=${type}; name=smime.p7m\r\nContent-Transfer-Encoding: base64`;
  return Buffer.from(`${head}${fields}\r\n\r\n${cms.toString('base64')}\r\n`);
}

export const attribute = (type: string, ...values: Buffer[]) =>
  der.sequence(der.objectIdentifier(type), der.setOf(...values));
export const typeAttribute = (type: string = CONTENT_TYPE.data) =>
  attribute(ATTRIBUTE.contentType, der.objectIdentifier(type));
export const digestAttribute = (content: Buffer = ENTITY) =>
  attribute(ATTRIBUTE.messageDigest, der.octetString(createHash('sha256').update(content).digest()));

export interface CraftedSigner {
  /** Somebody with an RSA key. */
  readonly person: Person;
  /** Null for none: the content itself is signed. Those that fit the content when they are left out. */
  readonly attributes?: readonly Buffer[] | null;
  /** Instead of the one that fits. */
  readonly signature?: Buffer;
  /** Of the signature, instead of plain RSA. */
  readonly algorithm?: Buffer;
  /** The attributes as they stand there, unsorted and unsigned, instead of those that are signed. */
  readonly shownAttributes?: Buffer;
}

export interface CraftedSignedData {
  readonly content: Buffer;
  readonly signers: readonly CraftedSigner[];
  readonly detached?: boolean;
  readonly type?: string;
  /** Those of the signers when they are left out. */
  readonly certificates?: readonly Certificate[];
}

/** The ContentInfo. */
export function signedData(made: CraftedSignedData): Buffer {
  const { content, signers, detached = false, type = CONTENT_TYPE.data } = made;
  const certificates = made.certificates ?? signers.map(({ person }) => person.certificate);
  const encapsulated = detached ? [] : [der.context(0, der.octetString(content))];
  const body = der.sequence(
    der.integer(1),
    der.setOf(SHA256),
    der.sequence(der.objectIdentifier(type), ...encapsulated),
    der.context(0, ...certificates.map((certificate) => certificate.der)),
    // A SET of any order, so that either signer can be the first.
    der.element(0x31, ...signers.map((signer) => signerInfo(signer, content))),
  );
  return contentInfo(CONTENT_TYPE.signedData, body);
}

const SHA256 = der.algorithmIdentifier(DIGEST_OID.sha256);

function signerInfo(signer: CraftedSigner, content: Buffer): Buffer {
  const { person, attributes = [typeAttribute(), digestAttribute(content)] } = signer;
  const set = attributes === null ? null : der.setOf(...attributes);
  const signature = signer.signature ?? sign('sha256', set ?? content, person.privateKey);
  const shown = signer.shownAttributes ?? set;
  return der.sequence(
    der.integer(1),
    der.sequence(person.certificate.issuerRaw, person.certificate.serialRaw),
    SHA256,
    ...(shown === null ? [] : [Buffer.concat([Buffer.from([0xa0]), shown.subarray(1)])]),
    signer.algorithm ?? der.algorithmIdentifier(KEY_ALGORITHM.rsa, der.nullValue()),
    der.octetString(signature),
  );
}

/** A multipart of these parts. */
export function multipart(kind: string, parts: readonly (string | Buffer)[], boundary = 'outer'): Buffer {
  const pieces = parts.flatMap((part) => [Buffer.from(`\r\n--${boundary}\r\n`), Buffer.from(part)]);
  return Buffer.concat([
    Buffer.from(`Content-Type: multipart/${kind}; boundary="${boundary}"\r\n\r\n`),
    ...pieces,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

export interface CraftedCompressedData {
  readonly version?: number;
  readonly algorithm?: string;
  readonly inner?: string;
  /** Instead of the entity, compressed. */
  readonly octets?: Buffer;
}

/** CompressedData (RFC 3274) as a ContentInfo. */
export function compressedData(entity: Buffer, made: CraftedCompressedData = {}): Buffer {
  const { version = 0, algorithm = ZLIB, inner = CONTENT_TYPE.data, octets = deflateSync(entity) } = made;
  const encapsulated = der.sequence(der.objectIdentifier(inner), der.context(0, der.octetString(octets)));
  const body = der.sequence(der.integer(version), der.algorithmIdentifier(algorithm), encapsulated);
  return contentInfo(CONTENT_TYPE.compressedData, body);
}
