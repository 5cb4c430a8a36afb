/**
 * OpenSSL as the judge of random certification paths: from one to six steps, with constraints, purposes, policies, dates
 * and revocation lists, whole or broken in one place. Both get the same certificates, lists and time; both must say the same.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { pemBlock } from '../../src/pki/certificate-bundle.ts';
import { parseRevocationList } from '../../src/pki/crl.ts';
import { type PathVerdict, validatePath } from '../../src/pki/path.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  crlNumber,
  directoryName,
  extendedKeyUsage,
  type ForgedExtension,
  type ForgedKey,
  forgeCertificate,
  forgeKey,
  forgeList,
  forgeName,
  generalName,
  inhibitAnyPolicy,
  keyUsage,
  nameConstraints,
  policyConstraints,
  policyMappings,
  subjectAltName,
  subjectKeyIdentifier,
} from '../support/certificate-forge.ts';

const AT = new Date('2026-06-15T12:00:00Z');
const LIFE = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2027-01-01T00:00:00Z') };
const PAST = { notBefore: new Date('2025-01-01T00:00:00Z'), notAfter: new Date('2026-06-01T00:00:00Z') };
const FUTURE = { notBefore: new Date('2026-07-01T00:00:00Z'), notAfter: new Date('2027-01-01T00:00:00Z') };
const EMAIL = '1.3.6.1.5.5.7.3.4';
const SERVER = '1.3.6.1.5.5.7.3.1';
const POLICY = '1.3.6.1.4.1.99999.7.1';
const OTHER_POLICY = '1.3.6.1.4.1.99999.7.2';
const ANY_POLICY = '2.5.29.32.0';

const LONG = process.env['SEALPOST_LONG'] !== undefined;
const CHAINS = LONG ? 2000 : 200;
const SEED = Number(process.env['SEALPOST_SEED'] ?? 20261128);

/** Leaf first, the anchor last; each with the list that it publishes. */
interface Link {
  name: Buffer;
  key: ForgedKey;
  serial: number;
  life: { notBefore: Date; notAfter: Date };
  extensions: ForgedExtension[];
  issuerName?: Buffer;
  breakSignature?: boolean;
  list: {
    thisUpdate: Date;
    nextUpdate: Date | null;
    revoked: number[];
    extensions: ForgedExtension[];
    signer?: ForgedKey;
  } | null;
}

type Fault = (chain: Link[], pick: (below: number) => number) => void;

const list = (chain: Link[], index: number) => {
  const found = chain[index]?.list;
  assert.ok(found);
  return found;
};
const link = (chain: Link[], index: number) => chain[index] as Link;
const without = (one: Link, oid: string) => one.extensions.filter((extension) => extension.oid !== oid);
/** An authority of the chain: not the leaf. */
const authority = (chain: Link[], pick: (below: number) => number) => 1 + pick(chain.length - 1);
/** Not the anchor. */
const below = (chain: Link[], pick: (below: number) => number) => pick(chain.length - 1);

