import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { submit } from '../../src/mail/submission.ts';
import { SHORT_TIMES } from '../../testbed/configurations.ts';
import type { ServerName, Testbed } from '../../testbed/testbed.ts';
import { eventually, letter, type MailFixture, smtpDialogue, startMailFixture } from './testbed-support.ts';

const NETWORK = 151;
const alain = { user: 'alain.dupont@tcn.b.eu-admin.net', password: 'alain-secret' };
const greta = { user: 'greta.muller@tcn.d.eu-admin.net', password: 'greta-secret' };
const MEMBER_STATE = `127.${NETWORK}.1.2`;
const EXCHANGERS = [17, 28, 29, 241].map((last) => `127.${NETWORK}.0.${last}`);
const RELAYS = ['relay2', 'relay3', 'relay4'];
/** The test file that every virus scanner knows (eicar.org), in two pieces: a scanner need not find it in this source. */
const EICAR = `${String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}`}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`;

let fixture: MailFixture;
let testbed: Testbed;

before(async () => {
  fixture = await startMailFixture(NETWORK, { relays: 'all', dnsTtlSeconds: 1 });
  testbed = fixture.testbed;
  await fixture.addHostedAccount(alain.user, alain.password);
  await testbed.addOwnAccount('d', greta.user, greta.password);
});
after(() => fixture?.stop());

it('T05 what is proved here is what an operator installs: only addresses and times differ', async () => {
  for (const [server, source] of [
    ['mail-b', 'postfix-member-state'],
    ['mail-d', 'postfix-member-state'],
    ...RELAYS.map((relay) => [relay, 'postfix-relay']),
  ] as [string, string][]) {
    const installed = parametersIn(await readFile(new URL(`../../deploy/${source}/main.cf`, import.meta.url), 'utf8'));
    const here = parametersIn(await readFile(path.join(testbed.place, server, 'etc', 'main.cf'), 'utf8'));
    for (const [name, value] of installed) {
      const isFilledIn = /@[A-Z]/.test(value);
      if (!isFilledIn && !(name in SHORT_TIMES)) assert.equal(here.get(name), value, `${server}: ${name}`);
    }
    // the copies of what is on the wire are the only thing that the test bed adds
    const added = [...here.keys()].filter((name) => !installed.has(name));
    assert.ok(
      added.every((name) => name === 'always_bcc' || name.startsWith('virtual_')),
      added.join(' '),
    );
  }
});

describe('the relays of TESTA', () => {
  it('T08 the name server lists four exchangers for each member state, and their addresses', async () => {
    const resolver = resolverOf(testbed.resolver.address);
    for (const { domain } of Object.values(testbed.countries)) {
      const records = (await resolver.resolveMx(domain)).sort((one, other) => one.priority - other.priority);
      assert.deepEqual(
        records.map(({ priority, exchange }) => ({ priority, exchange })),
        ['relay', 'relay2', 'relay3', 'relay4'].map((name, index) => {
          return { priority: index + 1, exchange: `${name}.eu-admin.net` };
        }),
      );
      const addresses = await Promise.all(records.map(({ exchange }) => resolver.resolve4(exchange)));
      assert.deepEqual(addresses.flat(), EXCHANGERS);
    }
  });

  it('T06 the primary relay shares its work between two servers', async () => {
    const by: string[] = [];
    // at first the balancer waits until both have answered it twice
    await balancerGreets();
    // a report of success would take every other turn, and the letters the same relay always
    const fresh = async () => relayIn(await delivered(await send({ reports: ['FAILURE'] })));
    for (const name of ['relay2', 'relay3']) await eventually(name, async () => (await fresh()) === name);
    for (let count = 0; count < 6; count += 1) by.push(await fresh());
    assert.ok(Math.abs(by.filter((name) => name === 'relay2').length - 3) <= 1, by.join(' '));
  });

  it('T06 each relay takes over from the one before it, and a letter that none takes arrives once when one is back', async () => {
    await testbed.stopServer('relay');
    assert.equal(relayIn(await delivered(await send())), 'relay2');
    await testbed.stopServer('relay2');
    assert.equal(relayIn(await delivered(await send())), 'relay3');
    await testbed.stopServer('relay3');
    assert.equal(relayIn(await delivered(await send())), 'relay4');
    await testbed.stopServer('relay4');
    const waiting = await send();
    await eventually('a letter that waits', async () => {
      const attempts = await attemptsFor(waiting);
      return attempts.length > 0 && attempts.every((line) => line.includes('status=deferred'));
    });
    assert.deepEqual(await copiesOf(waiting), []);
    for (const name of ['relay', 'relay2', 'relay3', 'relay4'] as const) await testbed.startServer(name);
    await delivered(waiting);
    await delivered(await send());
    assert.equal((await copiesOf(waiting)).length, 1);
  });

  it('T06 a primary relay with no server behind it is passed over for the backup site', async () => {
    await withoutServers(['relay2', 'relay3'], async () => {
      assert.equal(relayIn(await delivered(await send())), 'relay4');
    });
  });

  it('T07 while the name server is down, the answers that a member state kept serve', async () => {
    await delivered(await send());
    await withoutServers(['dns'], async () => {
      // kept for one second, and long past it: see the zone of this test
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await delivered(await send());
      const kept = resolverOf(testbed.resolver.address);
      assert.equal((await kept.resolveMx('tcn.d.eu-admin.net')).length, 4);
      await assert.rejects(resolverOf(testbed.dns.address).resolveMx('tcn.d.eu-admin.net'));
    });
  });

  it('T07 a resolver answers for TESTA only', async () => {
    await assert.rejects(resolverOf(testbed.resolver.address).resolve4('example.org'), { code: 'EREFUSED' });
  });

  it('T04 every relay refuses strangers, and members for what is not of TESTA', async () => {
    await balancerGreets();
    for (const exchanger of EXCHANGERS) {
      const hello = 'HELO mail.tcn.b.eu-admin.net';
      const from = `MAIL FROM:<${alain.user}>`;
      assert.match(
        await smtpDialogue(exchanger, `127.${NETWORK}.9.9`, hello, from, `RCPT TO:<${greta.user}>`),
        /^554 5\.7\.1 .*Client host rejected/m,
      );
      const say = (...lines: string[]) => smtpDialogue(exchanger, MEMBER_STATE, hello, ...lines);
      assert.match(await say('MAIL FROM:<x@example.org>', `RCPT TO:<${greta.user}>`), /^554 5\.7\.1 .*may send over/m);
      for (const outside of ['x@example.org', 'x@eu-admin.net.example.org', 'x@xeu-admin.net']) {
        assert.match(await say(from, `RCPT TO:<${outside}>`), /^554 5\.7\.1 .*can be reached over TESTA/m);
      }
      for (const source of ['<x%example.org@tcn.d.eu-admin.net>', '<@tcn.d.eu-admin.net:x@example.org>']) {
        assert.doesNotMatch(await say(from, `RCPT TO:${source}`), /^250 2\.1\.5/m, source);
      }
      assert.match(await say(from, 'RCPT TO:<x@tcn.xx.eu-admin.net>'), /^5\d\d 5\.1\.2 .*no mail server of this/m);
      assert.match(await say(from, `RCPT TO:<${greta.user}>`), /^250 2\.1\.5/m);
      assert.match(await say('MAIL FROM:<>', `RCPT TO:<${greta.user}>`), /^250 2\.1\.5/m);
    }
  });

  it('no relay takes a letter that hides another one (SMTP smuggling)', async () => {
    const markers: string[] = [];
    const hidden = ['\n.\n', '\n.\r\n', '\r.\r\n', '\r\n.\n', '\r.\r', '\r\n.\r'];
    await balancerGreets();
    for (const exchanger of EXCHANGERS) {
      for (const end of hidden) {
        const marker = crypto.randomUUID();
        markers.push(marker);
        const inner = `MAIL FROM:<${alain.user}>\r\nRCPT TO:<${greta.user}>\r\nDATA\r\nSubject: ${marker}`;
        const dialogue = await smtpDialogue(
          exchanger,
          MEMBER_STATE,
          'EHLO mail.tcn.b.eu-admin.net',
          `MAIL FROM:<${alain.user}>`,
          `RCPT TO:<${greta.user}>`,
          'DATA',
          `Subject: outer\r\n\r\nouter${end}${inner}\r\n\r\nhidden\r\n.`,
        );
        // what has a bare LF is refused; a bare CR is no line end, and so no end of the letter
        const answers = dialogue.split('\r\n').filter((line) => /^\d{3} /.test(line));
        assert.equal(answers.filter((line) => line.startsWith('354')).length, 1, dialogue);
        if (end.includes('\n.') && end !== '\r\n.\r') assert.match(dialogue, /^5\d\d.*bare <LF>/m, JSON.stringify(end));
        assert.doesNotMatch(dialogue, /CHUNKING/);
      }
    }
    // What came before it is there when it is.
    await delivered(await send());
    const heads = (await lettersOf(greta.user)).map((text) => text.split(/\r?\n\r?\n/, 1)[0] ?? '');
    assert.ok(
      heads.some((head) => /^Subject: outer$/m.test(head)),
      'a letter with a bare CR is one letter',
    );
    const found = markers.filter((marker) => heads.some((head) => head.includes(marker)));
    assert.deepEqual(found, []);
  });
});

describe('the virus scanner of the relays', () => {
  it('T30 refuses a virus, and the sender gets a report that says so', async () => {
    const messageId = await send({ text: EICAR });
    const report = await eventually('a report', () => reportAbout(messageId));
    assert.match(report, /Action: failed/);
    assert.match(report, /Diagnostic-Code: smtp; 5\d\d 5\.7\.1 refused by the virus scanner of the relay:\s+Sealpost/);
    assert.deepEqual(await copiesOf(messageId), []);
  });

  it('T30 a relay whose scanner is down takes nothing: the letter goes by the next one at once', async () => {
    await withoutServers(['scanner-relay2', 'clamd-relay3'], async () => {
      assert.equal(relayIn(await delivered(await send())), 'relay4');
    });
  });

  for (const down of ['scanner', 'clamd'] as const) {
    it(`T30 while ${down === 'clamd' ? 'it' : 'the way to it'} is down at every relay, letters wait and none passes unseen`, async () => {
      const messageIds: string[] = [];
      const everywhere = (['relay2', 'relay3', 'relay4'] as const).map((relay) => `${down}-${relay}` as const);
      await withoutServers(everywhere, async () => {
        messageIds.push(await send(), await send({ text: EICAR }));
        for (const messageId of messageIds) {
          await eventually('a letter that waits', async () => {
            const attempts = await attemptsFor(messageId);
            return attempts.length > 0 && attempts.every((line) => line.includes('status=deferred'));
          });
        }
      });
      const [good = '', bad = ''] = messageIds;
      await delivered(good);
      await eventually('a report', () => reportAbout(bad));
      assert.deepEqual(await copiesOf(bad), []);
      assert.equal((await copiesOf(good)).length, 1);
    });
  }
});

describe('a destination that is down', () => {
  it('T05 the sender is warned after a while, told when the letter arrived at last, and told when it was given up', async () => {
    await testbed.stopServer('mail-d');
    const given = await send();
    const warning = await eventually('a warning', () => reportAbout(given, 'delayed'));
    assert.match(warning, /Original-Envelope-Id: [0-9a-f-]{36}/);
    assert.match(warning, /Will-Retry-Until: /);
    assert.match(warning, /Reporting-MTA: dns; relay[23]\.eu-admin\.net/);
    const failure = await eventually('a report', () => reportAbout(given, 'failed'), 60_000);
    assert.match(failure, /Original-Envelope-Id: [0-9a-f-]{36}/);
    assert.match(failure, /Status: 4\.4\.1/);
    const late = await send();
    await eventually('a second warning', () => reportAbout(late, 'delayed'));
    await testbed.startServer('mail-d');
    await delivered(late);
    await eventually('word that the delay is over', () => reportAbout(late, 'relayed|delivered'));
    assert.deepEqual([(await copiesOf(given)).length, (await copiesOf(late)).length], [0, 1]);
  });

  it('T05 reports come as they were asked for: of success, of failure, in no case at all', async () => {
    const good = await send({ reports: ['SUCCESS'] });
    const report = await eventually('a report of success', () => reportAbout(good, 'relayed|delivered'));
    assert.match(report, new RegExp(`Final-Recipient: rfc822; ${greta.user}`));
    const unknown = { to: 'nobody@tcn.d.eu-admin.net' };
    const bad = await send({ ...unknown, reports: ['FAILURE'] });
    assert.match(await eventually('a report', () => reportAbout(bad, 'failed')), /Status: 5\.1\.1/);
    const silent = await handToRelay(unknown.to, 'NOTIFY=NEVER');
    await eventually('the end of the silent one', async () =>
      (await attemptsFor(silent, RELAYS)).some((line) => line.includes('status=bounced')),
    );
    assert.equal(await reportAbout(silent), null);
  });
});

function parametersIn(mainCf: string): Map<string, string> {
  const lines = mainCf.split('\n').filter((line) => /^[a-z]/.test(line));
  return new Map(lines.map((line) => line.split(/ = ?(.*)/, 2) as [string, string]));
}

type Sent = { to?: string; text?: string; reports?: ('SUCCESS' | 'FAILURE' | 'DELAY')[] };

/** From Alain, by his server's submission; gives the Message-ID. */
async function send({ to = greta.user, text, reports }: Sent = {}): Promise<string> {
  const messageId = crypto.randomUUID();
  const fields = { from: alain.user, to, subject: 'over the relays', messageId };
  const bytes = letter(text === undefined ? fields : { ...fields, text });
  const envelope = { from: alain.user, to: [to], envelopeId: crypto.randomUUID() };
  const asked = reports === undefined ? envelope : { ...envelope, reports };
  const result = await submit(testbed.countries.b.mailServer, alain, asked, [bytes]);
  assert.equal(result.outcome, 'accepted', result.answer);
  return messageId;
}

/** As Alain's server would hand it to a relay, with what it says of reports; gives the Message-ID. */
async function handToRelay(to: string, notify: string): Promise<string> {
  const messageId = crypto.randomUUID();
  const bytes = letter({ from: alain.user, to, subject: 'over the relays', messageId });
  const lines = ['EHLO mail.tcn.b.eu-admin.net', `MAIL FROM:<${alain.user}>`, `RCPT TO:<${to}> ${notify}`, 'DATA'];
  const [exchanger = ''] = EXCHANGERS;
  await balancerGreets();
  assert.match(await smtpDialogue(exchanger, MEMBER_STATE, ...lines, `${bytes}.`), /^250 2\.0\.0 Ok: queued/m);
  return messageId;
}

/** After a start of its own or of a relay the balancer waits until the relays have answered it. */
function balancerGreets(): Promise<boolean> {
  const [balancer = ''] = EXCHANGERS;
  const dialogue = () => smtpDialogue(balancer, MEMBER_STATE).catch(() => '');
  return eventually('a greeting', async () => (await dialogue()).startsWith('220'));
}

async function withoutServers(names: ServerName[], act: () => Promise<void>): Promise<void> {
  for (const name of names) await testbed.stopServer(name);
  try {
    await act();
  } finally {
    for (const name of names) await testbed.startServer(name);
  }
}

function resolverOf(address: string): Resolver {
  const resolver = new Resolver({ timeout: 3_000, tries: 1 });
  resolver.setServers([address]);
  return resolver;
}

async function lettersOf(address: string): Promise<string[]> {
  const folder = testbed.mailboxFolder(address);
  const read = async (name: string) => {
    const files = await readdir(path.join(folder, name)).catch(() => []);
    // one that is read by its owner just now moves to another folder
    const texts = files.map((file) => readFile(path.join(folder, name, file), 'utf8').catch(() => ''));
    return Promise.all(texts);
  };
  return [...(await read('new')), ...(await read('cur'))];
}

async function copiesOf(messageId: string): Promise<string[]> {
  return (await lettersOf(greta.user)).filter((text) => text.includes(`Message-ID: <${messageId}@`));
}

function delivered(messageId: string): Promise<string> {
  return eventually('a letter', async () => (await copiesOf(messageId))[0]);
}

/** The report in Alain's mailbox that quotes this letter's header, or null. */
async function reportAbout(messageId: string, action = '.*'): Promise<string | null> {
  const reports = (await lettersOf(alain.user)).filter((text) => /^Content-Type: multipart\/report/m.test(text));
  const about = reports.filter((text) => text.includes(messageId));
  return about.find((text) => new RegExp(`^Action: (${action})`, 'm').test(text)) ?? null;
}

/** By which real relay it came. */
function relayIn(text: string): string {
  return /by (relay\d?)\.eu-admin\.net/.exec(text)?.[1] ?? 'none';
}

function logOf(server: string): Promise<string> {
  return readFile(path.join(testbed.place, 'log', `${server}.log`), 'utf8');
}

/** What these servers, or the sender's, wrote of their attempts to hand this letter on. */
async function attemptsFor(messageId: string, servers = ['mail-b']): Promise<string[]> {
  const lines = (await Promise.all(servers.map(logOf))).join('\n').split('\n');
  const id = lines
    .map((line) => /cleanup\[\d+\]: (\w+): message-id=<([^@]+)@/.exec(line))
    .find((found) => found?.[2] === messageId)?.[1];
  return id === undefined ? [] : lines.filter((line) => line.includes(`: ${id}: to=`));
}
