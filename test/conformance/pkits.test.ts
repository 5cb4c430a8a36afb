/**
 * NIST PKITS 1.0.1 (SHA-256 edition), complete: every case as NIST expects it, through the function that the message page
 * calls, with revocation required. The two valid cases that hold only with DSA are refused as weak.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { parseRevocationList } from '../../src/pki/crl.ts';
import { PkiError } from '../../src/pki/errors.ts';
import { type PathVerdict, validatePath } from '../../src/pki/path.ts';
import { ANY_POLICY } from '../../src/pki/policies.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = path.resolve(ROOT, process.env['SEALPOST_SUITES'] ?? '../shared/suites', 'pkits');
const JUDGED_AT = new Date('2011-04-15T00:00:00Z');
/** The test policies of PKITS section 3 are numbered below this arc. */
const TEST_POLICIES = '2.16.840.1.101.3.2.1.48';
/** Valid with DSA-1024 and SHA-1 only. */
const DSA_CASES = ['4.1.4', '4.1.5'];

interface PkitsCase {
  number: string;
  title: string;
  certs: string[];
  crls: string[];
  valid: boolean;
  initialPolicySet: string | null;
  explicit: boolean | null;
  inhibitMapping: boolean | null;
  inhibitAny: boolean | null;
}

if (!existsSync(FOLDER)) {
  const required = process.env['SEALPOST_REQUIRE_SUITES'] !== undefined;
  test('PKITS agrees in every case', { skip: required ? false : `${FOLDER} is missing` }, () => {
    assert.fail(`no suite in ${FOLDER}`);
  });
} else {
  const cases = JSON.parse(readFileSync(path.join(FOLDER, 'cases.json'), 'utf8')) as PkitsCase[];

  test('PKITS agrees in every case but the two that hold only with DSA', (t) => {
    const judged = cases.map((one) => ({ ...one, verdict: judge(one) }));
    const different = judged.filter((one) => one.verdict.valid !== one.valid);
    t.diagnostic(`PKITS: ${judged.length - different.length} of ${judged.length} cases as NIST expects`);
    assert.equal(judged.length, 247);
    assert.deepEqual(
      different.map(({ title, verdict }) => `${title}: ${verdict.reasons[0] ?? 'accepted'}`),
      [
        '4.1.4 Valid DSA Signatures Test4: weak-algorithm',
        '4.1.5 Valid DSA Parameter Inheritance Test5: weak-algorithm',
      ],
    );
  });

  test('PKITS paths that hold only with DSA are weak', () => {
    for (const number of DSA_CASES) {
      const one = cases.find((candidate) => candidate.number === number);
      assert.ok(one && judge(one).reasons.includes('weak-algorithm'));
    }
  });
}

/** A certificate that cannot be read has no path: NIST spoilt two signatures in a way that leaves unused bits. */
function judge(one: PkitsCase): Pick<PathVerdict, 'valid' | 'reasons'> {
  try {
    return judgeReadable(one);
  } catch (error) {
    assert.ok(error instanceof PkiError && error.code === 'malformed');
    return { valid: false, reasons: ['path-invalid'] };
  }
}

function judgeReadable(one: PkitsCase): PathVerdict {
  const certificates = one.certs.map((name) =>
    parseCertificate(readFileSync(path.join(FOLDER, 'certs', `${name}.crt`))),
  );
  const lists = one.crls.map((name) => parseRevocationList(readFileSync(path.join(FOLDER, 'crls', `${name}.crl`))));
  const [anchor, ...rest] = certificates;
  const leaf = rest.at(-1);
  assert.ok(anchor && leaf);
  return validatePath({
    leaf,
    candidates: rest.slice(0, -1),
    anchors: [anchor],
    at: JUDGED_AT,
    purpose: 'email',
    policies: {
      acceptable: one.initialPolicySet === null ? null : one.initialPolicySet.split(',').map(policyOid),
      explicit: one.explicit ?? false,
      inhibitMapping: one.inhibitMapping ?? false,
      inhibitAny: one.inhibitAny ?? false,
    },
    revocation: { lists, responses: [], now: JUDGED_AT, required: true },
  });
}

function policyOid(name: string): string {
  return name === 'anyPolicy' ? ANY_POLICY : `${TEST_POLICIES}.${name.replace('NIST-test-policy-', '')}`;
}
