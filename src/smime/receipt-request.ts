/** The signed attribute by which a sender asks for signed receipts (RFC 2634 section 2.7), for all recipients. */
import { children, contentOf, type DerNode, Fields, octetsOf, TAG } from '../pki/der.ts';
import { contextPrimitive, octetString, sequence } from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';

export interface ReceiptRequest {
  readonly contentIdentifier: Buffer;
  /** Mail addresses that receipts go to. */
  readonly to: readonly string[];
  /** Whom it asks, in lower case (section 2.3); empty for everybody. */
  readonly readers: readonly string[];
}

/** What a receipt says of the message that it is about (RFC 2634 sections 2.4 and 2.8). */
export interface ReceiptFacts {
  readonly contentIdentifier: Uint8Array;
  /** The signature value of the message. */
  readonly signature: Uint8Array;
  /** Digest of its signed attributes, with the digest algorithm of its signer. */
  readonly attributesDigest: Uint8Array;
}

const MAX_ADDRESSES = 20;
const MAX_IDENTIFIER = 1_000;
const ALL_RECEIPTS = contextPrimitive(0, Buffer.from([0]));
const RFC822_NAME = 0x81;

export function writeReceiptRequest(contentIdentifier: Uint8Array, to: string): Buffer {
  const names = sequence(contextPrimitive(1, Buffer.from(to, 'latin1')));
  return sequence(octetString(contentIdentifier), ALL_RECEIPTS, sequence(names));
}

/** Null for what asks for none that can be sent: a signature is not worth less for it. */
export function readReceiptRequest(value: DerNode): ReceiptRequest | null {
  try {
    return readFields(value);
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}

function readFields(value: DerNode): ReceiptRequest | null {
  const fields = new Fields(value);
  const contentIdentifier = octetsOf(fields.next(TAG.octetString));
  const from = fields.next();
  const to = addressesOf(children(fields.next(TAG.sequence)));
  if (to.length === 0 || contentIdentifier.length === 0 || contentIdentifier.length > MAX_IDENTIFIER) return null;
  // [0] all or first-tier recipients: here there is no other tier; [1] a list of those who are asked.
  const readers = from.tag === 0xa1 ? addressesOf(children(from)).map((address) => address.toLowerCase()) : [];
  // A list without any address that is understood asks nobody here.
  return from.tag === 0xa1 && readers.length === 0 ? null : { contentIdentifier, to, readers };
}

/** Of GeneralNames those that are mail addresses. */
function addressesOf(list: readonly DerNode[]): string[] {
  const names = list.flatMap((names) => children(names).filter((name) => name.tag === RFC822_NAME));
  return names.slice(0, MAX_ADDRESSES).map((name) => Buffer.from(contentOf(name)).toString('latin1'));
}
