import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatsFor } from '../../../src/i18n/formats.ts';
import { LOCALES } from '../../../src/i18n/translate.ts';
import type { MailExchanger } from '../../../src/mail/mail-exchangers.ts';
import type { CheckLine, LineState, Subject } from '../../../src/services/setup-check/check-line.ts';
import { judgeNames, type RelayPlace } from '../../../src/services/setup-check/check-relays.ts';
import { judgeReports } from '../../../src/services/setup-check/check-reports.ts';
import { lineWords } from '../../../src/services/setup-check/check-words.ts';
import { inOrder } from '../../../src/services/setup-check/run-checks.ts';

const PROBES = 'no-name not-allowed refused unreachable timeout closed protocol';
const TLS = 'no-starttls untrusted expired wrong-name tls';
const LOGINS = 'refused unreachable tls timeout protocol no-service';

/** Every code with the states that it can have. */
const CODES: Record<Subject, Partial<Record<LineState, string>>> = {
  clock: { ok: 'ok', failed: 'off broken', 'not-tried': 'no-database' },
  database: { ok: 'ok', failed: 'no-answer old migrations broken' },
  queue: { ok: 'empty waiting', notice: 'late', failed: 'untouched broken', 'not-tried': 'no-database' },
  scanner: { ok: 'ok', notice: 'none own old', failed: 'unreachable timeout broken' },
  names: { ok: 'ok', notice: 'equal fewer', failed: 'none no-answer no-address order address broken' },
  relay: { ok: 'ok', failed: `${PROBES} broken` },
  reports: { ok: 'ok balanced', notice: 'empty missing', failed: 'empty missing broken' },
  incoming: { ok: 'ok', failed: `${PROBES} broken` },
  imap: { ok: 'ok', notice: 'ends-soon', failed: `${PROBES} ${TLS} broken` },
  submission: { ok: 'ok', notice: 'ends-soon', failed: `${PROBES} ${TLS} broken` },
  pop3: { ok: 'ok', notice: 'ends-soon', failed: `${PROBES} ${TLS} broken` },
  'imap-login': { ok: 'ok', failed: `${LOGINS} broken`, 'not-tried': 'own-server no-account' },
  'submission-login': { ok: 'ok', failed: `${LOGINS} broken`, 'not-tried': 'own-server no-account' },
};

const FACTS: CheckLine['facts'] = {
  ...{ program: 'ClamAV 1.4.3', signatures: '27824', place: 'unix:/run/clamd.sock' },
  ...{ seconds: 0.2, version: '15.18', oldest: 15, count: 2, signIn: 1, since: '2026-11-24T10:00:00Z', detail: 'E' },
  ...{ domain: 'tcn.b.eu-admin.net', servers: '192.0.2.53', found: '1 relay', expected: 'relay2', host: 'relay' },
  ...{
    address: '192.0.2.17',
    port: '993',
    protocol: 'TLSv1.3',
    certificate: 'mail',
    issuer: 'CA',
    until: '2027-01-01',
  },
};

const factsOf = (code: string) => (code === 'ends-soon' ? { ...FACTS, cipher: 'AES256' } : FACTS);

function lineOf(subject: Subject, state: LineState, code: string, facts = FACTS): CheckLine {
  return { subject, about: 'x', state, code, facts, said: '', milliseconds: 1 };
}

describe('the lines of the set-up check', () => {
  for (const locale of LOCALES) {
    it(`T08 say in ${locale} what was tried, what came back and, unless all is well, what to do`, () => {
      const formats = formatsFor(locale, 'UTC');
      for (const [subject, states] of Object.entries(CODES) as [Subject, (typeof CODES)[Subject]][]) {
        for (const [state, codes] of Object.entries(states) as [LineState, string][]) {
          for (const code of codes.split(' ')) {
            const { tried, result, advice } = lineWords(formats, lineOf(subject, state, code, factsOf(code)));
            for (const text of [tried, result, advice]) assert.doesNotMatch(text, /setupCheck|[{}]|undefined/, code);
            assert.equal(advice === '', state === 'ok', `${subject} ${code}`);
          }
        }
      }
    });
  }

  it('T08 name the certificate where there is one', () => {
    const facts = { ...FACTS, cipher: 'TLS_AES_256_GCM_SHA384' };
    const { result } = lineWords(formatsFor('en', 'UTC'), lineOf('imap', 'ok', 'ok', facts));
    assert.match(
      result,
      /TLSv1\.3, TLS_AES_256_GCM_SHA384\. Certificate for mail, from CA, valid until 1 January 2027/,
    );
  });

  it('stand in one order, however they came', () => {
    const lines = [lineOf('imap', 'ok', 'ok'), lineOf('clock', 'ok', 'ok'), lineOf('names', 'ok', 'ok')];
    assert.deepEqual(
      inOrder(lines).map(({ subject }) => subject),
      ['clock', 'names', 'imap'],
    );
  });
});

