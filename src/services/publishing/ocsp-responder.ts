import type { Config } from '../../config.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import { PkiError } from '../../pki/errors.ts';
import type { Authority } from '../../pki/issue.ts';
import {
  type AskedCertificate,
  type CertificateStatus,
  isAbout,
  type OcspRequest,
  readOcspRequest,
  writeOcspError,
  writeOcspResponse,
} from '../../pki/write-ocsp.ts';
import type { Database } from '../database/connect.ts';
import { openStatusSigner, signerInForce } from './status-signer.ts';

const HOUR_MS = 3_600_000;
const BACKDATED_MS = 60_000;
const LIFE_MS = 12 * HOUR_MS;
/** What is given from stock is good for this long at least. */
const LEFT_AT_LEAST_MS = 4 * HOUR_MS;
const STOCK_MOST = 5000;
/** Signatures for answers that cannot come from stock, for the whole world and each node. */
const FRESH_PER_SECOND = 20;
const FRESH_BURST = 40;

type Needs = { database: Database; config: Pick<Config, 'serverKeys'>; now: () => Date };

export interface GivenAnswer {
  readonly bytes: Buffer;
  /** Until when it may be kept; null: not at all. */
  readonly until: Date | null;
}

interface Found {
  readonly asked: AskedCertificate;
  readonly authorityId: string;
  readonly status: CertificateStatus;
}

/**
 * Answers OCSP requests about what the authorities here issued. Answers are signed once and given from stock while they last, so that a
 * flood costs a look-up each and no signature; a nonce is honoured as long as the rate of signatures allows it (RFC 9654 section 3).
 */
export class OcspResponder {
  readonly #needs: Needs;
  readonly #stock = new Map<string, { bytes: Buffer; until: Date }>();
  #tokens = FRESH_BURST;
  #refilledAt = 0;

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  async answer(bytes: Uint8Array): Promise<GivenAnswer> {
    let request: OcspRequest;
    try {
      request = readOcspRequest(bytes);
    } catch (error) {
      if (error instanceof PkiError) return { bytes: writeOcspError('malformedRequest'), until: null };
      throw error;
    }
    const found = await this.#lookUp(request.asked);
    const [first] = found;
    // One answer is signed by one: questions about several authorities at once, or about none of ours, have no answer here.
    if (first === undefined || found.some((one) => one?.authorityId !== first?.authorityId) || first === null)
      return { bytes: writeOcspError('unauthorized'), until: null };
    return this.#give(request, found as Found[], first.authorityId);
  }

  async #give(request: OcspRequest, found: readonly Found[], authorityId: string): Promise<GivenAnswer> {
    const at = this.#needs.now();
    const signer = await signerInForce(this.#needs.database, authorityId, at);
    if (signer === null) return { bytes: writeOcspError('tryLater'), until: null };
    const known = found.every(({ status }) => status.status !== 'unknown');
    const key = `${signer.sha256} ${found.map(({ asked, status }) => `${asked.raw.toString('hex')} ${stamp(status)}`).join()}`;
    const stocked = this.#stock.get(key);
    const inStock = stocked !== undefined && lastsAsLongAsAny(stocked.until, endOf(at, signer), at);
    const wantsFresh = request.nonce !== null || (!known && !inStock) || found.length > 1;
    const mayBeFresh = wantsFresh && this.#takeToken(at);
    if (request.nonce === null || !mayBeFresh) {
      if (inStock) return stocked;
      if (wantsFresh && !mayBeFresh && (!known || found.length > 1))
        return { bytes: writeOcspError('tryLater'), until: null };
    }
    const opened = await openStatusSigner(this.#needs, authorityId);
    if (opened === null) return { bytes: writeOcspError('tryLater'), until: null };
    const nonce = mayBeFresh ? request.nonce : null;
    const until = endOf(at, signer);
    const bytes = this.#sign(opened, found, { nonce, at, until });
    if (nonce !== null) return { bytes, until: null };
    this.#keep(key, { bytes, until });
    return { bytes, until };
  }

  #sign(
    opened: Authority,
    found: readonly Found[],
    { nonce, at, until }: { nonce: Buffer | null; at: Date; until: Date },
  ): Buffer {
    try {
      return writeOcspResponse({
        signer: opened.certificate,
        privateKey: opened.privateKey,
        answers: found,
        producedAt: at,
        thisUpdate: new Date(at.getTime() - BACKDATED_MS),
        nextUpdate: until,
        nonce,
      });
    } finally {
      opened.privateKey.fill(0);
    }
  }

  #keep(key: string, given: { bytes: Buffer; until: Date }): void {
    this.#stock.delete(key);
    this.#stock.set(key, given);
    const oldest = this.#stock.keys().next().value;
    if (this.#stock.size > STOCK_MOST && oldest !== undefined) this.#stock.delete(oldest);
  }

  #takeToken(at: Date): boolean {
    const passed = Math.max(0, at.getTime() - this.#refilledAt) / 1000;
    this.#tokens = Math.min(FRESH_BURST, this.#tokens + passed * FRESH_PER_SECOND);
    this.#refilledAt = at.getTime();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  async #lookUp(asked: readonly AskedCertificate[]): Promise<(Found | null)[]> {
    const authorities = await this.#needs.database.prisma.authority.findMany({
      where: { kind: 'issuing' },
      select: { id: true, certificate: true },
    });
    const known = authorities.map(({ id, certificate }) => ({ id, certificate: parseCertificate(certificate) }));
    return Promise.all(
      asked.map(async (one) => {
        const authority = known.find(({ certificate }) => isAbout(one, certificate));
        if (authority === undefined) return null;
        return { asked: one, authorityId: authority.id, status: await this.#statusOf(authority.id, one.serialNumber) };
      }),
    );
  }

  async #statusOf(authorityId: string, serialNumber: string): Promise<CertificateStatus> {
    const row = await this.#needs.database.prisma.issuedCertificate.findUnique({
      where: { authorityId_serialNumber: { authorityId, serialNumber } },
      select: { revokedAt: true, revocationReason: true },
    });
    if (row === null) return { status: 'unknown' };
    if (row.revokedAt === null || row.revokedAt > this.#needs.now()) return { status: 'good' };
    return { status: 'revoked', revokedAt: row.revokedAt, reason: row.revocationReason ?? 'unspecified' };
  }
}

function stamp(status: CertificateStatus): string {
  return status.status === 'revoked' ? `revoked ${status.revokedAt.getTime()} ${status.reason}` : status.status;
}

/** Near the signer's end a new answer would last no longer. */
function lastsAsLongAsAny(until: Date, possible: Date, at: Date): boolean {
  if (until <= at) return false;
  return until.getTime() - at.getTime() > LEFT_AT_LEAST_MS || until >= possible;
}

function endOf(at: Date, signer: { notAfter: Date }): Date {
  return new Date(Math.min(at.getTime() + LIFE_MS, signer.notAfter.getTime()));
}
