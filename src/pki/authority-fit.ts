/** Whether a certificate makes its key an issuing authority for these domains: asked of the path engine with a trial certificate. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { readWhole } from './der.ts';
import { PkiError } from './errors.ts';
import { issuePersonalCertificate } from './issue.ts';
import { generateKeyPair } from './key-pair.ts';
import { validatePath } from './path.ts';
import type { PathRule } from './path-checks.ts';
import { chainAbove } from './pkcs12-identities.ts';
import { readPublicKeyInfo } from './public-key.ts';

/**
 * - `key-differs`: the certificate is of another key
 * - `key-unusable`: a kind of key that issues nothing here
 * - `not-authority`: it may sign no certificates, or the path length above allows none below it
 * - `no-root`: the path does not reach a self-issued certificate; the missing ones have to be brought along
 * - `expired`, `not-yet-valid`: it, or one above it
 * - `not-for-mail`: it, or one above it, has a list of purposes without mail
 * - `domain-not-allowed`: the name constraints forbid addresses of the programme
 * - `path-invalid`: anything else that makes programs refuse what it would issue
 */
export type AuthorityMisfit =
  | 'key-differs'
  | 'key-unusable'
  | 'not-authority'
  | 'no-root'
  | 'expired'
  | 'not-yet-valid'
  | 'not-for-mail'
  | 'domain-not-allowed'
  | 'path-invalid';

export interface AuthorityTrial {
  readonly certificate: Certificate;
  /** PKCS#8 in DER; not changed. */
  readonly privateKey: Buffer;
  /** Certificates among which the path to the root is. */
  readonly others: readonly Certificate[];
  /** Domains of the addresses that it shall issue for. */
  readonly domains: readonly string[];
  readonly policyOid: string;
  readonly at: Date;
}

export type AuthorityFit = { ok: true; chain: Certificate[] } | { ok: false; misfit: AuthorityMisfit };

const HOUR_MS = 3_600_000;

const MISFITS: Partial<Record<PathRule, AuthorityMisfit>> = {
  'extended-key-usage': 'not-for-mail',
  'name-constraints': 'domain-not-allowed',
  'not-an-authority': 'not-authority',
  'path-length': 'not-authority',
};

/** The path above it, the root last; or why it cannot issue. The root is taken as believed: that is another question. */
export async function tryAuthority(trial: AuthorityTrial): Promise<AuthorityFit> {
  const { certificate, privateKey, others, at } = trial;
  if (!publicBits(privateKey).equals(certificate.key.keyBits)) return { ok: false, misfit: 'key-differs' };
  if (certificate.notAfter <= at) return { ok: false, misfit: 'expired' };
  if (certificate.notBefore > at) return { ok: false, misfit: 'not-yet-valid' };
  if (certificate.basicConstraints?.ca !== true) return { ok: false, misfit: 'not-authority' };
  const chain = chainAbove(certificate, others);
  const root = chain.at(-1);
  if (root === undefined || !root.isSelfIssued) return { ok: false, misfit: 'no-root' };
  const { publicKey } = await generateKeyPair('P-256');
  for (const domain of trial.domains) {
    const misfit = await misfitFor(trial, domain, publicKey, chain, root);
    if (misfit !== null) return { ok: false, misfit };
  }
  return { ok: true, chain };
}

async function misfitFor(
  { certificate, privateKey, policyOid, at }: AuthorityTrial,
  domain: string,
  publicKey: Buffer,
  chain: readonly Certificate[],
  root: Certificate,
): Promise<AuthorityMisfit | null> {
  const address = `trial.certificate@${domain}`;
  const life = { notBefore: at, notAfter: new Date(at.getTime() + HOUR_MS) };
  const options = { issuer: { certificate, privateKey }, name: 'Trial', address, publicKey, policyOid, ...life };
  try {
    const leaf = await issuePersonalCertificate({ ...options, usage: 'sign' });
    const verdict = validatePath({ leaf, candidates: [certificate, ...chain], anchors: [root], at, purpose: 'email' });
    if (verdict.valid) return null;
    const fault = verdict.faults[0];
    if (fault?.reason === 'expired' || fault?.reason === 'not-yet-valid') return fault.reason;
    return (fault && MISFITS[fault.rule]) ?? 'path-invalid';
  } catch (error) {
    if (error instanceof PkiError) return 'key-unusable';
    throw error;
  }
}

function publicBits(privateKey: Buffer): Buffer {
  const key = createPublicKey(createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }));
  return readPublicKeyInfo(readWhole(key.export({ format: 'der', type: 'spki' }))).keyBits;
}
