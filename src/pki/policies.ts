/**
 * Certificate policies along a path (RFC 5280 section 6.1) as a graph, which grows with the size of the certificates
 * only, where the tree of that document grows exponentially (RFC 9618).
 */
import type { Certificate } from './certificate.ts';
import { EXTENSION } from './certificate-extensions.ts';
import { children, contentOf, Fields, oidOf, readWhole, TAG, unsignedNumber } from './der.ts';
import { PkiError } from './errors.ts';

export const ANY_POLICY = '2.5.29.32.0';

/** Most policies, and most mappings, of one certificate: real ones have a handful. */
const MAX_POLICIES = 1000;

/** What a user asks of policies (RFC 5280 section 6.1.1 c and e to g); nothing by default. */
export interface PolicyDemands {
  /** Object identifiers of which one is enough; null for any. */
  readonly acceptable: readonly string[] | null;
  readonly explicit: boolean;
  readonly inhibitMapping: boolean;
  readonly inhibitAny: boolean;
}

export const NO_POLICY_DEMANDS: PolicyDemands = {
  acceptable: null,
  explicit: false,
  inhibitMapping: false,
  inhibitAny: false,
};

/** A policy of one certificate; `parents` are the policies one level up through which it is reached. */
interface PolicyNode {
  expected: ReadonlySet<string>;
  readonly parents: ReadonlySet<string>;
}

/** By policy; a set has one node for each of its policies. */
type Level = Map<string, PolicyNode>;

interface Mapping {
  readonly from: string;
  readonly to: string;
}

/**
 * Whether the policies of a path, leaf first with the anchor last, satisfy what the path and the user demand. The anchor's
 * own extensions play no part. Throws PkiError for extensions that cannot be read.
 */
export function policiesHold(path: readonly Certificate[], demands: PolicyDemands): boolean {
  const walk = new PolicyWalk(path.length - 1, demands);
  for (let index = path.length - 2; index >= 0; index -= 1) {
    if (!walk.enter(path[index] as Certificate, index === 0)) return false;
  }
  return walk.accepts();
}

class PolicyWalk {
  readonly #demands: PolicyDemands;
  // Null once no policy is valid any more; it never comes back.
  #levels: Level[] | null = [new Map([[ANY_POLICY, { expected: new Set([ANY_POLICY]), parents: new Set() }]])];
  // How many more certificates may pass before the rule applies; 0 means that it applies.
  #explicitIn: number;
  #mappingEndsIn: number;
  #anyEndsIn: number;

  constructor(length: number, demands: PolicyDemands) {
    this.#demands = demands;
    this.#explicitIn = demands.explicit ? 0 : length + 1;
    this.#mappingEndsIn = demands.inhibitMapping ? 0 : length + 1;
    this.#anyEndsIn = demands.inhibitAny ? 0 : length + 1;
  }

