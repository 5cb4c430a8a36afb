// Takes docs/images/mailbox.png: a clerk's inbox on an ordinary day, in Chromium, from a node and mail servers of its own.
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFolder } from '../../src/mail/imap-folders.ts';
import { type Authority, createRootAuthority, issuePersonalCertificate } from '../../src/pki/issue.ts';
import { generateKeyPair } from '../../src/pki/key-pair.ts';
import type { Node } from '../../src/server.ts';
import type { SigningKey } from '../../src/smime/seal-message.ts';
import type { World } from '../../testbed/world.ts';
import { launchBrowser, openWindow } from './browser.ts';
import { fileMessages, keyOfPerson, settleIn, trustRoot, withMailbox } from './letters.ts';
import { messageTo } from './office.ts';
import { PASSPHRASES } from './people.ts';
import type { Visitor } from './visitor.ts';
import { startTestNode, startTestWorld } from './world.ts';

const PICTURE = fileURLToPath(new URL('../../docs/images/mailbox.png', import.meta.url));
const HOUR_MS = 60 * 60 * 1000;
const KB = 1024;

type Letter = {
  who: string;
  country: string;
  subject: string;
  hoursAgo: number;
  signed?: boolean;
  encrypted?: boolean;
  /** Opened before the picture is taken, so that its signature was checked */
  opened?: boolean;
  answered?: boolean;
  attachmentKb?: number;
  /** Under a root that nobody confirmed */
  foreign?: boolean;
  altered?: boolean;
};

const SEALED = { signed: true, encrypted: true, opened: true };

const LETTERS: Letter[] = [
  {
    who: 'Marja Virtanen',
    country: 'fin',
    subject: 'Driver card 0417: two applications for one person',
    hoursAgo: 0.4,
    ...SEALED,
    attachmentKb: 268,
  },
  {
    who: 'Georg Brandt',
    country: 'a',
    subject: 'Enquiry 2026-0412',
    hoursAgo: 0.9,
    signed: true,
    encrypted: true,
    attachmentKb: 880,
  },
  {
    who: 'Katarzyna Nowak',
    country: 'pl',
    subject: 'Company cards lost in transit, list for November',
    hoursAgo: 1.3,
    signed: true,
    attachmentKb: 61,
  },
  {
    who: 'Irene Vidal',
    country: 'es',
    subject: 'Signed message for our first exchange',
    hoursAgo: 1.8,
    signed: true,
    foreign: true,
    opened: true,
  },
  {
    who: 'Sofia Papadaki',
    country: 'gr',
    subject: 'Re: Test of the secure link',
    hoursAgo: 22,
    ...SEALED,
    answered: true,
  },
  {
    who: 'Aoife Byrne',
    country: 'irl',
    subject: 'Workshop card renewed under a new number',
    hoursAgo: 23.5,
    signed: true,
    encrypted: true,
    attachmentKb: 150,
  },
  {
    who: 'Clara Weiss',
    country: 'd',
    subject: 'Minutes of the exchange group, 20 November',
    hoursAgo: 26,
    signed: true,
    opened: true,
    attachmentKb: 240,
  },
  {
    who: 'Ines Carvalho',
    country: 'p',
    subject: 'Enquiry 2026-0391: card issued in another Member State',
    hoursAgo: 28,
    ...SEALED,
    answered: true,
  },
  {
    who: 'Jan Novotny',
    country: 'cz',
    subject: 'Please sign once more',
    hoursAgo: 70,
    signed: true,
    opened: true,
    altered: true,
    attachmentKb: 40,
  },
  { who: 'Hanna Lindqvist', country: 's', subject: 'Asking for a secure link', hoursAgo: 73, signed: true },
  {
    who: 'Lars Holm',
    country: 'dk',
    subject: 'Opening hours of the card office at the end of the year',
    hoursAgo: 90,
    opened: true,
  },
  {
    who: 'Eva Kovacs',
    country: 'h',
    subject: 'Stolen driver cards, weekly list 47',
    hoursAgo: 95,
    ...SEALED,
    attachmentKb: 420,
  },
  {
    who: 'Matteo Ricci',
    country: 'i',
    subject: 'Enquiry 2026-0377 answered, with copy of the licence',
    hoursAgo: 118,
    ...SEALED,
    attachmentKb: 900,
  },
  {
    who: 'Katrin Tamm',
    country: 'est',
    subject: 'New address of the issuing authority from 1 December',
    hoursAgo: 121,
    signed: true,
    opened: true,
  },
  { who: 'Jonas Petraitis', country: 'lt', subject: 'Re: Enquiry 2026-0369', hoursAgo: 145, ...SEALED, answered: true },
];

