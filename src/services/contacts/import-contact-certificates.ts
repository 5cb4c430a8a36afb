import type { Context } from '../../context.ts';
import { addressKey } from '../../mail/address.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { readCertificates } from '../../pki/certificate-bundle.ts';
import { PkiError } from '../../pki/errors.ts';
import { verifySignature } from '../../pki/signature.ts';
import type { SignedIn } from '../sessions/session.ts';
import { offerAnchor } from '../trust/trust-anchors.ts';
import { mayBeIssuer, type StoredDigitalId, storeDigitalId, storeIssuers } from './contact-certificates.ts';
import { auditContact, type ContactWithIds } from './contacts.ts';

/** Real files are below 20 KiB; one with a hundred certificates still fits. */
export const CERTIFICATE_FILE_BYTES = 1024 * 1024;
/** Certificates of other people that are kept with their X when a file has none for the contact. */
const MAX_OTHERS = 3;

/** Why a file gives nothing: not one with certificates, too much in it, empty of certificates, or a key file. */
export type CertificateFileProblem =
  | 'not-certificates'
  | 'too-complex'
  | 'none-inside'
  | 'private-key'
  | 'password-file';

export type CertificateFile =
  | { ok: true; persons: Certificate[]; roots: Certificate[]; issuers: Certificate[] }
  | { ok: false; problem: CertificateFileProblem };

/**
 * Sorts the certificates of a `.cer`, `.crt`, `.pem` or `.p7b` file (DER or PEM): persons, self-signed roots, issuing
 * authorities. A self-signed certificate for `address` counts as the person's: programs write `CA:TRUE` into those.
 */
export function readCertificateFile(bytes: Uint8Array, address: string | null): CertificateFile {
  let certificates: Certificate[];
  try {
    certificates = readCertificates(bytes);
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    if (error.code === 'too-complex') return { ok: false, problem: 'too-complex' };
    return { ok: false, problem: problemOf(bytes) };
  }
  if (certificates.length === 0) return { ok: false, problem: 'none-inside' };
  const file = {
    ok: true as const,
    persons: [] as Certificate[],
    roots: [] as Certificate[],
    issuers: [] as Certificate[],
  };
  for (const certificate of certificates) {
    const ofPerson = address !== null && hasAddress(certificate, address);
    if (!mayBeIssuer(certificate) || ofPerson) file.persons.push(certificate);
    else if (isSelfSigned(certificate)) file.roots.push(certificate);
    else file.issuers.push(certificate);
  }
  return file;
}

/** Signed by its own key; the same name alone proves nothing. */
export function isSelfSigned(certificate: Certificate): boolean {
  if (!certificate.isSelfIssued) return false;
  const { signatureAlgorithm, tbs, signature } = certificate;
  const verdict = verifySignature(signatureAlgorithm, tbs, signature, certificate);
  return verdict === 'valid' || verdict === 'weak';
}

/** People pick the wrong file of the four that an issuer hands out: say which one it is. */
function problemOf(bytes: Uint8Array): CertificateFileProblem {
  const start = Buffer.from(bytes.subarray(0, 4096)).toString('latin1');
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(start)) return 'private-key';
  // PFX ::= SEQUENCE { version INTEGER 3, … } (RFC 7292 section 4)
  if (bytes[0] === 0x30 && /^\x30(?:\x80|[\x81-\x84][\s\S]{1,4}?|[\x00-\x7f])\x02\x01\x03\x30/.test(start))
    return 'password-file';
  return 'not-certificates';
}

function hasAddress(certificate: Certificate, address: string): boolean {
  return certificate.addresses.some((each) => addressKey(each) === addressKey(address));
}

export type ContactImport =
  | {
      ok: true;
      stored: StoredDigitalId[];
      /** Of those stored: for other addresses, kept with their X */
      othersStored: number;
      /** For other addresses and left out */
      othersLeft: number;
      /** Roots that were new here: offered on the trust page, not trusted */
      rootsOffered: number;
      /** Digital IDs whose chain the file's issuing certificates completed */
      chainsExtended: number;
    }
  | { ok: false; problem: CertificateFileProblem };

/** Stores what a file has for a contact. Roots in it are offered on the trust page and grant nothing until confirmed. */
export async function importContactCertificates(
  context: Context,
  session: SignedIn,
  contact: ContactWithIds,
  bytes: Uint8Array,
): Promise<ContactImport> {
  const file = readCertificateFile(bytes, contact.address);
  if (!file.ok) return file;
  const at = context.now();
  const chain = [...file.issuers, ...file.roots];
  const own = file.persons.filter((one) => hasAddress(one, contact.address));
  const others = file.persons.filter((one) => !own.includes(one));
  const kept = own.length > 0 ? own : others.slice(0, MAX_OTHERS);
  const stored: StoredDigitalId[] = [];
  for (const certificate of kept) {
    stored.push(await storeDigitalId(context.database, contact.id, { certificate, chain, source: 'file' }, at));
    await auditContact(context, session, certificate.sha256, 'digital-id-stored');
  }
  const chainsExtended = kept.length === 0 ? await storeIssuers(context.database, contact.id, chain) : 0;
  let rootsOffered = 0;
  for (const root of file.roots) {
    const offered = await offerAnchor(context.database, session.account, root, 'file', at);
    if (offered.isNew) rootsOffered += 1;
  }
  const othersStored = own.length > 0 ? 0 : kept.length;
  return { ok: true, stored, othersStored, othersLeft: others.length - othersStored, rootsOffered, chainsExtended };
}
