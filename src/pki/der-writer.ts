/** DER (X.690 section 10) from its parts. Every function returns one whole element. */
import { TAG } from './der.ts';

/** Any element: identifier octet, then the parts as content. */
export function element(tag: number, ...parts: Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  return Buffer.concat([elementHeader(tag, length), ...parts]);
}

/** Identifier and length octets alone, for content that is streamed. */
export function elementHeader(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.from([tag, length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.from([tag, 0x80 | octets.length, ...octets]);
}

export function sequence(...parts: Uint8Array[]): Buffer {
  return element(TAG.sequence, ...parts);
}

/** SET OF: DER sorts the encodings (X.690 section 11.6). */
export function setOf(...parts: Uint8Array[]): Buffer {
  return element(TAG.set, ...parts.toSorted((a, b) => Buffer.compare(a, b)));
}

/** [number] constructed: an explicit tag, or an implicit one over a constructed type. */
export function context(number: number, ...parts: Uint8Array[]): Buffer {
  return element(0xa0 | number, ...parts);
}

/** [number] primitive: an implicit tag over a primitive type. */
export function contextPrimitive(number: number, content: Uint8Array): Buffer {
  return element(0x80 | number, content);
}

/** A non-negative number, or the big-endian octets of a non-negative integer. */
export function integer(value: number | Uint8Array): Buffer {
  let octets: Uint8Array = typeof value === 'number' ? numberOctets(value) : value;
  while (octets.length > 1 && octets[0] === 0 && (octets[1] as number) < 0x80) octets = octets.subarray(1);
  if (octets.length === 0) octets = Buffer.from([0]);
  const needsZero = (octets[0] as number) >= 0x80;
  return needsZero ? element(TAG.integer, Buffer.from([0]), octets) : element(TAG.integer, octets);
}

export function octetString(content: Uint8Array): Buffer {
  return element(TAG.octetString, content);
}

export function bitString(bits: Uint8Array, unused = 0): Buffer {
  return element(TAG.bitString, Buffer.from([unused]), bits);
}

export function boolean(value: boolean): Buffer {
  return Buffer.from([TAG.boolean, 1, value ? 0xff : 0]);
}

export function nullValue(): Buffer {
  return Buffer.from([TAG.null, 0]);
}

/** Arcs may be of any size: those of UUIDs (ITU-T X.667) have 128 bits. Throws RangeError for what is no identifier. */
export function objectIdentifier(dotted: string): Buffer {
  if (!/^[0-2](\.(0|[1-9]\d{0,99}))+$/.test(dotted))
    throw new RangeError(`no object identifier: ${dotted.slice(0, 100)}`);
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  if (first < 2n && second > 39n) throw new RangeError(`no object identifier: ${dotted}`);
  const octets: number[] = [];
  for (const arc of [first * 40n + second, ...rest]) {
    const base128 = [Number(arc % 128n)];
    for (let left = arc / 128n; left > 0n; left /= 128n) base128.unshift(0x80 | Number(left % 128n));
    octets.push(...base128);
  }
  return element(TAG.oid, Buffer.from(octets));
}

/** AlgorithmIdentifier (RFC 5280 section 4.1.1.2); give `nullValue()` where the algorithm demands it. */
export function algorithmIdentifier(dotted: string, ...parameters: Uint8Array[]): Buffer {
  return sequence(objectIdentifier(dotted), ...parameters);
}

export function utf8String(text: string): Buffer {
  return element(TAG.utf8String, Buffer.from(text, 'utf8'));
}

export function ia5String(text: string): Buffer {
  return element(TAG.ia5String, Buffer.from(text, 'latin1'));
}

export function bmpString(text: string): Buffer {
  return element(TAG.bmpString, Buffer.from(text, 'utf16le').swap16());
}

/** Time: UTCTime through 2049, GeneralizedTime after it (RFC 5280 section 4.1.2.5). */
export function time(at: Date): Buffer {
  const short = at.getUTCFullYear() >= 1950 && at.getUTCFullYear() < 2050;
  return short ? element(TAG.utcTime, Buffer.from(secondsOf(at).slice(2), 'latin1')) : generalizedTime(at);
}

/** GeneralizedTime without fractions of seconds (RFC 5280 section 4.1.2.5.2). */
export function generalizedTime(at: Date): Buffer {
  return element(TAG.generalizedTime, Buffer.from(secondsOf(at), 'latin1'));
}

function secondsOf(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
}

function numberOctets(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('a non-negative integer is needed');
  const octets: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.from(octets);
}