const FAULTS: Record<string, Fault> = {
  'nothing broken': () => {},
  'nothing broken, again': () => {},
  expired: (chain, pick) => {
    link(chain, pick(chain.length)).life = PAST;
  },
  'not yet valid': (chain, pick) => {
    link(chain, pick(chain.length)).life = FUTURE;
  },
  'an authority that is none': (chain, pick) => {
    const one = link(chain, authority(chain, pick));
    one.extensions = [...without(one, '2.5.29.19'), basicConstraints(false)];
  },
  'an authority without basic constraints': (chain, pick) => {
    const one = link(chain, authority(chain, pick));
    one.extensions = without(one, '2.5.29.19');
  },
  'an authority that may not sign certificates': (chain, pick) => {
    const one = link(chain, authority(chain, pick));
    one.extensions = [...without(one, '2.5.29.15'), keyUsage(6)];
  },
  'a path longer than allowed': (chain, pick) => {
    const index = authority(chain, pick);
    const one = link(chain, index);
    one.extensions = [...without(one, '2.5.29.19'), basicConstraints(true, Math.max(0, index - 2))];
  },
  'a leaf for servers': (chain) => {
    const leaf = link(chain, 0);
    leaf.extensions = [...without(leaf, '2.5.29.37'), extendedKeyUsage(SERVER)];
  },
  'an authority for servers': (chain, pick) => {
    const one = link(chain, authority(chain, pick));
    one.extensions = [...without(one, '2.5.29.37'), extendedKeyUsage(SERVER)];
  },
  'an unknown critical extension': (chain, pick) => {
    link(chain, below(chain, pick)).extensions.push({ oid: '1.2.3.4', critical: true, value: Buffer.from([5, 0]) });
  },
  'an altered signature': (chain, pick) => {
    link(chain, below(chain, pick)).breakSignature = true;
  },
  'another issuer name': (chain, pick) => {
    link(chain, below(chain, pick)).issuerName = forgeName('Nobody');
  },
  'a mail domain not permitted': (chain, pick) => {
    constrain(link(chain, authority(chain, pick)), [generalName(1, 'elsewhere.example')], []);
  },
  'a mail domain excluded': (chain, pick) => {
    constrain(link(chain, authority(chain, pick)), [], [generalName(1, 'partner.example')]);
  },
  'a mail domain permitted': (chain, pick) => {
    constrain(link(chain, authority(chain, pick)), [generalName(1, 'partner.example')], []);
  },
  'mail below a domain permitted': (chain, pick) => {
    constrain(link(chain, authority(chain, pick)), [generalName(1, '.partner.example')], []);
  },
  'a directory name not permitted': (chain, pick) => {
    constrain(link(chain, authority(chain, pick)), [directoryName(forgeName('X', 'Elsewhere'))], []);
  },
  'a host not permitted': (chain, pick) => {
    addNames(link(chain, 0), generalName(2, 'www.partner.example'));
    constrain(link(chain, authority(chain, pick)), [generalName(2, 'elsewhere.example')], []);
  },
  'a host permitted': (chain, pick) => {
    addNames(link(chain, 0), generalName(2, 'www.partner.example'));
    constrain(link(chain, authority(chain, pick)), [generalName(2, 'partner.example')], []);
  },
  'a URI excluded': (chain, pick) => {
    addNames(link(chain, 0), generalName(6, 'http://www.partner.example/x'));
    constrain(link(chain, authority(chain, pick)), [], [generalName(6, '.partner.example')]);
  },
  'a URI permitted': (chain, pick) => {
    addNames(link(chain, 0), generalName(6, 'http://www.partner.example/x'));
    constrain(link(chain, authority(chain, pick)), [generalName(6, '.partner.example')], []);
  },
  'an IP address excluded': (chain, pick) => {
    addNames(link(chain, 0), generalName(7, Buffer.from([10, 1, 2, 3])));
    constrain(link(chain, authority(chain, pick)), [], [generalName(7, Buffer.from([10, 0, 0, 0, 255, 0, 0, 0]))]);
  },
  'an IP address permitted': (chain, pick) => {
    addNames(link(chain, 0), generalName(7, Buffer.from([10, 1, 2, 3])));
    constrain(link(chain, authority(chain, pick)), [generalName(7, Buffer.from([10, 0, 0, 0, 255, 0, 0, 0]))], []);
  },
  'the leaf revoked': (chain) => {
    list(chain, 1).revoked.push(link(chain, 0).serial);
  },
  'somebody revoked': (chain, pick) => {
    const index = below(chain, pick);
    list(chain, index + 1).revoked.push(link(chain, index).serial);
  },
  'somebody else revoked': (chain, pick) => {
    list(chain, authority(chain, pick)).revoked.push(1_000_000);
  },
  'a list that is over': (chain, pick) => {
    list(chain, authority(chain, pick)).nextUpdate = new Date('2026-06-10T00:00:00Z');
  },
  'a list of the future': (chain, pick) => {
    list(chain, authority(chain, pick)).thisUpdate = new Date('2026-06-20T00:00:00Z');
  },
  'a list missing': (chain, pick) => {
    link(chain, authority(chain, pick)).list = null;
  },
  'a list signed by another': (chain, pick) => {
    list(chain, authority(chain, pick)).signer = forgeKey();
  },
  'a list with an unknown critical extension': (chain, pick) => {
    const extension = { oid: '1.2.3.4', critical: true, value: Buffer.from([5, 0]) };
    list(chain, authority(chain, pick)).extensions.push(extension);
  },
  'an authority that may not sign lists': (chain, pick) => {
    const one = link(chain, authority(chain, pick));
    one.extensions = [...without(one, '2.5.29.15'), keyUsage(5)];
  },
  'a policy demanded and had': (chain, pick) => {
    for (const one of chain) one.extensions.push(certificatePolicies(POLICY));
    link(chain, authority(chain, pick)).extensions.push(policyConstraints(0, null));
  },
  'a policy demanded and missing': (chain, pick) => {
    for (const one of chain.slice(1)) one.extensions.push(certificatePolicies(POLICY));
    link(chain, authority(chain, pick)).extensions.push(policyConstraints(0, null));
  },
  'a policy demanded, another had': (chain, pick) => {
    const lowest = below(chain, pick);
    for (const [index, one] of chain.entries())
      one.extensions.push(certificatePolicies(index <= lowest ? OTHER_POLICY : POLICY));
    link(chain, authority(chain, pick)).extensions.push(policyConstraints(0, null));
  },
  'a policy mapped': (chain, pick) => {
    const mapper = authority(chain, pick);
    for (const [index, one] of chain.entries())
      one.extensions.push(certificatePolicies(index < mapper ? OTHER_POLICY : POLICY));
    link(chain, mapper).extensions.push(policyMappings([POLICY, OTHER_POLICY]));
    link(chain, chain.length - 1).extensions.push(policyConstraints(0, pick(2) === 0 ? null : pick(3)));
    link(chain, 1).extensions = link(chain, 1).extensions.filter(
      (extension, at, all) => all.findIndex(({ oid }) => oid === extension.oid) === at,
    );
    if (chain.length > 2) link(chain, chain.length - 2).extensions.push(policyConstraints(0, null));
    dropRepeats(chain);
  },
  'any policy, inhibited or not': (chain, pick) => {
    for (const one of chain) one.extensions.push(certificatePolicies(ANY_POLICY));
    link(chain, authority(chain, pick)).extensions.push(inhibitAnyPolicy(pick(4)), policyConstraints(0, null));
  },
};

