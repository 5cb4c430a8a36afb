/** Whether a certificate was revoked, from lists (RFC 5280 section 6.3.3) and from OCSP responses (RFC 6960 section 3.2). */
import { type Certificate, isAuthority } from './certificate.ts';
import { EXTENSION } from './certificate-extensions.ts';
import { CRL_REASON, type FoundEntry, findEntry, type RevocationList, type RevokedEntry } from './crl.ts';
import { ALL_REASONS, type DistributionPoint, type ReasonMask, readDistributionPoints } from './distribution-point.ts';
import { PkiError } from './errors.ts';
import { sameGeneralName, sameName } from './name.ts';
import { findResponse, isAuthorisedResponse, type OcspResponse, type SingleResponse } from './ocsp.ts';

/** What is at hand to tell it. Nothing is fetched here. */
export interface RevocationEvidence {
  readonly lists: readonly RevocationList[];
  readonly responses: readonly OcspResponse[];
  /** The present: evidence from later is none. What counts is whether it was revoked at the time of the question. */
  readonly now: Date;
}

export interface RevocationStatus {
  readonly status: 'good' | 'revoked' | 'unchecked';
  readonly revokedAt: Date | null;
  /** CRLReason (RFC 5280 section 5.3.1); null when none is given. */
  readonly reason: number | null;
  /** SHA-256 of the lists and responses that say so. */
  readonly evidence: readonly string[];
  /** When the oldest of them was published. */
  readonly publishedAt: Date | null;
}

export interface RevocationQuestion {
  readonly certificate: Certificate;
  /** Its issuer on the path. */
  readonly issuer: Certificate;
  readonly at: Date;
  readonly evidence: RevocationEvidence;
  /** Whose key signed this list, entitled to it below the same anchor; null when nobody is. */
  publisherOf(list: RevocationList): Certificate | null;
  /** Whether this key signed this list. */
  signed(list: RevocationList, publisher: Certificate): boolean;
}

/** Nothing is known. */
export const UNCHECKED: RevocationStatus = {
  status: 'unchecked',
  revokedAt: null,
  reason: null,
  evidence: [],
  publishedAt: null,
};

/** What says so, and when it was published. */
interface Source {
  readonly sha256: string;
  readonly thisUpdate: Date;
}
const DAY_MS = 24 * 3_600_000;

/** Revoked when any evidence says so; unchecked when none says anything. Never throws. */
export function revocationStatus(question: RevocationQuestion): RevocationStatus {
  const byResponse = statusFromResponses(question);
  if (byResponse.status === 'revoked') return byResponse;
  const byList = statusFromLists(question);
  if (byList.status === 'revoked' || byResponse.status === 'unchecked') return byList;
  return byList.status === 'good' ? { ...byList, evidence: [...byResponse.evidence, ...byList.evidence] } : byResponse;
}

function statusFromResponses({ certificate, issuer, at, evidence }: RevocationQuestion): RevocationStatus {
  const found = evidence.responses
    .flatMap((response) => {
      const single = findResponse(response, certificate, issuer);
      return single === null || single.status === 'unknown' ? [] : [{ response, single }];
    })
    .filter(({ single }) => isCurrent(single, certificate, at, evidence.now, DAY_MS))
    .filter(({ response, single }) => isAuthorisedResponse(response, issuer, single.thisUpdate))
    .toSorted((a, b) => b.single.thisUpdate.getTime() - a.single.thisUpdate.getTime());
  const newest = found[0];
  if (newest === undefined) return UNCHECKED;
  const sources = [{ sha256: newest.response.sha256, thisUpdate: newest.single.thisUpdate }];
  return wasRevoked(newest.single, at) ? revoked(newest.single, sources) : good(sources);
}

/**
 * Whether evidence tells about `at`: published by now, and not overtaken at `at`. What was published after a certificate's end may
 * no longer name it, so that only revocation can be taken from it.
 */
function isCurrent(
  { thisUpdate, nextUpdate }: { thisUpdate: Date; nextUpdate: Date | null },
  certificate: Certificate,
  at: Date,
  now: Date,
  lifeWithoutEndMs: number,
): boolean {
  const end = nextUpdate?.getTime() ?? thisUpdate.getTime() + lifeWithoutEndMs;
  return thisUpdate <= now && at.getTime() < end && thisUpdate.getTime() <= certificate.notAfter.getTime() + 1000;
}

