import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readClient, readDelivery, readLogLine, readNotification } from '../../../src/mail/postfix-log.ts';
import { messageIdFrom, tellHop } from '../../../src/services/tracing/trace-message.ts';

const READ_AT = new Date(2026, 10, 28, 5, 0, 0);
const read = (line: string) => readLogLine(line, READ_AT);
const stamp = 'Nov 28 04:21:30 relay';

describe('T24 the log of a relay', () => {
  it('T24 names each message once by its Message-ID, and everything else by its queue id', () => {
    assert.deepEqual(read(`${stamp} relay/cleanup[24499]: 4jbxtf51fbzJnJJ: message-id=<env-one@x>`), {
      at: new Date(2026, 10, 28, 4, 21, 30),
      service: 'cleanup',
      queueId: '4jbxtf51fbzJnJJ',
      text: 'message-id=<env-one@x>',
      messageId: '<env-one@x>',
    });
    const client = read(`${stamp} relay/smtpd[23964]: 4jbxtf51fbzJnJJ: client=mail.tcn.b.eu-admin.net[192.0.2.2]`);
    assert.equal(client && readClient(client), 'mail.tcn.b.eu-admin.net[192.0.2.2]');
    assert.equal(client?.messageId, null);
  });

  it('T24 is read as rsyslog writes it too, with the offset it has', () => {
    const line = read('2026-11-28T04:21:30.123456+01:00 relay postfix/smtpd[1]: 4F9C21A0B3: client=x[192.0.2.2]');
    assert.deepEqual(line?.at, new Date('2026-11-28T03:21:30.123Z'));
    assert.equal(line?.service, 'smtpd');
    const named = read('2026-11-28T04:21:30Z relay postfix-out/cleanup[1]: 4F9C21A0B3: message-id=<a@b>');
    assert.equal(named?.messageId, '<a@b>');
  });

  it('T24 of the last days of the year is of the year before when it is read in January', () => {
    const at = readLogLine('Dec 31 23:59:59 relay relay/qmgr[1]: 4jbxtf51fbzJnJJ: removed', new Date(2027, 0, 1, 0, 5));
    assert.deepEqual(at?.at, new Date(2026, 11, 31, 23, 59, 59));
  });

  it('T24 is passed over where it is about no message', () => {
    for (const line of [
      `${stamp} relay/smtpd[1]: connect from mail.tcn.b.eu-admin.net[192.0.2.2]`,
      `${stamp} relay/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 Access denied; from=<a@b>`,
      `${stamp} relay/postfix-script[1]: warning: /etc/hosts differ`,
      `${stamp} relay/master[1]: daemon started -- version 3.7.11`,
      `${stamp} relay/smtpd[1]: warning: hostname x does not resolve`,
      'garbage',
      '',
      `${stamp} relay/smtp[1]: 4jbxtf51fbzJnJJ: ${'x'.repeat(5000)}`,
    ])
      assert.equal(read(line), null, line.slice(0, 80));
  });

  it('T24 tells what became of each recipient, with the answer of the next server', () => {
    assert.deepEqual(
      readDelivery(
        'to=<Marta.Klein@tcn.d.eu-admin.net>, relay=192.0.2.3[192.0.2.3]:25, delay=0.06, delays=0.01/0.02/0.02/0.01, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4jbxtf5NSLzJnJf)',
      ),
      {
        to: 'Marta.Klein@tcn.d.eu-admin.net',
        originalTo: null,
        relay: '192.0.2.3[192.0.2.3]:25',
        status: '2.0.0',
        outcome: 'sent',
        answer: '250 2.0.0 Ok: queued as 4jbxtf5NSLzJnJf',
      },
    );
    const alias = readDelivery(
      'to=<a@b>, orig_to=<c@d>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to x: Connection (really) refused)',
    );
    assert.equal(alias?.originalTo, 'c@d');
    assert.equal(alias?.answer, 'connect to x: Connection (really) refused');
    assert.deepEqual(readNotification({ text: 'sender delay notification: 4jbxtf5kdgzJmln' }), {
      kind: 'delayed',
      queueId: '4jbxtf5kdgzJmln',
    });
  });

  it('T24 tells attempts that came to the same once, with the first, the last and their number', () => {
    const at = (minute: number) => new Date(2026, 10, 28, 4, minute);
    const deferred =
      'to=<a@b.example>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to x: refused)';
    const lines = [
      { at: at(0), service: 'smtpd', text: 'client=mail.tcn.b.eu-admin.net[192.0.2.2]' },
      { at: at(0), service: 'cleanup', text: 'message-id=<a@b>' },
      ...[1, 3, 5].map((minute) => ({ at: at(minute), service: 'smtp', text: deferred })),
      { at: at(6), service: 'bounce', text: 'sender delay notification: 4jbxtf5kdgzJmln' },
      { at: at(7), service: 'cleanup', text: 'milter-reject: END-OF-MESSAGE from x[192.0.2.2]: 5.7.1 virus found' },
      { at: at(8), service: 'smtp', text: deferred.replace('deferred (connect to x: refused)', 'sent (250 Ok)') },
      { at: at(8), service: 'qmgr', text: 'removed' },
    ];
    const told = tellHop(lines);
    assert.equal(told.client, 'mail.tcn.b.eu-admin.net[192.0.2.2]');
    assert.deepEqual(
      told.deliveries.map(({ outcome, attempts, first, last }) => [outcome, attempts, first, last]),
      [
        ['deferred', 3, at(1), at(5)],
        ['sent', 1, at(8), at(8)],
      ],
    );
    assert.equal(told.notifications[0]?.kind, 'delayed');
    assert.match(told.remarks[0]?.text ?? '', /virus found/);
  });

  it('T24 is asked for with a Message-ID as people paste it', () => {
    for (const typed of ['a@b', '<a@b>', ' Message-ID:  <a@b> ']) assert.equal(messageIdFrom(typed), '<a@b>');
    for (const typed of ['', 'a b@c', '<>', 'nothing', `${'x'.repeat(2000)}@b`])
      assert.equal(messageIdFrom(typed), null);
  });
});
