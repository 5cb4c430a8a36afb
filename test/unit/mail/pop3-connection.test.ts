import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import fc from 'fast-check';
import { isSafePop3Login, Pop3Connection, type Pop3Server } from '../../../src/mail/pop3-connection.ts';
import { MessageLines } from '../../../src/mail/pop3-message.ts';
import { makeCertificates } from '../../../testbed/certificates.ts';

const HOST = 'pop.eu-admin.net';
const LOGIN = { user: 'old.alain', password: 'secret' };
const TIMES = { connectMs: 2_000, silenceMs: 300 };

type Talk = (line: string, socket: net.Socket) => string | undefined;

describe('a POP3 server that does not keep its word', () => {
  const open: net.Server[] = [];
  const sockets: net.Socket[] = [];
  let folder: string;
  let keys: { key: string; cert: string };
  let caPem: string;
  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-pop3-'));
    const made = await makeCertificates(folder, [{ hostName: HOST, address: '127.0.0.1' }]);
    const files = made.servers.get(HOST) ?? assert.fail();
    keys = { key: fs.readFileSync(files.privateKeyFile, 'utf8'), cert: fs.readFileSync(files.certificateFile, 'utf8') };
    caPem = made.caPem;
  });
  after(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of open) server.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function listen(server: net.Server): Promise<number> {
    open.push(server);
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
    });
  }

  const place = (port: number, more: Partial<Pop3Server> = {}): Pop3Server => {
    return { host: '127.0.0.1', port, tls: 'implicit', serverName: HOST, caPem, ...more };
  };

  function converse(socket: net.Socket, talk: Talk, greeting: string): void {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(greeting);
    let waiting = '';
    socket.on('data', (piece) => {
      waiting += piece;
      for (let end = waiting.indexOf('\r\n'); end >= 0; end = waiting.indexOf('\r\n')) {
        const line = waiting.slice(0, end);
        waiting = waiting.slice(end + 2);
        const answer = talk(line, socket);
        if (answer !== undefined) socket.write(answer);
      }
    });
  }

  const GOOD: Record<string, string> = {
    CAPA: '+OK\r\nSASL PLAIN\r\nUIDL\r\n.\r\n',
    AUTH: '+OK\r\n',
    UIDL: '+OK\r\n1 a\r\n2 b\r\n.\r\n',
    LIST: '+OK\r\n1 10\r\n2 20\r\n.\r\n',
    QUIT: '+OK\r\n',
  };

  /** Answers by the first word, what is given here before what a good server says. */
  async function serve(answers: Record<string, string | undefined> = {}, greeting = '+OK ready\r\n') {
    const said: string[] = [];
    const server = tls.createServer(keys, (socket) =>
      converse(
        socket,
        (line) => {
          said.push(line);
          const word = line.split(' ')[0] ?? '';
          return word in answers ? answers[word] : (GOOD[word] ?? '-ERR\r\n');
        },
        greeting,
      ),
    );
    return { port: await listen(server), said };
  }

  const enter = async (answers: Record<string, string | undefined> = {}, greeting?: string) => {
    const { port } = await serve(answers, greeting);
    return Pop3Connection.open(place(port), LOGIN, TIMES);
  };
  const reason = (expected: string) => (error: unknown) => {
    assert.equal((error as { reason?: string }).reason, expected);
    return true;
  };

  it('T23 is signed in to with what it offers, and lists its messages', async () => {
    const sasl = await serve();
    const one = await Pop3Connection.open(place(sasl.port), LOGIN, TIMES);
    assert.deepEqual(await one.list(), [
      { number: 1, uidl: 'a', octets: 10 },
      { number: 2, uidl: 'b', octets: 20 },
    ]);
    await one.quit();
    assert.equal(sasl.said[1], `AUTH PLAIN ${Buffer.from('\0old.alain\0secret').toString('base64')}`);
    const old = await serve({ CAPA: '-ERR what?\r\n', USER: '+OK\r\n', PASS: '+OK\r\n' });
    await (await Pop3Connection.open(place(old.port), LOGIN, TIMES)).quit();
    assert.deepEqual(old.said.slice(1, 3), ['USER old.alain', 'PASS secret']);
  });

  it('T23 a wrong password is told apart from a mailbox that is open elsewhere and from a server that cannot', async () => {
    await assert.rejects(enter({ AUTH: '-ERR [AUTH] no\r\n' }), reason('refused'));
    await assert.rejects(enter({ AUTH: '-ERR no\r\n' }), reason('refused'));
    await assert.rejects(enter({ AUTH: '-ERR [IN-USE] locked\r\n' }), reason('busy'));
    await assert.rejects(enter({ AUTH: '-ERR [LOGIN-DELAY] wait\r\n' }), reason('busy'));
    await assert.rejects(enter({ AUTH: '-ERR [SYS/TEMP] disk\r\n' }), reason('out-of-order'));
    await assert.rejects(enter({}, '-ERR too many\r\n'), reason('out-of-order'));
    await assert.rejects(enter({}, '* OK IMAP4rev1\r\n'), reason('protocol'));
  });

  it('T23 a name or password that would be a second command is never sent', async () => {
    const { port, said } = await serve();
    for (const login of [
      { user: 'a\r\nDELE 1', password: 'x' },
      { user: 'a', password: 'x\nDELE 1' },
      { user: 'a\0b', password: 'x' },
      { user: '', password: 'x' },
    ]) {
      assert.equal(isSafePop3Login(login), false);
      await assert.rejects(Pop3Connection.open(place(port), login, TIMES), reason('refused'));
    }
    assert.deepEqual(said, []);
  });

  it('T23 gives no identifiers, odd ones, or other messages in each list', async () => {
    const cases: [Record<string, string>, string][] = [
      [{ UIDL: '-ERR unknown command\r\n' }, 'no-uidl'],
      [{ UIDL: '+OK\r\n1\r\n2\r\n.\r\n' }, 'no-uidl'],
      [{ UIDL: '+OK\r\n1 with blank\r\n.\r\n' }, 'no-uidl'],
      [{ UIDL: `+OK\r\n1 ${'x'.repeat(300)}\r\n.\r\n` }, 'no-uidl'],
      [{ LIST: '+OK\r\n1 10\r\n3 30\r\n.\r\n' }, 'protocol'],
      [{ LIST: '+OK\r\n1 10\r\n.\r\n' }, 'protocol'],
      [{ LIST: '+OK\r\n1 -5\r\n2 20\r\n.\r\n' }, 'protocol'],
      [{ LIST: '-ERR\r\n' }, 'protocol'],
      [{ UIDL: `+OK ${'x'.repeat(20_000)}` }, 'protocol'],
    ];
    for (const [answers, expected] of cases) {
      const connection = await enter(answers);
      await assert.rejects(connection.list(), reason(expected));
      connection.close();
    }
    const equal = await enter({ UIDL: '+OK\r\n1 same\r\n2 same\r\n.\r\n' });
    assert.deepEqual(
      (await equal.list()).map(({ uidl }) => uidl),
      ['same', 'same'],
      'RFC 1939 allows it',
    );
    equal.close();
  });

  it('T23 falls silent, or ends in the middle of a message', async () => {
    const silent = await enter({ RETR: undefined });
    await assert.rejects(read(silent), reason('timeout'));
    const half = await enter({ RETR: '+OK\r\nSubject: half\r\n' });
    await assert.rejects(read(half), reason('timeout'));
    const server = tls.createServer(keys, (socket) =>
      converse(
        socket,
        (line) => {
          if (!line.startsWith('RETR')) return GOOD[line.split(' ')[0] ?? ''] ?? '+OK\r\n';
          socket.end('+OK\r\nSubject: half\r\n\r\nno en');
          return undefined;
        },
        '+OK\r\n',
      ),
    );
    const cut = await Pop3Connection.open(place(await listen(server)), LOGIN, TIMES);
    await assert.rejects(read(cut), reason('closed'));
    const gone = await enter({ RETR: '-ERR no such message\r\n' });
    await assert.rejects(read(gone), reason('gone'));
    gone.close();
  });

  it('T23 is not believed with another certificate, without STLS, or with words slipped in before TLS', async () => {
    const { port, said } = await serve();
    const open = (more: Partial<Pop3Server>) => Pop3Connection.open(place(port, more), LOGIN, TIMES);
    await assert.rejects(open({ caPem: null }), reason('tls'));
    await assert.rejects(open({ serverName: 'other.eu-admin.net' }), reason('tls'));
    await assert.rejects(open({ host: '169.254.169.254' }), reason('not-allowed'));
    await assert.rejects(open({ host: 'no-such-host.invalid' }), reason('no-name'));
    await assert.rejects(open({ port: 1 }), reason('unreachable'));
    assert.deepEqual(said, []);
    const plain = async (answer: string) => {
      const heard: string[] = [];
      const server = net.createServer((socket) =>
        converse(
          socket,
          (line) => {
            heard.push(line);
            return answer;
          },
          '+OK\r\n',
        ),
      );
      const starttls = place(await listen(server), { tls: 'starttls' });
      return { result: Pop3Connection.open(starttls, LOGIN, TIMES), heard };
    };
    const without = await plain('-ERR\r\n');
    await assert.rejects(without.result, reason('tls'));
    const slipped = await plain('+OK begin\r\n+OK you are signed in\r\n');
    await assert.rejects(slipped.result, reason('protocol'));
    for (const { heard } of [without, slipped]) assert.deepEqual(heard, ['STLS']);
  });

  it('T23 is spoken to under TLS after STLS', async () => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.write('+OK\r\n');
      socket.once('data', () => {
        socket.write('+OK begin\r\n');
        const secure = new tls.TLSSocket(socket, { isServer: true, ...keys });
        converse(secure, (line) => GOOD[line.split(' ')[0] ?? ''], '');
      });
    });
    const port = await listen(server);
    const connection = await Pop3Connection.open(place(port, { tls: 'starttls' }), LOGIN, TIMES);
    assert.equal((await connection.list()).length, 2);
    await connection.quit();
  });
});