function authority(name: string): Promise<Authority> {
  const now = Date.now();
  const life = { notBefore: new Date(now - 400 * HOUR_MS), notAfter: new Date(now + 9000 * HOUR_MS) };
  return createRootAuthority({ name, ...life, keyAlgorithm: 'P-256' });
}

async function keyOf(letter: Letter, issuer: Authority): Promise<SigningKey> {
  const pair = await generateKeyPair('P-256');
  const certificate = await issuePersonalCertificate({
    issuer,
    name: letter.who,
    address: addressOf(letter),
    publicKey: pair.publicKey,
    usage: 'both',
    policyOid: '2.23.140.1.5.3.1',
    notBefore: new Date(Date.now() - 300 * HOUR_MS),
    notAfter: new Date(Date.now() + 400 * HOUR_MS),
  });
  const privateKey = createPrivateKey({ key: pair.privateKey, format: 'der', type: 'pkcs8' });
  return { certificate, privateKey, chain: [issuer.certificate] };
}

const addressOf = ({ who, country }: Letter) => `${who.replace(' ', '.')}@tcn.${country}.eu-admin.net`;

function contentOf({ who, attachmentKb = 0 }: Letter): string {
  const text = `Content-Type: text/plain; charset=utf-8\r\n\r\nWith kind regards\r\n${who}\r\n`;
  if (attachmentKb === 0) return text;
  const bytes = Buffer.alloc(attachmentKb * KB, '0417 ')
    .toString('base64')
    .replace(/.{76}/g, '$&\r\n');
  return [
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    text,
    '--b',
    'Content-Type: application/pdf; name="extract.pdf"',
    'Content-Disposition: attachment; filename="extract.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    bytes,
    '--b--',
    '',
  ].join('\r\n');
}

/** The oldest first, each opened or not as it is described. */
async function fillInbox(node: Node, world: World, root: Authority, foreign: Authority): Promise<Visitor> {
  const { alain } = world.people;
  const clerk = await settleIn(node, alain, PASSPHRASES.alain);
  await trustRoot(node, alain, root.certificate);
  const own = keyOfPerson(alain);
  for (const name of ['Card checks', 'Exchange tests'])
    await withMailbox(node, alain, (box) => createFolder(box, name));
  for (const letter of LETTERS.toReversed()) {
    const at = new Date(Date.now() - letter.hoursAgo * HOUR_MS);
    const sealed = messageTo(world, {
      from: `${letter.who} <${addressOf(letter)}>`,
      subject: letter.subject,
      mime: contentOf(letter),
      at,
      ...(letter.signed ? { sign: await keyOf(letter, letter.foreign ? foreign : root) } : {}),
      ...(letter.encrypted ? { encryptTo: [own.certificate] } : {}),
    });
    const bytes = letter.altered ? Buffer.from(sealed.toString('latin1').replace('kind', 'best'), 'latin1') : sealed;
    await fileMessages(node, alain, [bytes], { flags: letter.answered ? ['answered'] : [], date: at });
    const list = await clerk.get('/mail');
    const href = /<a class="subject" href="([^"]+)"/.exec(list.text)?.[1];
    if (letter.opened && href) await clerk.get(href);
  }
  return clerk;
}

const world = await startTestWorld({ network: 95 });
const node = await startTestNode(world);
const browser = await launchBrowser();
try {
  const clerk = await fillInbox(
    node,
    world,
    await authority('TACHOnet Root CA'),
    await authority('DGT Transporte Root'),
  );
  const { context, page } = await openWindow(browser, node.url, { width: 1280, height: 800, colorScheme: 'light' });
  await context.addCookies([...clerk.cookies].map(([name, value]) => ({ name, value, url: node.url })));
  await page.goto('/mail');
  await page.locator('table.mail').waitFor();
  await page.screenshot({ path: PICTURE });
  // Few colours: a palette makes it a third of the size. Without ImageMagick it is only larger.
  try {
    execFileSync('convert', [PICTURE, '-strip', '+dither', '-colors', '256', `PNG8:${PICTURE}`]);
  } catch {
    console.log('not reduced: there is no ImageMagick');
  }
  console.log(path.relative(process.cwd(), PICTURE));
} finally {
  await browser.close();
  await node.stop();
  await world.stop();
}