function statusFromLists(question: RevocationQuestion): RevocationStatus {
  try {
    return new ListSearch(question).status();
  } catch (error) {
    // Distribution points or entries that cannot be read: then nothing is known.
    if (error instanceof PkiError) return UNCHECKED;
    throw error;
  }
}

/** By the number where two were published within one second (RFC 5280 section 5.2.3). */
function newestFirst(a: RevocationList, b: RevocationList): number {
  const [first, second] = [a.number ?? 0n, b.number ?? 0n];
  const byNumber = first === second ? 0 : first < second ? 1 : -1;
  return b.thisUpdate.getTime() - a.thisUpdate.getTime() || byNumber;
}

class ListSearch {
  readonly #question: RevocationQuestion;
  readonly #complete: RevocationList[];
  readonly #deltas: RevocationList[];
  // A certificate may name thousands of points; each list is looked at once.
  readonly #publishers = new Map<RevocationList, Certificate | null>();
  readonly #found = new Map<RevocationList, FoundEntry & { sources: Source[] }>();
  readonly #counted = new Set<RevocationList>();
  readonly #sources: Source[] = [];
  #covered: ReasonMask = 0;

  constructor(question: RevocationQuestion) {
    this.#question = question;
    const { certificate, at, evidence } = question;
    const current = evidence.lists
      .filter((list) => isCurrent(list, certificate, at, evidence.now, 0))
      .toSorted(newestFirst);
    this.#complete = current.filter((list) => list.deltaBase === null);
    this.#deltas = current.filter((list) => list.deltaBase !== null);
  }

  status(): RevocationStatus {
    for (const point of this.#points()) {
      for (const list of this.#complete) {
        const entry = this.#judge(list, point);
        if (entry !== null) return revoked(entry, this.#sources);
      }
    }
    return this.#covered === ALL_REASONS ? good(this.#sources) : UNCHECKED;
  }

  /** Those of the certificate, and last the list that its issuer publishes of all. */
  #points(): DistributionPoint[] {
    const { certificate } = this.#question;
    const extension = certificate.extensions.get(EXTENSION.crlDistributionPoints);
    const issuers: DistributionPoint = {
      names: [{ kind: 'directoryName', name: certificate.issuerName }],
      reasons: ALL_REASONS,
      crlIssuer: null,
    };
    return extension === undefined
      ? [issuers]
      : [...readDistributionPoints(extension.value, certificate.issuerName), issuers];
  }

