import net from 'node:net';
import { EICAR } from './eicar.ts';

export type FakeScanner = {
  port: number;
  /** What it answers to VERSION */
  version: string;
  /** Contents that it was given */
  scanned: Buffer[];
  /** Of conversations that waited for an answer together */
  most: number;
  stop(): Promise<void>;
};

/**
 * Speaks the protocol of clamd where a test wants to choose the answers.
 * @param misbehave takes a connection over; what arrived on it so far, and the socket to answer on
 */
export async function startFakeScanner(
  misbehave?: (received: Buffer, socket: net.Socket) => void,
): Promise<FakeScanner> {
  const open = new Set<net.Socket>();
  const unanswered = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    unanswered.add(socket);
    fake.most = Math.max(fake.most, unanswered.size);
    const answer = (text: string) => {
      unanswered.delete(socket);
      socket.end(text);
    };
    let received = Buffer.alloc(0);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    if (misbehave !== undefined) misbehave(received, socket);
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece as Buffer]);
      if (misbehave !== undefined) return misbehave(received, socket);
      if (received.toString('latin1') === 'zVERSION\0') return answer(`${fake.version}\0`);
      const content = contentOf(received);
      if (content === null) return;
      fake.scanned.push(content);
      answer(content.includes(EICAR) ? 'stream: Test.EICAR FOUND\0' : 'stream: OK\0');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const fake: FakeScanner = {
    port: (server.address() as net.AddressInfo).port,
    version: 'ClamAV 1.4.3/27824/Thu Nov 26 09:41:02 2026',
    scanned: [],
    most: 0,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
  return fake;
}

/** All pieces of an INSTREAM, or null while the last one is missing. */
function contentOf(received: Buffer): Buffer | null {
  const command = 'zINSTREAM\0';
  if (received.toString('latin1', 0, command.length) !== command) return null;
  const pieces: Buffer[] = [];
  for (let at = command.length; at + 4 <= received.length; ) {
    const length = received.readUInt32BE(at);
    at += 4;
    if (length === 0) return Buffer.concat(pieces);
    pieces.push(received.subarray(at, at + length));
    at += length;
  }
  return null;
}
