import fs from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import tls from 'node:tls';
import type { WirePlace } from '../../src/mail/wire.ts';
import { makeCertificates } from '../../testbed/certificates.ts';

const HOST = 'odd.eu-admin.net';

export type OddMessage = { uidl: string; bytes: Buffer };

/** A POP3 server whose mailbox a test arranges: names that change, are given twice or again, and an end in the middle. */
export class OddPop3 {
  messages: OddMessage[] = [];
  knowsUidl = true;
  /** Ends the connection so many bytes into the next message; once */
  cutAt: number | null = null;
  /** Ends it so many messages later; once */
  cutAfter: number | null = null;
  /** Says +OK to QUIT and deletes nothing */
  keepsDeleted = false;
  readonly place: WirePlace;
  readonly #server: Server;

  private constructor(server: Server, place: WirePlace) {
    this.#server = server;
    this.place = place;
    server.on('secureConnection', (socket: tls.TLSSocket) => this.#serve(socket));
  }

  static async start(folder: string): Promise<OddPop3> {
    const { caPem, servers } = await makeCertificates(folder, [{ hostName: HOST, address: '127.0.0.1' }]);
    const files = servers.get(HOST);
    if (files === undefined) throw new Error('no certificate');
    const server = tls.createServer({
      key: fs.readFileSync(files.privateKeyFile),
      cert: fs.readFileSync(files.certificateFile),
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return new OddPop3(server, { host: '127.0.0.1', port, tls: 'implicit', serverName: HOST, caPem });
  }

  stop(): void {
    this.#server.close();
  }

  #serve(socket: tls.TLSSocket): void {
    const present = [...this.messages];
    const deleted = new Set<OddMessage>();
    const list = (line: (message: OddMessage) => string) =>
      `+OK\r\n${present.map((message, index) => `${index + 1} ${line(message)}\r\n`).join('')}.\r\n`;
    const answer = (command: string, number: number): string | Buffer => {
      const message = present[number - 1];
      if (command === 'UIDL') return this.knowsUidl ? list(({ uidl }) => uidl) : '-ERR unknown\r\n';
      if (command === 'LIST') return list(({ bytes }) => String(bytes.length));
      if (command === 'RETR' && message) return Buffer.concat([Buffer.from('+OK\r\n'), stuffed(message.bytes)]);
      if (command === 'DELE' && message) deleted.add(message);
      if (command === 'QUIT' && !this.keepsDeleted) this.messages = this.messages.filter((each) => !deleted.has(each));
      return command === 'CAPA' ? '-ERR unknown\r\n' : '+OK\r\n';
    };
    let waiting = '';
    socket.on('error', () => {});
    socket.write('+OK odd\r\n');
    socket.on('data', (piece) => {
      waiting += piece;
      for (let end = waiting.indexOf('\r\n'); end >= 0; end = waiting.indexOf('\r\n')) {
        const [command = '', number] = waiting.slice(0, end).split(' ');
        waiting = waiting.slice(end + 2);
        const said = answer(command, Number(number));
        if (command === 'RETR' && this.cutAfter !== null) {
          this.cutAt = this.cutAfter === 0 ? 20 : null;
          this.cutAfter = this.cutAfter === 0 ? null : this.cutAfter - 1;
        }
        if (command === 'RETR' && this.cutAt !== null) {
          socket.end(said.slice(0, this.cutAt));
          this.cutAt = null;
        } else socket.write(said);
      }
    });
  }
}

function stuffed(bytes: Buffer): Buffer {
  return Buffer.from(`${bytes.toString('latin1').replace(/(^|\r\n)\./g, '$1..')}.\r\n`, 'latin1');
}
