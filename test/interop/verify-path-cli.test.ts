/** `sealpost verify-path` and `inspect --crls`, the real command: answers in order, faults of the input told apart from verdicts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { header, sealedAs } from '../support/crafted-mail.ts';
import { makePeople, type People } from '../support/smime-people.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const COMMAND = join(ROOT, 'bin/sealpost.mjs');
const PKITS = resolve(ROOT, process.env['SEALPOST_SUITES'] ?? '../shared/suites', 'pkits');
const NIST = '2.16.840.1.101.3.2.1.48';
const JUDGED_AT = '2011-04-15T00:00:00Z';

let people: People;
before(() => {
  people = makePeople();
  makeLists(people);
  writeFileSync(join(people.folder, 'noise.pem'), '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n');
});
after(() => people.remove());

/** Of the root: one list that names Bob, and one of an authority that nobody asked about. */
function makeLists({ folder, openssl }: People): void {
  for (const [name, revoked] of [
    ['root', ['bob']],
    ['other', []],
  ] as const) {
    const lines = [
      '[ca]',
      'default_ca = one',
      '[one]',
      `database = ${name}.txt`,
      'default_md = sha256',
      'default_crl_days = 7',
    ];
    writeFileSync(join(folder, `${name}.cnf`), `${lines.join('\n')}\n`);
    writeFileSync(join(folder, `${name}.txt`), '');
    const ca = ['ca', '-config', `${name}.cnf`, '-cert', `${name}.pem`, '-keyfile', `${name}.key`];
    for (const person of revoked) openssl(...ca, '-revoke', `${person}.pem`);
    openssl(...ca, '-gencrl', '-out', `${name}.crl`);
  }
}

function sealpost(...args: string[]) {
  const done = spawnSync(process.execPath, [COMMAND, ...args], { cwd: people.folder });
  const lines = done.stdout.toString().split('\n');
  return {
    status: done.status,
    stderr: done.stderr.toString(),
    stdout: done.stdout.toString(),
    lines: lines.slice(0, -1),
  };
}

const verify = (...args: string[]) => {
  const done = sealpost('verify-path', '--json', ...args);
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout);
};

describe('inspect with revocation lists', () => {
  const inspect = (person: 'alice' | 'bob', ...lists: string[]) => {
    const at = person === 'alice' ? people.alice : people.bob;
    writeFileSync(join(people.folder, 'signed.eml'), sealedAs(at, header(at.address)));
    const crls = lists.flatMap((list) => ['--crls', list]);
    const later = ['--at', new Date(Date.now() + 60_000).toISOString()];
    const done = sealpost('inspect', '--json', '--anchors', 'root.pem', ...crls, ...later, 'signed.eml');
    assert.equal(done.status, 0, done.stderr);
    const { signature, revocation } = JSON.parse(done.stdout);
    return [revocation, signature.status, ...signature.reasons];
  };

  it('T25 says good where the list of the issuer does not name the certificate', () => {
    assert.deepEqual(inspect('alice', 'root.crl'), ['good', 'trusted']);
    assert.deepEqual(inspect('alice', 'other.crl', 'root.crl'), ['good', 'trusted']);
  });

  it('T25 says revoked where it does, and the signature is invalid', () => {
    assert.deepEqual(inspect('bob', 'root.crl'), ['revoked', 'invalid', 'revoked']);
  });

  it('T25 says unchecked without a list, and with one of another issuer', () => {
    for (const lists of [[], ['other.crl']]) {
      assert.deepEqual(inspect('bob', ...lists), ['unchecked', 'trusted', 'revocation-unchecked']);
    }
  });

  it('T25 says unchecked without a list of an anchor, too, which none could name', () => {
    writeFileSync(join(people.folder, 'signed.eml'), sealedAs(people.alice, header()));
    for (const [lists, expected] of [
      [[], 'unchecked'],
      [['--crls', 'root.crl'], 'good'],
    ] as const) {
      const later = ['--at', new Date(Date.now() + 60_000).toISOString()];
      const done = sealpost('inspect', '--json', '--anchors', 'alice.pem', ...lists, ...later, 'signed.eml');
      assert.equal(JSON.parse(done.stdout).revocation, expected);
    }
  });

  it('S14 a list that is none or is not there is exit status 1 with the file named, and no answer', () => {
    writeFileSync(join(people.folder, 'signed.eml'), sealedAs(people.alice, header()));
    for (const list of ['noise.pem', 'missing.crl']) {
      const done = sealpost('inspect', '--json', '--anchors', 'root.pem', '--crls', list, 'signed.eml');
      assert.deepEqual([done.status, done.stdout], [1, ''], list);
      assert.match(done.stderr, /^sealpost: .+\n$/);
      assert.ok(done.stderr.includes(list), done.stderr);
    }
  });
});

