import { createPrivateKey } from 'node:crypto';
import fs from 'node:fs';
import { connectMailbox, type MailboxConnection } from '../../src/mail/imap-connection.ts';
import { appendMessage, type MessageFlag } from '../../src/mail/imap-mailbox.ts';
import { type Certificate, parseCertificate } from '../../src/pki/certificate.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import type { Node } from '../../src/server.ts';
import { mailServerOf } from '../../src/services/accounts/mail-server.ts';
import type { SigningKey } from '../../src/smime/seal-message.ts';
import type { WorldPerson } from '../../testbed/world.ts';
import { signInAs, type Visitor } from './visitor.ts';

/** Certificate, key and chain of a person, as another program would have them. */
export function keyOfPerson(person: WorldPerson): SigningKey & { root: Certificate } {
  const read = readPkcs12(fs.readFileSync(person.pfxFile), person.pfxPassword);
  const identity = read.ok ? read.identities[0] : undefined;
  if (!identity) throw new Error(`no key in ${person.pfxFile}`);
  const privateKey = createPrivateKey({ key: identity.privateKey, format: 'der', type: 'pkcs8' });
  const root = identity.chain.at(-1) ?? identity.certificate;
  return { certificate: identity.certificate, privateKey, chain: identity.chain, root: parseCertificate(root.der) };
}

/** Puts messages into a person's mailbox over IMAP, without the way through the mail servers. */
export async function fileMessages(
  node: Node,
  person: WorldPerson,
  messages: readonly Buffer[],
  options: { folder?: string; flags?: readonly MessageFlag[]; date?: Date } = {},
): Promise<void> {
  await withMailbox(node, person, async (connection) => {
    for (const bytes of messages) {
      const { folder = 'INBOX', ...rest } = options;
      const done = await appendMessage(connection, folder, bytes, rest);
      if (!done.ok) throw new Error(`append: ${done.reason}`);
    }
  });
}

/** A connection of another program of this person. */
export async function withMailbox<T>(
  node: Node,
  person: WorldPerson,
  task: (connection: MailboxConnection) => Promise<T>,
): Promise<T> {
  const account = await node.context.database.prisma.account.findUniqueOrThrow({
    where: { addressKey: person.address.toLowerCase() },
    include: { country: { include: { mailServer: true } } },
  });
  const opened = await connectMailbox(mailServerOf(account.country.mailServer), {
    user: person.address,
    password: person.password,
  });
  if (!opened.ok) throw new Error(`IMAP: ${opened.reason}`);
  try {
    return await task(opened.connection);
  } finally {
    await opened.connection.close();
  }
}

/** Signs in, makes a vault and imports the person's .pfx: what the first steps do. */
export async function settleIn(node: Node, person: WorldPerson, passphrase: string): Promise<Visitor> {
  const visitor = await signInAs(node.url, person);
  await visitor.get('/keys/passphrase');
  await visitor.post('/keys/passphrase', { passphrase, repeated: passphrase });
  await visitor.get('/digital-ids/import');
  const pfx = new File([fs.readFileSync(person.pfxFile)], 'me.pfx');
  const answer = await visitor.upload('/digital-ids/import', [
    ['password', person.pfxPassword],
    ['file', pfx],
  ]);
  if (answer.status !== 200) throw new Error(`import answered ${answer.status}`);
  return visitor;
}

/** The root is accepted for this person, as after the ceremony. */
export async function trustRoot(node: Node, person: WorldPerson, root: Certificate): Promise<void> {
  const { prisma } = node.context.database;
  const account = await prisma.account.findUniqueOrThrow({ where: { addressKey: person.address.toLowerCase() } });
  const decided = {
    certificate: new Uint8Array(root.der),
    subject: root.subject,
    sha1: root.sha1,
    notAfter: root.notAfter,
    state: 'trusted' as const,
    source: 'file',
    decidedAt: new Date(),
  };
  await prisma.trustAnchor.upsert({
    where: { accountId_sha256: { accountId: account.id, sha256: root.sha256 } },
    create: { accountId: account.id, sha256: root.sha256, ...decided },
    update: decided,
  });
}
