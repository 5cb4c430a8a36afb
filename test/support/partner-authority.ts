import { type Certificate, parseCertificate } from '../../src/pki/certificate.ts';
import type { SigningKey } from '../../src/smime/seal-message.ts';
import {
  basicConstraints,
  crlNumber,
  extendedKeyUsage,
  type ForgedExtension,
  forgeCertificate,
  forgeKey,
  forgeList,
  forgeName,
  generalName,
  keyUsage,
  subjectAltName,
} from './certificate-forge.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;

/** A partner's own authority: what it certifies, and the lists of what it took back. */
export type PartnerAuthority = {
  root: Certificate;
  /** Somebody with a certificate for this address; serial numbers count from 2 */
  person(name: string, address: string): SigningKey & { certificate: Certificate };
  /** In force for a week; what is on it was taken back two hours ago */
  list(revoked: readonly Certificate[]): Buffer;
};

export function makePartnerAuthority(name: string, organisation: string): PartnerAuthority {
  const key = forgeKey();
  const issuer = forgeName(name, organisation);
  const life = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 90 * DAY_MS) };
  const make = (serial: number, subject: Buffer, spki: Buffer, extensions: ForgedExtension[]) =>
    parseCertificate(forgeCertificate({ serial, issuer, subject, ...life, spki, extensions, signer: key }));
  const root = make(1, issuer, key.spki, [basicConstraints(true), keyUsage(5, 6)]);
  let serial = 1;
  let number = 0;
  return {
    root,
    person: (who, address) => {
      serial += 1;
      const { privateKey, spki } = forgeKey();
      const usage = [keyUsage(0, 4), extendedKeyUsage('1.3.6.1.5.5.7.3.4')];
      const names = subjectAltName(generalName(1, address));
      return {
        certificate: make(serial, forgeName(who, organisation), spki, [...usage, names]),
        privateKey,
        chain: [root],
      };
    },
    list: (revoked) => {
      number += 1;
      const at = new Date(Date.now() - 2 * HOUR_MS);
      return forgeList({
        ...{ issuer, thisUpdate: new Date(Date.now() - HOUR_MS), nextUpdate: new Date(Date.now() + 7 * DAY_MS) },
        ...{ revoked: revoked.map((one) => ({ serial: Number(`0x${one.serialNumber}`), at })), signer: key },
        extensions: [crlNumber(number)],
      });
    },
  };
}