function constrain(one: Link, permitted: Buffer[], excluded: Buffer[]): void {
  one.extensions.push(nameConstraints(permitted, excluded));
}

function addNames(one: Link, ...names: Buffer[]): void {
  one.extensions = [...without(one, '2.5.29.17'), subjectAltName(generalName(1, 'anna@partner.example'), ...names)];
}

function dropRepeats(chain: Link[]): void {
  for (const one of chain) {
    one.extensions = one.extensions.filter(
      ({ oid }, index, all) => all.findIndex((other) => other.oid === oid) === index,
    );
  }
}

function wholeChain(length: number, pick: (below: number) => number): Link[] {
  const keys = Array.from({ length }, () => KEYS[pick(KEYS.length)] as ForgedKey);
  const identifier = (index: number) => Buffer.from([7, 7, index]);
  return keys.map((key, index): Link => {
    const top = index === length - 1;
    const roomAbove =
      pick(2) === 0 ? [basicConstraints(true)] : [basicConstraints(true, Math.max(0, index - 1) + pick(3))];
    const own =
      index === 0
        ? [keyUsage(0), extendedKeyUsage(EMAIL), subjectAltName(generalName(1, 'anna@partner.example'))]
        : [...roomAbove, keyUsage(5, 6), ...(top || pick(3) > 0 ? [] : [extendedKeyUsage(EMAIL, SERVER)])];
    return {
      name: forgeName(index === 0 ? 'Anna' : `CA ${index} of ${length}`),
      key,
      serial: 1 + index * 100 + pick(90),
      life: LIFE,
      extensions: [
        ...own,
        subjectKeyIdentifier(identifier(index)),
        ...(top ? [] : [authorityKeyIdentifier(identifier(index + 1))]),
      ],
      list:
        index === 0
          ? null
          : {
              thisUpdate: new Date('2026-06-14T00:00:00Z'),
              nextUpdate: new Date('2026-06-20T00:00:00Z'),
              revoked: pick(2) === 0 ? [] : [2_000_000],
              extensions: [authorityKeyIdentifier(identifier(index)), crlNumber(1)],
            },
    };
  });
}

interface Encoded {
  certificates: Buffer[];
  lists: Buffer[];
}

function encode(chain: Link[]): Encoded {
  const certificates = chain.map((one, index) => {
    const issuer = chain[Math.min(index + 1, chain.length - 1)] as Link;
    const der = forgeCertificate({
      serial: one.serial,
      issuer: one.issuerName ?? issuer.name,
      subject: one.name,
      ...one.life,
      spki: one.key.spki,
      extensions: one.extensions,
      signer: issuer.key,
    });
    if (one.breakSignature) der[der.length - 1] = (der.at(-1) as number) ^ 1;
    return der;
  });
  const lists = chain.flatMap((one) => {
    if (one.list === null) return [];
    const { revoked, signer, ...rest } = one.list;
    const entries = revoked.map((serial) => ({ serial, at: new Date('2026-06-01T00:00:00Z') }));
    return [forgeList({ issuer: one.name, ...rest, revoked: entries, signer: signer ?? one.key })];
  });
  return { certificates, lists };
}

