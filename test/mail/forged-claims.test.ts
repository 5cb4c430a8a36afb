/** Forged messages over IMAP and on the page of a real node: no page claims more than the message is. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import type { SignatureStatus } from '../../src/smime/verdict.ts';
import type { World } from '../../testbed/world.ts';
import { FORGED_CLAIMS } from '../support/claims/catalogue.ts';
import type { ForgedClaim } from '../support/claims/forged-claim.ts';
import { fileMessages, settleIn, trustRoot } from '../support/letters.ts';
import { makePeople, type People } from '../support/smime-people.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const INBOX = `/mail/${folderId('INBOX')}`;

/** What stands for each claim: the element, the words that begin it, the words on paper. */
const SHOWN: Record<SignatureStatus, { element: string; title: RegExp; print: RegExp }> = {
  trusted: { element: 'ribbon', title: /^Signed by .*\. Signature trusted\./, print: /; signature trusted/ },
  untrusted: { element: 'warning', title: /^Warning: the issuer of this sig/, print: /issuer NOT trusted/ },
  mismatch: { element: 'warning', title: /^Warning: signed by somebody else/, print: /does NOT fit the sender/ },
  invalid: { element: 'warning invalid', title: /^Signature not valid: treat/, print: /NOT VALID; treat as unsigned/ },
  partial: { element: 'unsealed', title: /^Only a part is signed\./, print: /Only a part is signed/ },
  none: { element: 'unsealed', title: /^Not signed\./, print: /Not signed/ },
};
/** What pages mark a verdict with. */
const MARKS = /[\u2611\u2705\u2713\u2714\u{1f50f}-\u{1f513}\u{1f6e1}]/u;

let world: World;
let node: Node;
let alain: Visitor;
let people: People;

before(async () => {
  people = makePeople();
  world = await startTestWorld({ network: 120 });
  node = await startTestNode(world);
  alain = await settleIn(node, world.people.alain, 'quiet harbour lantern 42');
  await trustRoot(node, world.people.alain, people.root);
});
after(async () => {
  await node?.stop();
  await world?.stop();
  people?.remove();
});

for (const [kind, forge] of Object.entries(FORGED_CLAIMS)) {
  test(`T25 the page of a message by ${kind} says what it is`, async () => {
    for (const claim of forge(people)) await assertShown(claim);
  });
}

async function assertShown(claim: ForgedClaim): Promise<void> {
  const { name, status } = claim;
  await fileMessages(node, world.people.alain, [claim.bytes]);
  const href = await newest();
  const { text: page, status: answered } = await alain.get(href);
  assert.equal(answered, 200, name);
  const { element, title, print } = SHOWN[status];
  assert.deepEqual(claimElements(page), [element], name);
  const words = wordsOfClaim(page);
  assert.match(words, title, name);
  if (status === 'trusted') assert.match(words, new RegExp(claim.signer?.[0] ?? 'alice@example.org'), name);
  assert.doesNotMatch(page, MARKS, `${name}: a mark of a verdict in the page`);
  assert.doesNotMatch(page, /Mallory|ribbon\.example/, `${name}: the letter is in its frame alone`);
  const paper = await alain.get(`${href}/print`);
  assert.match(headerOfPrint(paper.text), print, name);
  assert.doesNotMatch(headerOfPrint(paper.text), MARKS, `${name}: a mark of a verdict on paper`);
  const row = await rowOf(href);
  assert.doesNotMatch(row, MARKS, `${name}: a mark of a verdict in the list`);
  assert.equal(row.includes('class="mark trusted"'), status === 'trusted', `${name}: the mark in the list`);
}

/** The elements that make a claim, by their class. */
function claimElements(page: string): string[] {
  return [...page.matchAll(/<section class="(ribbon|warning|warning invalid|unsealed)"/g)].map(
    ([, name]) => name ?? '',
  );
}

const asWords = (html: string) =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/ (?=[.,])/g, '')
    .trim();

function wordsOfClaim(page: string): string {
  const at = page.search(/<section class="(?:ribbon|warning|warning invalid|unsealed)"/);
  return asWords(page.slice(at, page.indexOf('</section>', at)));
}

/** What stands above the letter on paper. */
function headerOfPrint(paper: string): string {
  return asWords(paper.split('</dl>')[0] ?? paper);
}

async function newest(): Promise<string> {
  return /<a class="subject" href="([^"]+)"/.exec((await alain.get(INBOX)).text)?.[1] ?? assert.fail('no message');
}

async function rowOf(href: string): Promise<string> {
  const rows = (await alain.get(INBOX)).text.split('<tr role="row"');
  return rows.find((one) => one.includes(`href="${href}"`))?.split('</tr>')[0] ?? assert.fail('no row');
}
