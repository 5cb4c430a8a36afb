import type { Reason, SignatureStatus } from '../../../src/smime/verdict.ts';
import { ENTITY, header, sealedAs } from '../crafted-mail.ts';
import { certify, type People, type Person } from '../smime-people.ts';

/** A message made to claim more than it may, and all that anybody may say of it who trusts the root of these people. */
export interface ForgedClaim {
  readonly name: string;
  readonly bytes: Buffer;
  readonly status: SignatureStatus;
  /** Each of these is among the reasons */
  readonly reasons: readonly Reason[];
  /** The one address of From that counts, where that is what the message is about; empty for none */
  readonly from?: string;
  /** The addresses of the first signer, where that is what the message is about */
  readonly signer?: readonly string[];
}

/** Each kind of forgery by its name, with the messages of that kind. */
export type ForgedClaims = Record<string, (people: People) => ForgedClaim[]>;

/** How an honest message of these people is judged: nobody gave them a revocation list. */
export const HONEST = { status: 'trusted', reasons: ['revocation-unchecked'] } as const;

/** A letter that `person` signed, under any From field. */
export function letterOf(person: Person, from: string, extra = '', entity: Buffer = ENTITY): Buffer {
  return sealedAs(person, header(from, extra), entity);
}

/** Somebody whom an authority gave a certificate for `subjectAltName`, or for a name of his choice. */
export function certified(
  people: People,
  name: string,
  order: { subjectAltName?: string; commonName?: string; issuer?: string },
): Person {
  return certify(people, { name, privateKey: people.bob.privateKey, ...order });
}

/** A name as a test can show it: escapes for what nobody sees. */
export function readable(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