describe('MX records', () => {
  const relay = (name: string, last: number): RelayPlace => ({
    host: `${name}.eu-admin.net`,
    address: `62.62.0.${last}`,
  });
  const expected = [relay('relay', 17), relay('relay2', 28), relay('relay3', 29), relay('relay4', 249)];
  const records = (last: number): MailExchanger[] =>
    expected.map(({ host, address }, index) => {
      return { preference: index + 1, host, addresses: [index === 3 ? `62.62.0.${last}` : address] };
    });
  const judge = (exchangers: MailExchanger[], wanted = expected) => {
    const { state, code } = judgeNames({ ok: true, exchangers, servers: ['192.0.2.53'] }, wanted);
    return `${state} ${code}`;
  };

  it('T08 are right when they are the relays of the settings, in their order and with their addresses', () => {
    assert.equal(judge(records(249)), 'ok ok');
    assert.equal(judge(records(249).reverse()), 'failed order');
    assert.equal(judge(records(249).slice(0, 3)), 'failed order');
  });

  it('T08 tell the two addresses of the fourth relay in the document from one another', () => {
    const found = judgeNames({ ok: true, exchangers: records(241), servers: [] }, expected);
    assert.equal(found.code, 'address');
    const line = { ...lineOf('names', 'failed', found.code), facts: { ...FACTS, ...found.facts } };
    const { result, advice } = lineWords(formatsFor('en', 'UTC'), line);
    assert.match(
      result,
      /4 relay4\.eu-admin\.net \(62\.62\.0\.241\)\. Expected for relay4\.eu-admin\.net: 62\.62\.0\.249\./,
    );
    assert.match(advice, /62\.62\.0\.241 and 62\.62\.0\.249/);
  });

  it('T08 without relays in the settings are four, each with an address and a preference of its own', () => {
    assert.equal(judge(records(241), []), 'ok ok');
    assert.equal(judge(records(241).slice(0, 2), []), 'notice fewer');
    assert.equal(judge([...records(241), ...records(241)], []), 'notice equal');
    assert.equal(judge([{ preference: 1, host: 'relay', addresses: [] }], []), 'failed no-address');
  });
});

describe('REPORT_SERVERS', () => {
  const place = (last: number): RelayPlace => ({ host: `relay${last}.eu-admin.net`, address: `62.62.0.${last}` });
  const [balancer, ...real] = [17, 28, 29, 241].map(place) as [RelayPlace, ...RelayPlace[]];
  const judge = (listed: (number | string)[], relays: RelayPlace[], places = relays) => {
    const reportServers = listed.map((each) =>
      typeof each === 'number'
        ? { address: `62.62.0.${each}`, bits: 32, family: 'ipv4' as const }
        : { address: each, bits: 24, family: 'ipv4' as const },
    );
    const { state, code, facts } = judgeReports({ relays, reportServers }, { places, first: places.slice(0, 1) });
    return `${state} ${code} ${facts?.['expected'] ?? facts?.['host'] ?? ''}`.trim();
  };

  it('T05 T24 that names no relay is told, since then no report of a relay is believed', () => {
    assert.equal(judge([], [balancer, ...real]), 'failed empty');
    assert.equal(judge([], [], [balancer, ...real]), 'notice empty');
    assert.equal(judge([], []), 'notice empty');
  });

  it('T05 T06 T24 needs the relays behind a balancer and not the balancer, from which no report comes', () => {
    assert.equal(judge([28, 29, 241], [balancer, ...real]), 'ok balanced relay17.eu-admin.net (62.62.0.17)');
    assert.equal(judge([17, 28, 29, 241], [balancer, ...real]), 'ok ok');
    assert.equal(judge(['62.62.0.0'], [balancer, ...real]), 'ok ok');
    assert.equal(judge([17, 28, 29], [balancer, ...real]), 'failed missing relay241.eu-admin.net (62.62.0.241)');
    assert.equal(judge([17], [], [balancer, place(28)]), 'notice missing relay28.eu-admin.net (62.62.0.28)');
  });

  it('T05 T24 needs the first relay where it is the only one', () => {
    assert.equal(judge([28], [balancer]), 'failed missing relay17.eu-admin.net (62.62.0.17)');
    assert.equal(judge([17], [balancer]), 'ok ok');
  });
});
