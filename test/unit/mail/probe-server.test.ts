import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { isDomainName, isHost, isMailAddress, isMailPort } from '../../../src/mail/host.ts';
import type { MailServer } from '../../../src/mail/mail-server.ts';
import { probeMailServer, probePop3 } from '../../../src/mail/probe-server.ts';
import { makeCertificates } from '../../../testbed/certificates.ts';

const HOST = 'mail.eu-admin.net';
const open: net.Server[] = [];

function listen(server: net.Server): Promise<number> {
  open.push(server);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });
}

/** A server that says its greeting, and answers each line by the first word that fits. */
function plain(greeting: string, answers: Record<string, string> = {}): net.Server {
  return net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(greeting);
    socket.on('data', (line) => {
      const found = Object.entries(answers).find(([word]) => line.toString().includes(word));
      if (found) socket.write(found[1]);
    });
  });
}

describe('a look at the servers of a country', () => {
  let folder: string;
  let keys: { key: string; cert: string };
  let caPem: string;
  let quiet: number;
  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-probe-'));
    const made = await makeCertificates(folder, [{ hostName: HOST, address: '127.0.0.1' }]);
    const files = made.servers.get(HOST) ?? assert.fail();
    keys = {
      key: fs.readFileSync(files.privateKeyFile, 'utf8'),
      cert: fs.readFileSync(files.certificateFile, 'utf8'),
    };
    caPem = made.caPem;
    quiet = await listen(net.createServer((socket) => socket.on('error', () => {})));
  });
  after(() => {
    for (const server of open) server.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const at = (ports: { imap?: number; submission?: number }, more: Partial<MailServer> = {}): MailServer => ({
    ...{ imapHost: '127.0.0.1', imapPort: ports.imap ?? quiet, imapTls: 'implicit' },
    ...{ submissionHost: '127.0.0.1', submissionPort: ports.submission ?? quiet, submissionTls: 'starttls' },
    ...{ serverName: HOST, caPem, ...more },
  });
  const secure = (greeting: string) =>
    tls.createServer(keys, (socket) => {
      socket.on('error', () => {});
      socket.write(greeting);
    });

  it('T09 says what TLS, which certificate and which greeting it met', async () => {
    const imap = await listen(secure('* OK [CAPABILITY IMAP4rev1] ready\r\n'));
    const submission = await listen(
      net.createServer((socket) => {
        socket.on('error', () => {});
        socket.write('220-welcome\r\n220 smtp.example.org ESMTP\r\n');
        socket.on('data', function answer(line) {
          if (line.toString().startsWith('EHLO')) socket.write('250-smtp.example.org\r\n250 STARTTLS\r\n');
          else if (line.toString().startsWith('STARTTLS')) {
            socket.off('data', answer);
            socket.write('220 go ahead\r\n');
            new tls.TLSSocket(socket, { isServer: true, ...keys }).on('error', () => {});
          }
        });
      }),
    );
    const found = await probeMailServer(at({ imap, submission }), null, 5000);
    assert.ok(found.imap.ok && found.submission.ok, JSON.stringify(found));
    assert.equal(found.imap.greeting, '* OK [CAPABILITY IMAP4rev1] ready');
    assert.equal(found.submission.greeting, '220 smtp.example.org ESMTP');
    assert.deepEqual(
      [found.imap.secured?.protocol, found.imap.secured?.subject, found.submission.secured?.subject],
      ['TLSv1.3', HOST, HOST],
    );
    assert.equal(found.incoming, null);
  });

  const reasonOf = async (server: MailServer, incoming: string | null = null, patienceMs = 5000) => {
    const { imap, submission, incoming: third } = await probeMailServer(server, incoming, patienceMs);
    return [imap, submission, third].map((each) => (each === null || each.ok ? null : each.reason));
  };

  it('T09 tells an unknown authority from another name', async () => {
    const imap = await listen(secure('* OK\r\n'));
    const submission = await listen(plain('220 a\r\n', { EHLO: '250 a\r\n', STARTTLS: '502 no\r\n' }));
    const unknown = at({ imap, submission }, { caPem: null });
    assert.deepEqual(await reasonOf(unknown), ['untrusted', 'no-starttls', null]);
    const other = at({ imap, submission }, { serverName: 'other.eu-admin.net' });
    assert.deepEqual(await reasonOf(other), ['wrong-name', 'no-starttls', null]);
  });

  it('T24 looks at a POP3 server up to its answer to QUIT', async () => {
    const pop3 = (greeting: string, answer: (socket: tls.TLSSocket) => void) =>
      tls.createServer(keys, (socket) => {
        socket.on('error', () => {});
        socket.write(greeting);
        socket.on('data', (line) => String(line) === 'QUIT\r\n' && answer(socket));
      });
    const look = async (server: net.Server, serverName = HOST) => {
      const found = await probePop3(
        { host: '127.0.0.1', port: await listen(server), tls: 'implicit', serverName, caPem },
        1000,
      );
      return found.ok ? `${found.greeting} ${found.secured?.subject}` : found.reason;
    };
    const polite = () => pop3('+OK ready\r\n', (socket) => socket.end('+OK bye\r\n'));
    assert.equal(await look(polite()), `+OK ready ${HOST}`);
    assert.equal(await look(polite(), 'other.eu-admin.net'), 'wrong-name');
    const other = pop3('* OK IMAP4rev1\r\n', () => {});
    assert.equal(await look(other), 'protocol');
    const busy = pop3('+OK\r\n', (socket) => socket.end('-ERR [SYS/TEMP] later\r\n'));
    assert.equal(await look(busy), 'protocol');
    const gone = pop3('+OK\r\n', (socket) => socket.destroy());
    assert.equal(await look(gone), 'closed');
    const silent = pop3('+OK\r\n', () => {});
    assert.equal(await look(silent), 'timeout');
  });

  it('security.md gives up on silence, on another protocol, on endless text and on what hangs up', async () => {
    const hangUp = await listen(net.createServer((socket) => socket.end()));
    const chatter = await listen(plain('x'.repeat(100_000)));
    const web = await listen(plain('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const starttls = { imapTls: 'starttls' } as const;
    assert.deepEqual((await reasonOf(at({ imap: quiet, submission: chatter }, starttls), null, 200)).slice(0, 2), [
      'timeout',
      'protocol',
    ]);
    assert.deepEqual(await reasonOf(at({ imap: hangUp, submission: web }, starttls)), ['closed', 'protocol', null]);
  });

  it('security.md connects to no address that no mail server can have, whatever a name stands for', async () => {
    const server = at({}, { imapHost: '169.254.169.254', submissionHost: '::ffff:169.254.169.254' });
    const found = await reasonOf(server, '0.0.0.0');
    assert.deepEqual(found, ['not-allowed', 'not-allowed', 'not-allowed']);
    const unknown = await probeMailServer(at({}, { imapHost: 'nobody.invalid' }), null, 100);
    assert.ok(!unknown.imap.ok && ['no-name', 'timeout'].includes(unknown.imap.reason));
  });
});

describe('where a mail server may be', () => {
  it('security.md has the ports of mail and an address that a server can have', () => {
    for (const good of ['mail.example.org', 'a.b', '62.62.0.10', '10.1.2.3', '2001:db8::1', 'xn--bcher-kva.example'])
      assert.ok(isHost(good), good);
    for (const bad of ['', 'localhost', '0x7f.1', '1.2.3', '256.1.1.1', 'a b.c', 'mail.example.org.', 'ex_ample.org'])
      assert.ok(!isHost(bad), bad);
    for (const bad of ['0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', '::', 'fe80::1', 'fe80::1%eth0'])
      assert.ok(!isMailAddress(bad), bad);
    assert.ok(!isMailAddress('64:ff9b::a9fe:a9fe') && !isMailAddress('::ffff:a9fe:a9fe'));
    assert.ok(!isDomainName('127.0.0.1') && !isDomainName('a.1'));
    assert.ok(isMailPort('993', 'imap') && isMailPort('25', 'incoming') && !isMailPort('25', 'submission'));
    assert.ok(!isMailPort('0993', 'imap') && !isMailPort('6379', 'imap'));
  });
});