function ours({ certificates, lists }: Encoded): PathVerdict {
  const [leaf, ...rest] = certificates.map((der) => parseCertificate(der));
  assert.ok(leaf);
  return validatePath({
    leaf,
    candidates: rest.slice(0, -1),
    anchors: rest.slice(-1),
    at: AT,
    purpose: 'email',
    revocation: { lists: lists.map(parseRevocationList), responses: [], now: AT, required: true },
  });
}

function openssls({ certificates, lists }: Encoded): { valid: boolean; why: string } {
  const file = (name: string, label: string, ders: readonly Buffer[]) => {
    writeFileSync(path.join(folder, name), ders.map((der) => pemBlock(label, der)).join(''));
  };
  file('leaf.pem', 'CERTIFICATE', certificates.slice(0, 1));
  file('others.pem', 'CERTIFICATE', certificates.slice(1, -1));
  file('anchor.pem', 'CERTIFICATE', certificates.slice(-1));
  file('lists.pem', 'X509 CRL', lists);
  const args = ['verify', '-x509_strict', '-no-CApath', '-no-CAstore', '-CAfile', 'anchor.pem'];
  if (certificates.length > 2) args.push('-untrusted', 'others.pem');
  if (lists.length > 0) args.push('-CRLfile', 'lists.pem');
  args.push('-crl_check_all', '-policy', ANY_POLICY, '-purpose', 'smimesign', '-attime', String(AT.getTime() / 1000));
  const done = spawnSync('openssl', [...args, 'leaf.pem'], { cwd: folder, encoding: 'utf8' });
  return { valid: done.status === 0, why: done.stderr.replaceAll('\n', ' ') };
}

/** mulberry32: the same chains for the same seed. */
function pickerOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const KEYS = Array.from({ length: 12 }, forgeKey);
let folder: string;
before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sp-oracle-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test(`T25 OpenSSL judges ${CHAINS} random paths as we do`, (t) => {
  const pick = pickerOf(SEED);
  const names = Object.keys(FAULTS);
  const differences: string[] = [];
  let accepted = 0;
  for (let number = 0; number < CHAINS; number += 1) {
    const name = names[number % names.length] as string;
    const chain = wholeChain(2 + pick(6), pick);
    (FAULTS[name] as Fault)(chain, pick);
    const encoded = encode(chain);
    const [mine, theirs] = [ours(encoded), openssls(encoded)];
    if (mine.valid) accepted += 1;
    if (mine.valid !== theirs.valid)
      differences.push(`${number} ${name}: ${mine.reasons.join() || 'valid'} / ${theirs.why || 'valid'}`);
  }
  t.diagnostic(`${CHAINS} paths, ${accepted} of them valid, seed ${SEED}`);
  assert.deepEqual(differences, []);
  assert.ok(accepted > CHAINS / 10 && accepted < CHAINS / 2, `${accepted} valid`);
});

/** Where we decide otherwise, on purpose. */
const DIFFERENCES: { name: string; change: (chain: Link[]) => void; ours: string; why: string }[] = [
  {
    name: 'any extended key usage',
    change: (chain) => {
      const leaf = link(chain, 0);
      leaf.extensions = [...without(leaf, '2.5.29.37'), extendedKeyUsage('2.5.29.37.0')];
    },
    ours: 'valid',
    why: 'RFC 5280 section 4.2.1.12 lets anyExtendedKeyUsage stand for every purpose; OpenSSL wants the purpose by name',
  },
  {
    name: 'no key identifiers',
    change: (chain) => {
      for (const one of chain) {
        one.extensions = one.extensions.filter(({ oid }) => oid !== '2.5.29.14' && oid !== '2.5.29.35');
      }
    },
    ours: 'valid',
    why: 'they help to find a path and prove nothing; many private authorities leave them out, and RFC 5280 asks them of issuers',
  },
  {
    name: 'a list without an end',
    change: (chain) => {
      list(chain, 1).nextUpdate = null;
    },
    ours: 'revocation-unchecked',
    why: 'RFC 5280 section 5.1.2.5 demands nextUpdate: without it an old list could be shown for ever; OpenSSL takes it',
  },
];

test('T25 where we judge otherwise than OpenSSL, it is on purpose', () => {
  const pick = pickerOf(SEED);
  for (const { name, change, ours: expected, why } of DIFFERENCES) {
    const chain = wholeChain(3, pick);
    change(chain);
    const encoded = encode(chain);
    const [mine, theirs] = [ours(encoded), openssls(encoded)];
    assert.equal(mine.valid ? 'valid' : mine.reasons.join(), expected, `${name}: ${why}`);
    assert.notEqual(mine.valid, theirs.valid, `${name}: no difference any more`);
  }
});