  /** Takes the next certificate towards the leaf. False when the path fails here. */
  enter(certificate: Certificate, isLeaf: boolean): boolean {
    this.#addLevel(certificate, isLeaf);
    if (this.#explicitIn === 0 && this.#levels === null) return false;
    if (!isLeaf) {
      if (!this.#map(readMappings(certificate))) return false;
      if (!certificate.isSelfIssued) this.#countDown();
    } else if (this.#explicitIn > 0) this.#explicitIn -= 1;
    this.#tighten(certificate, isLeaf);
    return true;
  }

  /** Section 6.1.5 g. */
  accepts(): boolean {
    return this.#explicitIn > 0 || this.#reachesAcceptable();
  }

  // Section 6.1.3 d and e.
  #addLevel(certificate: Certificate, isLeaf: boolean): void {
    const policies = readPolicies(certificate);
    const above = this.#levels?.at(-1);
    if (policies === null || above === undefined) {
      this.#levels = null;
      return;
    }
    const expecting = whoExpects(above);
    const level: Level = new Map();
    for (const policy of policies) {
      if (policy === ANY_POLICY) continue;
      const parents = expecting.get(policy) ?? (above.has(ANY_POLICY) ? new Set([ANY_POLICY]) : null);
      if (parents !== null) level.set(policy, { expected: new Set([policy]), parents });
    }
    if (policies.has(ANY_POLICY) && (this.#anyEndsIn > 0 || (!isLeaf && certificate.isSelfIssued))) {
      for (const [policy, parents] of expecting) {
        if (!level.has(policy)) level.set(policy, { expected: new Set([policy]), parents });
      }
    }
    if (level.size === 0) this.#levels = null;
    else this.#levels?.push(level);
  }

  // Section 6.1.4 a and b.
  #map(mappings: readonly Mapping[]): boolean {
    if (mappings.some(({ from, to }) => from === ANY_POLICY || to === ANY_POLICY)) return false;
    const level = this.#levels?.at(-1);
    if (level === undefined) return true;
    const targets = Map.groupBy(mappings, ({ from }) => from);
    for (const [from, to] of targets) {
      const node = level.get(from);
      if (this.#mappingEndsIn === 0) level.delete(from);
      else if (node !== undefined) node.expected = new Set(to.map((one) => one.to));
      else if (level.has(ANY_POLICY)) {
        level.set(from, { expected: new Set(to.map((one) => one.to)), parents: new Set([ANY_POLICY]) });
      }
    }
    if (level.size === 0) this.#levels = null;
    return true;
  }

  // Section 6.1.4 h.
  #countDown(): void {
    this.#explicitIn = Math.max(0, this.#explicitIn - 1);
    this.#mappingEndsIn = Math.max(0, this.#mappingEndsIn - 1);
    this.#anyEndsIn = Math.max(0, this.#anyEndsIn - 1);
  }

  // Section 6.1.4 i and j; of a leaf only an explicit policy demanded at once counts (section 6.1.5 b).
  #tighten(certificate: Certificate, isLeaf: boolean): void {
    const { requireExplicit, inhibitMapping } = readPolicyConstraints(certificate);
    if (isLeaf) {
      if (requireExplicit === 0) this.#explicitIn = 0;
      return;
    }
    this.#explicitIn = Math.min(this.#explicitIn, requireExplicit);
    this.#mappingEndsIn = Math.min(this.#mappingEndsIn, inhibitMapping);
    this.#anyEndsIn = Math.min(this.#anyEndsIn, readInhibitAnyPolicy(certificate));
  }

  /**
   * Whether a policy of the leaf descends from one that the user accepts. The user names policies in the words of the anchor:
   * those counted are the ones that stand directly below anyPolicy (RFC 9618 section 5.6).
   */
  #reachesAcceptable(): boolean {
    if (this.#levels === null) return false;
    const { acceptable } = this.#demands;
    if (acceptable === null || acceptable.includes(ANY_POLICY)) return true;
    let reached = new Set([ANY_POLICY]);
    for (const level of this.#levels.slice(1)) {
      const next = new Set<string>();
      for (const [policy, { parents }] of level) {
        const named = parents.has(ANY_POLICY) && (policy === ANY_POLICY || acceptable.includes(policy));
        const inherited = [...parents].some((parent) => parent !== ANY_POLICY && reached.has(parent));
        if ((named && reached.has(ANY_POLICY)) || inherited) next.add(policy);
      }
      reached = next;
    }
    // anyPolicy at the leaf stands for every policy the user named.
    return reached.size > 0 && (acceptable.length > 0 || [...reached].some((policy) => policy !== ANY_POLICY));
  }
}

function whoExpects(level: Level): Map<string, Set<string>> {
  const expecting = new Map<string, Set<string>>();
  for (const [policy, { expected }] of level) {
    for (const one of expected) {
      const parents = expecting.get(one);
      if (parents === undefined) expecting.set(one, new Set([policy]));
      else parents.add(policy);
    }
  }
  return expecting;
}

/** Null when the certificate has no such extension. One policy twice is refused (RFC 5280 section 4.2.1.4). */
function readPolicies(certificate: Certificate): Set<string> | null {
  const extension = certificate.extensions.get(EXTENSION.certificatePolicies);
  if (extension === undefined) return null;
  const policies = new Set<string>();
  for (const information of children(readWhole(extension.value))) {
    const policy = oidOf(new Fields(information).next(TAG.oid));
    if (policies.has(policy)) throw new PkiError('malformed', `policy ${policy} occurs twice`);
    if (policies.size === MAX_POLICIES) throw new PkiError('too-complex', 'too many policies');
    policies.add(policy);
  }
  if (policies.size === 0) throw new PkiError('malformed', 'certificatePolicies is empty');
  return policies;
}

function readMappings(certificate: Certificate): Mapping[] {
  const extension = certificate.extensions.get(EXTENSION.policyMappings);
  if (extension === undefined) return [];
  const pairs = children(readWhole(extension.value));
  if (pairs.length > MAX_POLICIES) throw new PkiError('too-complex', 'too many policy mappings');
  return pairs.map((pair) => {
    const fields = new Fields(pair);
    return { from: oidOf(fields.next(TAG.oid)), to: oidOf(fields.next(TAG.oid)) };
  });
}

/** Infinity where the extension does not say it. */
function readPolicyConstraints(certificate: Certificate): { requireExplicit: number; inhibitMapping: number } {
  const extension = certificate.extensions.get(EXTENSION.policyConstraints);
  if (extension === undefined) return { requireExplicit: Infinity, inhibitMapping: Infinity };
  const fields = new Fields(readWhole(extension.value));
  const requireExplicit = fields.optional(0x80);
  const inhibitMapping = fields.optional(0x81);
  // Section 4.2.1.11: never empty.
  if (requireExplicit === null && inhibitMapping === null)
    throw new PkiError('malformed', 'policyConstraints is empty');
  return {
    requireExplicit: requireExplicit === null ? Infinity : unsignedNumber(contentOf(requireExplicit)),
    inhibitMapping: inhibitMapping === null ? Infinity : unsignedNumber(contentOf(inhibitMapping)),
  };
}

function readInhibitAnyPolicy(certificate: Certificate): number {
  const extension = certificate.extensions.get(EXTENSION.inhibitAnyPolicy);
  if (extension === undefined) return Infinity;
  const node = readWhole(extension.value);
  if (node.tag !== TAG.integer) throw new PkiError('malformed', 'inhibitAnyPolicy');
  return unsignedNumber(contentOf(node));
}
