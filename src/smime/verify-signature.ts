/** Verifies one signer of CMS against the content (RFC 5652 section 5.6). Trust is decided elsewhere. */
import { createHash, verify } from 'node:crypto';
import type { Certificate, SignatureAlgorithm } from '../pki/certificate.ts';
import { readElement } from '../pki/der.ts';
import { readPssParameters, verifyPss } from '../pki/pss.ts';
import { keyStrength } from '../pki/public-key.ts';
import {
  DIGEST_BY_OID,
  DIGEST_LABEL,
  type DigestName,
  ECDSA_WITH_DIGEST,
  KEY_ALGORITHM,
  RSA_WITH_DIGEST,
  WEAK_DIGESTS,
} from './algorithms.ts';
import { identifies } from './certificate-match.ts';
import type { ReceiptFacts } from './receipt-request.ts';
import { type AttributeFacts, readSignedAttributes } from './signed-attributes.ts';
import type { SignerInfo } from './signed-data.ts';
import type { Reason } from './verdict.ts';

export interface SignatureCheck {
  readonly certificate: Certificate | null;
  /** The signature fits the content and the certificate. */
  readonly intact: boolean;
  readonly reasons: readonly Reason[];
  readonly digest: string;
  readonly algorithm: string;
  readonly attributes: AttributeFacts | null;
  /** What a signed receipt about it would have to say, where one is asked for. */
  readonly receipt: ReceiptFacts | null;
}

interface Scheme {
  family: 'rsa' | 'rsa-pss' | 'ec' | 'ed25519';
  label: string;
  /** Null: the algorithm hashes by itself. */
  digest: DigestName | null;
  pss?: { mask: DigestName; saltLength: number };
}

/**
 * @param digestOf the digest of the content, computed once per algorithm
 * @param known certificates in which the signer may be found, those of the message first
 * @param legacyAlgorithms accept SHA-1, MD5 and short keys, for old test vectors only
 */
export function verifySignature(
  signer: SignerInfo,
  contentType: string,
  digestOf: (name: DigestName) => Buffer,
  known: readonly Certificate[],
  legacyAlgorithms: boolean,
): SignatureCheck {
  const digest = DIGEST_BY_OID[signer.digestOid];
  const scheme = schemeOf(signer.signatureAlgorithm, digest);
  const candidates = known.filter((certificate) => identifies(signer.identifier, certificate));
  const facts = {
    digest: digest === undefined ? signer.digestOid : DIGEST_LABEL[digest],
    algorithm: scheme?.label ?? signer.signatureAlgorithm.oid,
  };
  const failed = (reason: Reason, attributes: AttributeFacts | null = null): SignatureCheck => {
    return {
      ...facts,
      certificate: candidates[0] ?? null,
      intact: false,
      reasons: [reason],
      attributes,
      receipt: null,
    };
  };
  if (candidates.length === 0) return failed('no-signer');
  if (digest === undefined || scheme === null) return failed('weak-algorithm');
  // security.md asks for contentType and messageDigest. A signature without attributes could be one over attributes that
  // are now passed off as content, so it is never good.
  if (signer.signedAttributes === null) return failed('attributes-malformed');
  const attributes = readSignedAttributes(signer.signedAttributes.list);
  if (attributes === null || attributes.contentType !== contentType) return failed('attributes-malformed', attributes);
  if (!attributes.messageDigest.equals(digestOf(digest))) return failed('altered', attributes);
  const { signed } = signer.signedAttributes;
  const certificate = candidates.find((candidate) => fits(signed, signer.signature, scheme, candidate));
  if (certificate === undefined) return failed(candidates.every(isOutOfBounds) ? 'weak-key' : 'altered', attributes);
  if (!attributes.namesCertificate(certificate)) return failed('attributes-malformed', attributes);
  const reasons = legacyAlgorithms ? [] : weaknesses(digest, scheme, certificate);
  return { ...facts, certificate, intact: true, reasons, attributes, receipt: receiptOf(signer, attributes, digest) };
}