describe('verify-path', () => {
  it('S01 answers one case with the path, the end certificate first', () => {
    const answer = verify('--anchors', 'root.pem', '--chain', 'alice.pem');
    assert.deepEqual(
      { ...answer, ms: typeof answer.ms },
      {
        id: 'alice.pem',
        valid: true,
        reasons: [],
        path: [people.alice.certificate.sha256, people.root.sha256],
        ms: 'number',
      },
    );
    assert.deepEqual(verify('--anchors', 'root.pem', '--chain', 'eve.pem').valid, false);
  });

  it('T25 requires revocation with lists, and judges at a time and for a purpose', () => {
    const alice = ['--anchors', 'root.pem', '--chain', 'alice.pem'];
    assert.equal(verify(...alice, '--crls', 'root.crl').valid, true);
    assert.deepEqual(verify(...alice, '--crls', 'other.crl').reasons, ['revocation-unchecked']);
    assert.deepEqual(verify('--anchors', 'root.pem', '--chain', 'bob.pem', '--crls', 'root.crl').reasons, ['revoked']);
    assert.ok(verify(...alice, '--at', '2040-01-01T00:00:00Z').reasons.includes('expired'));
    assert.ok(verify(...alice, '--at', '2020-01-01T00:00:00Z').reasons.includes('not-yet-valid'));
    assert.equal(verify(...alice, '--purpose', 'any').valid, true);
  });

  it('T25 a certificate or a list that cannot be read as one is malformed, not an error', () => {
    for (const files of [
      ['--anchors', 'root.pem', '--chain', 'noise.pem'],
      ['--anchors', 'noise.pem', '--chain', 'alice.pem'],
      ['--anchors', 'root.pem', '--chain', 'alice.pem', '--crls', 'noise.pem'],
    ]) {
      const { valid, reasons, path } = verify(...files);
      assert.deepEqual({ valid, reasons, path }, { valid: false, reasons: ['malformed'], path: [] });
    }
  });

  it('S14 a file that is not there is exit status 1 with the file named', () => {
    const done = sealpost('verify-path', '--json', '--anchors', 'root.pem', '--chain', 'missing.pem');
    assert.deepEqual([done.status, done.stdout], [1, '']);
    assert.match(done.stderr, /^sealpost: .*missing\.pem/);
  });

  it('S14 wrong use is exit status 2 with the usage', () => {
    for (const args of [
      [],
      ['--json'],
      ['--json', '--anchors', 'root.pem'],
      ['--json', '--chain', 'alice.pem'],
      ['--json', '--anchors', 'root.pem', '--chain', 'alice.pem', '--at', 'yesterday'],
      ['--json', '--anchors', 'root.pem', '--chain', 'alice.pem', '--purpose', 'web'],
      ['--json', '--anchors', 'root.pem', '--chain', 'alice.pem', '--policies', 'any policy'],
      ['--json', '--anchors', 'root.pem', '--chain', 'alice.pem', '--no-such-option'],
      ['--json', '--anchors', 'root.pem', '--chain', 'alice.pem', 'more.pem'],
      ['--batch', 'cases.jsonl', '--chain', 'alice.pem'],
    ]) {
      const done = sealpost('verify-path', ...args);
      assert.deepEqual([done.status, done.stdout], [2, ''], args.join(' '));
      assert.match(done.stderr, /^usage: sealpost verify-path/);
    }
  });
});

describe('verify-path --batch', () => {
  const batch = (...lines: (object | string)[]) => {
    const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
    writeFileSync(join(people.folder, 'cases.jsonl'), `${text}\n`);
    return sealpost('verify-path', '--batch', 'cases.jsonl');
  };
  const anchors = ['root.pem'];

  it('S14 gives one answer per line in the order of the lines', () => {
    const names = ['alice', 'eve', 'bob', 'carol', 'dave', 'alice'];
    const done = batch(...names.map((name, index) => ({ id: `${index} ${name}`, anchors, chain: [`${name}.pem`] })));
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(
      done.lines.map((line) => JSON.parse(line)).map(({ id, valid }) => [id, valid]),
      names.map((name, index) => [`${index} ${name}`, name !== 'eve']),
    );
  });

  it('S14 what cannot be read gets its answer in its place, its line on standard error, and exit status 1', () => {
    const done = batch(
      { id: 'first', anchors, chain: ['alice.pem'] },
      { id: 'malformed', anchors, chain: ['noise.pem'] },
      { id: 'missing', anchors, chain: ['missing.pem'] },
      '{ no json',
      { id: 'list', anchors: 'root.pem', chain: ['alice.pem'] },
      { id: 'time', anchors, chain: ['alice.pem'], at: 'yesterday' },
      { id: 'purpose', anchors, chain: ['alice.pem'], purpose: 'web' },
      { id: 'flag', anchors, chain: ['alice.pem'], explicitPolicy: 'no' },
      { id: 'policies', anchors, chain: ['alice.pem'], policies: ['any policy'] },
      { id: 'last', anchors, chain: ['alice.pem'], crls: null, policies: null, at: null, purpose: null },
    );
    assert.equal(done.status, 1);
    const answers = done.lines.map((line) => JSON.parse(line));
    assert.deepEqual(
      answers.map(({ id, valid, error }) => [id, valid ?? 'error', typeof error]),
      [
        ['first', true, 'undefined'],
        ['malformed', false, 'undefined'],
        ['missing', 'error', 'string'],
        [null, 'error', 'string'],
        ['list', 'error', 'string'],
        ['time', 'error', 'string'],
        ['purpose', 'error', 'string'],
        ['flag', 'error', 'string'],
        ['policies', 'error', 'string'],
        ['last', true, 'undefined'],
      ],
    );
    assert.deepEqual(answers[1].reasons, ['malformed']);
    const told = done.stderr.trimEnd().split('\n');
    assert.deepEqual(
      told.map((line) => /^sealpost: cases\.jsonl, line (\d): ./.exec(line)?.[1]),
      ['3', '4', '5', '6', '7', '8', '9'],
    );
    assert.match(told[0] ?? '', /missing\.pem/);
  });

  it('S14 a file of cases that is not there is exit status 1, an empty one has no answers', () => {
    const missing = sealpost('verify-path', '--batch', 'missing.jsonl');
    assert.deepEqual([missing.status, missing.stdout], [1, '']);
    assert.match(missing.stderr, /^sealpost: .*missing\.jsonl/);
    const empty = batch('', '');
    assert.deepEqual([empty.status, empty.stdout], [0, '']);
  });
});

