/** Bouncy Castle, the library of Java programs; `BouncyCastle.java` runs from its source and answers line by line. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { cmsOf, multipartSigned, pkcs7Mime } from './cms-mail.ts';
import type { MatrixPeople } from './matrix-people.ts';
import { type Encrypting, type Key, NotOffered, type Peer, type Signing } from './peer.ts';

const JARS = ['bcprov', 'bcpkix', 'bcutil'].map((name) => `/usr/share/java/${name}.jar`).join(':');

export async function bouncyCastlePeer({ people }: MatrixPeople): Promise<Peer> {
  const source = `${import.meta.dirname}/BouncyCastle.java`;
  const java = spawn('java', ['-cp', JARS, source, people.folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: java.stdout })[Symbol.asyncIterator]();
  const ask = async (content: Buffer, ...words: string[]): Promise<Buffer> => {
    java.stdin.write(`${[...words, content.toString('base64')].join('\t')}\n`);
    const answer = await answers.next();
    if (answer.done) throw new Error('the Java program ended');
    const [status, said] = answer.value.split('\t');
    if (status !== 'ok') throw new Error(`Bouncy Castle: ${said}`);
    return Buffer.from(said ?? '', 'base64');
  };
  const flags = (how: object) => Object.entries(how).flatMap(([name, value]) => (value === true ? [name] : []));
  return {
    name: 'Bouncy Castle',
    version: `Bouncy Castle ${await ask(Buffer.alloc(0), 'version')}`,
    sign: async (entity: Buffer, how: Signing) => {
      const cms = await ask(entity, 'sign', how.signer, how.digest, flags(how).join());
      return how.opaque ? pkcs7Mime('signed-data', cms) : multipartSigned(entity, cms, how.digest);
    },
    encrypt: async (entity: Buffer, how: Encrypting) => {
      if (how.oaep && how.keyIdentifier) throw new NotOffered('not asked for together');
      const cms = await ask(entity, 'encrypt', how.recipients.join(), how.cipher, flags(how).join());
      return pkcs7Mime(how.cipher.endsWith('gcm') ? 'authEnveloped-data' : 'enveloped-data', cms);
    },
    compress: async (entity: Buffer) => pkcs7Mime('compressed-data', await ask(entity, 'compress')),
    verify: (entity: Buffer) => {
      const { cms, beside } = cmsOf(entity);
      return ask(cms, 'verify', beside?.toString('base64') ?? '');
    },
    decrypt: (entity: Buffer, reader: Key) => ask(cmsOf(entity).cms, 'decrypt', reader),
    decompress: (entity: Buffer) => ask(cmsOf(entity).cms, 'decompress'),
    stop: () => {
      java.stdin.end();
    },
  };
}