function receiptOf(signer: SignerInfo, attributes: AttributeFacts, digest: DigestName): ReceiptFacts | null {
  if (attributes.receiptRequest === null || signer.signedAttributes === null) return null;
  const { contentIdentifier } = attributes.receiptRequest;
  const attributesDigest = createHash(digest).update(signer.signedAttributes.signed).digest();
  return { contentIdentifier, signature: signer.signature, attributesDigest };
}

/** A key that is never used, so nobody knows whether anything was altered. */
function isOutOfBounds(certificate: Certificate): boolean {
  try {
    return certificate.publicKey === undefined;
  } catch {
    return keyStrength(certificate.key, 'message') === 'weak';
  }
}

function weaknesses(digest: DigestName, scheme: Scheme, certificate: Certificate): Reason[] {
  const reasons: Reason[] = [];
  const digests = [digest, scheme.digest, scheme.pss?.mask ?? null];
  if (digests.some((each) => each !== null && WEAK_DIGESTS.has(each))) reasons.push('weak-algorithm');
  if (keyStrength(certificate.key, 'message') === 'weak') reasons.push('weak-key');
  return reasons;
}

function schemeOf(algorithm: SignatureAlgorithm, digest: DigestName | undefined): Scheme | null {
  const { oid } = algorithm;
  if (oid === KEY_ALGORITHM.ed25519) return { family: 'ed25519', label: 'Ed25519', digest: null };
  // A digest named twice must be the same one (RFC 8933 section 3), or an attacker picks the weaker.
  if (oid === KEY_ALGORITHM.rsaPss) {
    const pss = pssScheme(algorithm.parameters);
    return pss?.digest === digest ? pss : null;
  }
  const rsa = oid === KEY_ALGORITHM.rsa ? digest : RSA_WITH_DIGEST[oid];
  if (rsa !== undefined) return rsa === digest ? { family: 'rsa', label: 'RSA', digest: rsa } : null;
  const ecdsa = oid === KEY_ALGORITHM.ec ? digest : ECDSA_WITH_DIGEST[oid];
  if (ecdsa !== undefined) return ecdsa === digest ? { family: 'ec', label: 'ECDSA', digest: ecdsa } : null;
  return null;
}

/** RSASSA-PSS-params (RFC 4055 section 3.1); what is left out stands for SHA-1. */
function pssScheme(parameters: Buffer | null): Scheme | null {
  if (parameters === null) return null;
  try {
    const { hashOid, maskOid, saltLength } = readPssParameters(readElement(parameters));
    const digest = DIGEST_BY_OID[hashOid];
    const mask = DIGEST_BY_OID[maskOid];
    if (digest === undefined || mask === undefined || saltLength > 512) return null;
    return { family: 'rsa-pss', label: 'RSA-PSS', digest, pss: { mask, saltLength } };
  } catch {
    return null;
  }
}

function fits(signed: Buffer, signature: Buffer, scheme: Scheme, certificate: Certificate): boolean {
  const { family } = certificate.key;
  const familyFits = scheme.family === family || (scheme.family === 'rsa-pss' && family === 'rsa');
  if (!familyFits) return false;
  const { digest, pss } = scheme;
  try {
    const key = certificate.publicKey;
    if (pss !== undefined && digest !== null) return verifyPss(signed, signature, key, { hash: digest, ...pss });
    return verify(digest, signed, { key, dsaEncoding: 'der' }, signature);
  } catch {
    return false; // a key or a signature that OpenSSL refuses
  }
}

/** Digests of the same content, which is gone through once for each that is asked for. */
export function digestsOf(slices: () => Iterable<Buffer>): (name: DigestName) => Buffer {
  const computed = new Map<DigestName, Buffer>();
  return (name) => {
    const known = computed.get(name);
    if (known !== undefined) return known;
    const hash = createHash(name);
    for (const slice of slices()) hash.update(slice);
    const digest = hash.digest();
    computed.set(name, digest);
    return digest;
  };
}