describe('what RETR sends', () => {
  const taken = (wire: string, cuts: readonly number[] = []) => {
    const bytes = Buffer.from(wire, 'latin1');
    const lines = new MessageLines();
    const parts: Buffer[] = [];
    let from = 0;
    for (const cut of [...cuts.filter((each) => each < bytes.length).sort((a, b) => a - b), bytes.length]) {
      if (lines.rest !== null) break;
      parts.push(...lines.take(bytes.subarray(from, cut)));
      from = cut;
    }
    const rest = lines.rest && lines.rest.toString('latin1') + bytes.subarray(from).toString('latin1');
    return { message: Buffer.concat(parts).toString('latin1'), rest };
  };

  it('T23 ends with a dot alone on its line, after CRLF only', () => {
    assert.deepEqual(taken('a\r\n.\r\nrest'), { message: 'a\r\n', rest: 'rest' });
    assert.deepEqual(taken('.\r\n'), { message: '', rest: '' });
    assert.deepEqual(taken('..\r\n...\r\n.x\r\n.\r\n'), { message: '.\r\n..\r\nx\r\n', rest: '' });
    assert.deepEqual(taken('a\n.\r\nb\r\n.\r\n'), { message: 'a\r\n.\r\nb\r\n', rest: '' }, 'smuggled with a bare LF');
    assert.deepEqual(taken('a\r\n.\nb\r\n.\r\n'), { message: 'a\r\n\r\nb\r\n', rest: '' });
    assert.deepEqual(taken('a\rb\r\n\r\n.\r\n'), { message: 'a\rb\r\n\r\n', rest: '' });
    assert.equal(taken('a\r\n.').rest, null);
  });

  it('T23 is the message that was meant, wherever the network cuts it', () => {
    const line = fc.string({ unit: fc.constantFrom('.', 'a', 'é', '\r', ' '), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(120), { maxLength: 12 }), (all, cuts) => {
        const message = all.map((each) => `${each.replace(/\r+$/, '')}\r\n`).join('');
        const wire = `${message.replace(/^\./gm, (dot, at: number) => (at === 0 || message[at - 1] === '\n' ? '..' : dot))}.\r\n+OK`;
        assert.deepEqual(taken(wire, cuts), { message, rest: '+OK' });
      }),
      { numRuns: 2_000 },
    );
  });

  it('T23 passes on lines without end in pieces', () => {
    const long = 'x'.repeat(300_000);
    assert.equal(
      taken(`${long}\r\n..${long}\r\n.\r\n`, [65_537, 65_540, 200_000, 299_999, 300_001]).message,
      `${long}\r\n.${long}\r\n`,
    );
  });
});

async function read(connection: Pop3Connection): Promise<void> {
  for await (const _ of connection.retrieve(1));
}
