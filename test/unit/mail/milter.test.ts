import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';
import { askMilter } from '../../../src/mail/milter.ts';

const servers: net.Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

type Answers = Record<string, string | Buffer | null>;

const packet = (answer: string | Buffer) => {
  const data = Buffer.from(answer);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  return Buffer.concat([head, data]);
};

const negotiated = (unwanted = 0) =>
  Buffer.concat([
    Buffer.from('O'),
    ...[6, 0x1ff, unwanted].map((value) => Buffer.from([0, 0, value >> 8, value & 255])),
  ]);

/** A milter that goes on with everything but what `answers` say by the letter of the command; null says nothing. */
async function milter(answers: Answers, heard: string[] = []): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    let bytes = Buffer.alloc(0);
    socket.on('data', (piece) => {
      bytes = Buffer.concat([bytes, piece as Buffer]);
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
        const end = 4 + bytes.readUInt32BE();
        const command = String.fromCharCode(bytes[4] ?? 0);
        heard.push(command);
        bytes = bytes.subarray(end);
        const answer = command in answers ? answers[command] : command === 'O' ? negotiated() : 'c';
        if (answer != null && command !== 'Q') socket.write(packet(answer));
      }
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

const ask = async (answers: Answers, heard?: string[]) =>
  askMilter({ host: '127.0.0.1', port: await milter(answers, heard) }, 500);

test('T30 a milter is told a whole message, step by step, and let go', async () => {
  const heard: string[] = [];
  assert.deepEqual(await ask({ E: 'a' }, heard), { verdict: 'takes', said: '' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(heard.join(''), 'OCHMRLLLNBEQ');
});

test('T30 steps that it does not want to hear of are left out', async () => {
  const heard: string[] = [];
  assert.equal((await ask({ O: negotiated(0x01 | 0x02 | 0x40) }, heard)).verdict, 'takes');
  assert.equal(heard.join('').replace('Q', ''), 'OMRLLLBE');
});

test('T30 what it answers is told apart: later, refused, taken unseen, silence, and what is no milter', async () => {
  assert.deepEqual(await ask({ L: 't' }), { verdict: 'later', said: 'header' });
  assert.deepEqual(await ask({ E: 'y451 4.7.1 no scanner\0' }), {
    verdict: 'later',
    said: 'end of message: 451 4.7.1 no scanner',
  });
  assert.equal((await ask({ E: 'y550 5.7.1 virus\0' })).verdict, 'refuses');
  assert.equal((await ask({ E: 'd' })).verdict, 'refuses');
  assert.equal((await ask({ C: 'a' })).verdict, 'early');
  assert.equal((await ask({ E: null })).verdict, 'silent');
  assert.equal((await ask({ E: 'p' })).verdict, 'silent');
  assert.equal((await ask({ M: '!' })).verdict, 'protocol');
  assert.equal((await ask({ O: 'c' })).verdict, 'protocol');
  assert.equal((await ask({ O: null })).verdict, 'unreachable');
  const [refused] = await Promise.all([milter({})]);
  servers.pop()?.close();
  assert.equal((await askMilter({ host: '127.0.0.1', port: refused }, 500)).verdict, 'unreachable');
});

test('security.md a milter that says without end that it is at work is left when its time is over', async () => {
  let floods = 0;
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(packet(negotiated()));
    // more than is read at once, and no packet is ever cut in two
    const flood = () => {
      floods += 1;
      if (!socket.destroyed) socket.write(packet('p'), () => setImmediate(flood));
    };
    socket.once('data', flood);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  assert.equal((await askMilter({ host: '127.0.0.1', port }, 300)).verdict, 'silent');
  assert.ok(floods > 10);
});

test('security.md a milter that announces a packet without end, or shows control characters, does no harm', async () => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff, 0x4f]));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  assert.equal((await askMilter({ host: '127.0.0.1', port }, 500)).verdict, 'protocol');
  const { said } = await ask({ E: `y451 \x1b[31m${'x'.repeat(2000)}\0` });
  assert.ok(said.length <= 220 && !said.includes('\x1b'), said);
});