interface PkitsCase {
  number: string;
  certs: string[];
  crls: string[];
  valid: boolean;
  initialPolicySet: string | null;
  explicit: boolean | null;
  inhibitMapping: boolean | null;
  inhibitAny: boolean | null;
}

describe('verify-path with the settings of NIST’s cases', {
  skip: existsSync(PKITS) ? false : `${PKITS} is missing`,
}, () => {
  const cases = () => JSON.parse(readFileSync(join(PKITS, 'cases.json'), 'utf8')) as PkitsCase[];
  const policyOf = (name: string) =>
    name === 'anyPolicy' ? '2.5.29.32.0' : `${NIST}.${name.replace('NIST-test-policy-', '')}`;
  const caseOf = (one: PkitsCase) => {
    const [anchor = '', ...rest] = one.certs.map((name) => join(PKITS, 'certs', `${name}.crt`));
    return {
      id: one.number,
      anchors: [anchor],
      chain: rest.reverse(),
      crls: one.crls.map((name) => join(PKITS, 'crls', `${name}.crl`)),
      at: JUDGED_AT,
      policies: one.initialPolicySet?.split(',').map(policyOf) ?? null,
      explicitPolicy: one.explicit ?? false,
      inhibitMapping: one.inhibitMapping ?? false,
      inhibitAnyPolicy: one.inhibitAny ?? false,
    };
  };
  const optionsOf = ({ anchors, chain, crls, ...one }: ReturnType<typeof caseOf>) => [
    ...anchors.flatMap((file) => ['--anchors', file]),
    ...chain.flatMap((file) => ['--chain', file]),
    ...crls.flatMap((file) => ['--crls', file]),
    ...['--at', one.at],
    ...(one.policies ? ['--policies', one.policies.join(',')] : []),
    ...(one.explicitPolicy ? ['--explicit-policy'] : []),
    ...(one.inhibitMapping ? ['--inhibit-mapping'] : []),
    ...(one.inhibitAnyPolicy ? ['--inhibit-any-policy'] : []),
  ];

  it('S01 a batch of all 247 is answered as NIST expects, but for the two that hold only with DSA', () => {
    const all = cases();
    writeFileSync(join(people.folder, 'pkits.jsonl'), all.map((one) => JSON.stringify(caseOf(one))).join('\n'));
    const done = sealpost('verify-path', '--batch', 'pkits.jsonl');
    assert.equal(done.status, 0, done.stderr);
    const answers = done.lines.map((line) => JSON.parse(line));
    assert.deepEqual(
      answers.map(({ id }) => id),
      all.map(({ number }) => number),
    );
    const different = all.filter((one, index) => answers[index].valid !== one.valid);
    assert.deepEqual(
      different.map(({ number }) => number),
      ['4.1.4', '4.1.5'],
    );
  });

  it('S01 each option of the command line counts: with it the answer of NIST, without it another', () => {
    const all = cases();
    const settings = { initialPolicySet: 0, explicit: 0, inhibitMapping: 0, inhibitAny: 0 };
    for (const setting of Object.keys(settings) as (keyof typeof settings)[]) {
      const deciding = all.find((one) => {
        if (!one[setting] || one.initialPolicySet === 'anyPolicy') return false;
        const without = { ...one, [setting]: null };
        return verify(...optionsOf(caseOf(one))).valid !== verify(...optionsOf(caseOf(without))).valid;
      });
      assert.ok(deciding, `no case where ${setting} decides`);
      assert.equal(verify(...optionsOf(caseOf(deciding))).valid, deciding.valid, deciding.number);
    }
  });
});