  /** The entry that revokes the certificate, if this list has one for it; otherwise notes the reasons that it rules out. */
  #judge(list: RevocationList, point: DistributionPoint): RevokedEntry | null {
    const { certificate, at } = this.#question;
    const reasons = reasonsInScope(list, point, certificate);
    // Where all reasons are ruled out already the lists of others are looked at still: one of them may have taken it back.
    if (reasons === 0 || this.#isOvertaken(list)) return null;
    const publisher = this.#publisherOf(list);
    if (publisher === null) return null;
    const { entry, unreadable, sources } = this.#lookUp(list, publisher);
    if (entry !== null && wasRevoked(entry, at)) {
      this.#sources.push(...sources);
      return entry;
    }
    if (unreadable) return null;
    this.#counted.add(list);
    if ((reasons & ~this.#covered) === 0) return null;
    this.#sources.push(...sources);
    this.#covered |= reasons;
    return null;
  }

  /** Whether a newer list of the same publisher, key and scope was looked at. */
  #isOvertaken(list: RevocationList): boolean {
    if (this.#counted.has(list)) return false;
    return [...this.#counted].some(
      (newer) =>
        sameName(newer.issuerName, list.issuerName) &&
        sameBytes(newer.pointRaw, list.pointRaw) &&
        sameBytes(newer.authorityKeyIdentifier, list.authorityKeyIdentifier),
    );
  }

  #lookUp(list: RevocationList, publisher: Certificate): FoundEntry & { sources: Source[] } {
    const known = this.#found.get(list);
    if (known !== undefined) return known;
    const delta = this.#deltaOf(list, publisher);
    const sources = delta === null ? [list] : [list, delta];
    const found = { ...lookUp(list, delta, this.#question.certificate), sources };
    this.#found.set(list, found);
    return found;
  }

  #publisherOf(list: RevocationList): Certificate | null {
    const known = this.#publishers.get(list);
    if (known !== undefined) return known;
    const publisher = this.#question.publisherOf(list);
    this.#publishers.set(list, publisher);
    return publisher;
  }

  /** The newest delta that updates this list: same publisher and key, same scope, numbers that fit (section 5.2.4). */
  #deltaOf(list: RevocationList, publisher: Certificate): RevocationList | null {
    const fits = (delta: RevocationList) =>
      list.number !== null &&
      delta.number !== null &&
      delta.deltaBase !== null &&
      delta.deltaBase <= list.number &&
      delta.number > list.number &&
      sameName(delta.issuerName, list.issuerName) &&
      sameBytes(delta.pointRaw, list.pointRaw) &&
      sameBytes(delta.authorityKeyIdentifier, list.authorityKeyIdentifier) &&
      !delta.unknownCriticalExtension &&
      this.#question.signed(delta, publisher);
    return this.#deltas.find(fits) ?? null;
  }
}

/** For which reasons this list tells about the certificate at this point (section 6.3.3 b and d); none when it does not. */
function reasonsInScope(list: RevocationList, point: DistributionPoint, certificate: Certificate): ReasonMask {
  const scope = list.point;
  if (point.crlIssuer === null) {
    if (!sameName(list.issuerName, certificate.issuerName)) return 0;
  } else {
    const publishes = point.crlIssuer.some(
      (name) => name.kind === 'directoryName' && sameName(name.name, list.issuerName),
    );
    if (!publishes || !scope?.indirect) return 0;
  }
  if (scope === null) return point.reasons;
  if (scope.onlyAttributeCertificates) return 0;
  if (scope.onlyUserCertificates && isAuthority(certificate)) return 0;
  if (scope.onlyAuthorities && !isAuthority(certificate)) return 0;
  if (scope.names !== null) {
    const named = point.names ?? point.crlIssuer ?? [];
    if (!scope.names.some((name) => named.some((other) => sameGeneralName(name, other)))) return 0;
  }
  return scope.reasons & point.reasons;
}

/** What the delta says comes before the list (section 6.3.3 i to k). */
function lookUp(list: RevocationList, delta: RevocationList | null, certificate: Certificate): FoundEntry {
  const changed = delta === null ? null : findEntry(delta, certificate);
  const unreadable = list.unknownCriticalExtension || (changed?.unreadable ?? false);
  if (changed?.entry) {
    const released = changed.entry.reason === CRL_REASON.removeFromCrl;
    return { entry: released ? null : changed.entry, unreadable };
  }
  const found = findEntry(list, certificate);
  return { entry: found.entry, unreadable: unreadable || found.unreadable };
}

/** Revoked by `at`, or the key was possibly in other hands by then. */
function wasRevoked(
  entry: { status?: SingleResponse['status']; revokedAt: Date | null; invalidSince?: Date | null },
  at: Date,
): boolean {
  if (entry.revokedAt === null) return false;
  return (
    entry.revokedAt <= at ||
    (entry.invalidSince !== undefined && entry.invalidSince !== null && entry.invalidSince <= at)
  );
}

function revoked(
  entry: { revokedAt: Date | null; reason: number | null },
  sources: readonly Source[],
): RevocationStatus {
  return { status: 'revoked', revokedAt: entry.revokedAt, reason: entry.reason, ...published(sources) };
}

function good(sources: readonly Source[]): RevocationStatus {
  return { status: 'good', revokedAt: null, reason: null, ...published(sources) };
}

function published(sources: readonly Source[]): Pick<RevocationStatus, 'evidence' | 'publishedAt'> {
  const oldest = Math.min(...sources.map(({ thisUpdate }) => thisUpdate.getTime()));
  return { evidence: [...new Set(sources.map(({ sha256 }) => sha256))], publishedAt: new Date(oldest) };
}

/** Several that are good, as one. */
export function together(statuses: readonly RevocationStatus[]): RevocationStatus {
  const times = statuses.flatMap(({ publishedAt }) => (publishedAt === null ? [] : [publishedAt.getTime()]));
  return {
    status: 'good',
    revokedAt: null,
    reason: null,
    evidence: [...new Set(statuses.flatMap(({ evidence }) => evidence))],
    publishedAt: times.length === 0 ? null : new Date(Math.min(...times)),
  };
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
