import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import type { MailServer } from '../../src/mail/mail-server.ts';
import { submit } from '../../src/mail/submission.ts';
import { makeCertificates } from '../../testbed/certificates.ts';

const run = promisify(execFile);

/** A server that can be told to behave badly, which a real one can not. */
describe('submission to a server that fails half-way', () => {
  let folder: string;
  let credentials: { cert: string; key: string; ca: string };
  const credential = { user: 'a@b.example', password: 'secret' };
  const to = ['one@b.example', 'two@b.example'];
  const envelope = { from: 'a@b.example', to, envelopeId: 'id-1' };
  const message = [Buffer.from('Subject: x\r\n\r\n.dot\r\nend\r\n')];

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sealpost-tls-'));
    const files = await makeCertificates(folder, [{ hostName: 'mail.tcn.b.eu-admin.net', address: '127.0.0.1' }]);
    const server = files.servers.get('mail.tcn.b.eu-admin.net');
    assert.ok(server);
    const [cert, key] = await Promise.all(
      [server.certificateFile, server.privateKeyFile].map((file) => readFile(file, 'utf8')),
    );
    credentials = { cert: cert ?? '', key: key ?? '', ca: files.caPem };
  });
  after(() => rm(folder, { recursive: true, force: true }));

  type Script = (line: string, socket: Socket) => string | null;

  /** Speaks SMTP by `script`: what it gives is the answer; null ends the connection. */
  async function against<T>(
    script: Script,
    use: (server: MailServer) => Promise<T>,
  ): Promise<{ value: T; data: string }> {
    let data = '';
    const open = new Set<Socket>();
    const server = tls.createServer({ cert: credentials.cert, key: credentials.key }, (socket) => {
      open.add(socket);
      let pending = '';
      let inData = false;
      socket.on('error', () => {});
      socket.write('220 test ESMTP\r\n');
      socket.on('data', (chunk) => {
        pending += chunk.toString();
        while (pending !== '') {
          const end = pending.indexOf(inData ? '\r\n.\r\n' : '\r\n');
          if (end === -1) return;
          const line = inData ? '.' : pending.slice(0, end);
          if (inData) data += pending.slice(0, end);
          pending = pending.slice(end + (inData ? 5 : 2));
          const answer = script(line, socket) ?? defaultAnswer(line);
          if (socket.destroyed) return;
          socket.write(`${answer}\r\n`);
          inData = answer.startsWith('354');
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const mailServer: MailServer = {
        imapHost: '127.0.0.1',
        imapPort: port,
        imapTls: 'implicit',
        submissionHost: '127.0.0.1',
        submissionPort: port,
        submissionTls: 'implicit',
        caPem: credentials.ca,
        serverName: 'mail.tcn.b.eu-admin.net',
      };
      return { value: await use(mailServer), data };
    } finally {
      for (const socket of open) socket.destroy();
      server.close();
    }
  }

  function defaultAnswer(line: string): string {
    if (line.startsWith('EHLO')) return '250-test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-DSN\r\n250 AUTH PLAIN';
    if (line.startsWith('AUTH')) return '235 ok';
    if (line === 'DATA') return '354 go on';
    return line === '.' ? '250 2.0.0 queued as X1' : '250 ok';
  }

  it('T24b asks for reports with an envelope id, and dot-stuffs', async () => {
    const lines: string[] = [];
    const { value, data } = await against(
      (line) => {
        lines.push(line);
        return null;
      },
      (server) => submit(server, credential, { ...envelope, envelopeId: 'a+b=c' }, message),
    );
    assert.equal(value.outcome, 'accepted');
    assert.ok(lines.includes('MAIL FROM:<a@b.example> RET=HDRS ENVID=a+2Bb+3Dc'));
    const asked = lines.find((line) => line.startsWith('RCPT TO:<one@b.example>'));
    assert.equal(asked, 'RCPT TO:<one@b.example> NOTIFY=SUCCESS,FAILURE,DELAY');
    assert.equal(data, 'Subject: x\r\n\r\n..dot\r\nend');
    assert.deepEqual(value.recipients[1], {
      address: to[1],
      accepted: true,
      code: 250,
      answer: '250 2.0.0 queued as X1',
    });
  });

  it('is unknown when the connection ends after the last byte, and nothing was sent when it ends before', async () => {
    for (const [at, outcome] of [
      ['.', 'unknown'],
      ['DATA', 'unreachable'],
      ['AUTH', 'unreachable'],
      ['EHLO', 'unreachable'],
      ['MAIL', 'unreachable'],
    ] as const) {
      const { value } = await against(
        (line, socket) => {
          if (line.startsWith(at)) socket.destroy();
          return null;
        },
        (server) => submit(server, credential, envelope, message),
      );
      assert.equal(value.outcome, outcome, at);
      assert.deepEqual(
        value.recipients.map(({ accepted }) => accepted),
        [false, false],
      );
    }
  });

  it('gives each recipient the answer of the server', async () => {
    for (const [first, second, outcome] of [
      ['550 5.1.1 no such user', '250 ok', 'partly'],
      ['550 5.1.1 no such user', '553 5.1.3 bad', 'refused-permanently'],
      ['550 5.1.1 no such user', '451 4.3.0 later', 'refused-temporarily'],
    ] as const) {
      const { value } = await against(
        (line) => {
          if (line.startsWith('RCPT TO:<one')) return first;
          if (line.startsWith('RCPT TO:<two')) return second;
          return line === 'DATA' && outcome !== 'partly' ? '554 no valid recipients' : null;
        },
        (server) => submit(server, credential, envelope, message),
      );
      assert.equal(value.outcome, outcome);
      assert.deepEqual(value.recipients[0], { address: to[0], accepted: false, code: 550, answer: first });
      assert.equal(value.recipients[1]?.code, Number(second.slice(0, 3)));
    }
  });

  it('tells a refusal for good from one for now, at every step', async () => {
    for (const [at, answer, outcome] of [
      ['AUTH', '535 5.7.8 no', 'refused-login'],
      ['AUTH', '454 4.7.0 later', 'unreachable'],
      ['MAIL', '451 4.3.0 disk', 'refused-temporarily'],
      ['MAIL', '553 5.7.1 not yours', 'refused-permanently'],
      ['DATA', '451 4.3.0 disk', 'refused-temporarily'],
      ['.', '552 5.3.4 too large', 'refused-permanently'],
      ['.', '452 4.3.1 full', 'refused-temporarily'],
    ] as const) {
      const { value } = await against(
        (line) => (line.startsWith(at) ? answer : null),
        (server) => submit(server, credential, envelope, message),
      );
      assert.equal(value.outcome, outcome, `${at} ${answer}`);
      assert.ok(value.answer.includes(answer));
    }
  });

  it('refuses what is larger than the server takes before it is sent, and what can not be an address', async () => {
    const { value, data } = await against(
      () => null,
      (server) => submit(server, credential, { ...envelope, size: 2_000 }, message),
    );
    assert.deepEqual([value.outcome, data], ['refused-permanently', '']);
    const smuggled = await against(
      () => null,
      (server) => submit(server, credential, { ...envelope, to: ['x@b.example>\r\nRCPT TO:<y@b.example'] }, message),
    );
    assert.equal(smuggled.value.outcome, 'refused-permanently');
  });

  it('stops when it is cancelled, and when the message can not be read to its end', async () => {
    const controller = new AbortController();
    const { value } = await against(
      (line) => {
        if (line === 'DATA') controller.abort();
        return null;
      },
      async (server) => submit(server, credential, envelope, endless(), { signal: controller.signal }),
    );
    assert.equal(value.outcome, 'unreachable');
    const broken = await against(
      () => null,
      (server) => submit(server, credential, envelope, breaking()),
    );
    assert.equal(broken.value.outcome, 'unreachable');
    assert.match(broken.value.answer, /storage failed/);
  });

  it('a server without TLS, or with a bare certificate of its own, gets no password', async () => {
    const own = path.join(folder, 'own');
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-noenc',
      '-subj',
      '/CN=x',
      '-keyout',
      `${own}.key`,
      '-out',
      `${own}.pem`,
    ]);
    const trusted = credentials;
    credentials = { ...trusted, cert: await readFile(`${own}.pem`, 'utf8'), key: await readFile(`${own}.key`, 'utf8') };
    const lines: string[] = [];
    const { value } = await against(
      (line) => {
        lines.push(line);
        return null;
      },
      (server) => submit(server, credential, envelope, message),
    );
    credentials = trusted;
    assert.deepEqual([value.outcome, lines], ['unreachable', []]);
  });
});

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) {
    yield Buffer.from('line\r\n');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function* breaking(): AsyncGenerator<Buffer> {
  yield Buffer.from('Subject: x\r\n\r\n');
  throw new Error('storage failed');
}
