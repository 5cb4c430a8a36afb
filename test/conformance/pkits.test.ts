/**
 * NIST PKITS 1.0.1 (SHA-256 edition) without revocation and with RFC 5280's default policy inputs: nothing that must fail is accepted.
 * Left out of that question are the invalid cases whose only fault is in a CRL (sections 4.4, 4.14, 4.15 and the five
 * cases named below) or whose only fault is a policy the user demanded, which the product has no setting for.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { PkiError } from '../../src/pki/errors.ts';
import { type PathVerdict, validatePath } from '../../src/pki/path.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = path.resolve(ROOT, process.env['SEALPOST_SUITES'] ?? '../shared/suites', 'pkits');
const JUDGED_AT = new Date('2011-04-15T00:00:00Z');

interface PkitsCase {
  number: string;
  title: string;
  certs: string[];
  valid: boolean;
  initialPolicySet: unknown;
  userConstrained: unknown;
  explicit: unknown;
}

const REVOCATION_SECTIONS = /^4\.(4|14|15)\./;
// Self-issued or restricted keys that must not sign CRLs.
const REVOCATION_CASES = new Set(['4.5.2', '4.5.5', '4.5.7', '4.7.4', '4.7.5']);
// Sections in which every valid path is accepted; policies (4.8 to 4.12) and URI constraints fail closed so far.
const COMPLETE_SECTIONS = /^4\.(2|3|5|6|7|16)\./;

if (!existsSync(FOLDER)) {
  const required = process.env['SEALPOST_REQUIRE_SUITES'] !== undefined;
  test('PKITS has no false accepts', { skip: required ? false : 'suites are absent' }, () => {
    assert.fail(`no suite in ${FOLDER}`);
  });
} else {
  const cases = JSON.parse(readFileSync(path.join(FOLDER, 'cases.json'), 'utf8')) as PkitsCase[];

  test('PKITS has no false accepts among the cases that need neither revocation nor a policy of the user', () => {
    const asked = cases.filter((one) => !one.valid && !dependsOnOthers(one));
    const accepted = asked.filter((one) => verdictOf(one).valid);
    assert.deepEqual(
      accepted.map((one) => one.title),
      [],
    );
    assert.ok(asked.length > 60, `only ${asked.length} cases`);
  });

  test('PKITS has no false rejects in validity, names, self-issued certificates, constraints and key usage', () => {
    const asked = cases.filter((one) => one.valid && COMPLETE_SECTIONS.test(one.number));
    const rejected = asked.filter((one) => !verdictOf(one).valid);
    assert.deepEqual(
      rejected.map((one) => one.title),
      [],
    );
    assert.ok(asked.length > 20, `only ${asked.length} cases`);
  });

  test('PKITS paths that hold only with DSA are weak', () => {
    for (const number of ['4.1.4', '4.1.5']) {
      const one = cases.find((candidate) => candidate.number === number);
      assert.ok(one && judge(one).reasons.includes('weak-algorithm'));
    }
  });
}

function dependsOnOthers(one: PkitsCase): boolean {
  if (REVOCATION_SECTIONS.test(one.number) || REVOCATION_CASES.has(one.number)) return true;
  return one.number.startsWith('4.8.') && (one.initialPolicySet !== null || one.explicit !== null);
}

/** A certificate that cannot be read has no path: NIST spoilt two signatures in a way that leaves unused bits. */
function verdictOf(one: PkitsCase): Pick<PathVerdict, 'valid' | 'reasons'> {
  try {
    return judge(one);
  } catch (error) {
    assert.ok(error instanceof PkiError && error.code === 'malformed');
    return { valid: false, reasons: ['path-invalid'] };
  }
}

function judge(one: PkitsCase): PathVerdict {
  const certificates = one.certs.map((name) =>
    parseCertificate(readFileSync(path.join(FOLDER, 'certs', `${name}.crt`))),
  );
  const [anchor, ...rest] = certificates;
  const leaf = rest.at(-1);
  assert.ok(anchor && leaf);
  return validatePath({ leaf, candidates: rest.slice(0, -1), anchors: [anchor], at: JUDGED_AT, purpose: 'email' });
}
