import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Node } from '../../src/server.ts';
import { MAX_ATTACHMENTS } from '../../src/services/drafts/draft-attachments.ts';
import type { World } from '../../testbed/world.ts';
import { fileMessages } from '../support/letters.ts';
import { messageTo, pageOf } from '../support/office.ts';
import { readyClerk } from '../support/ready-clerk.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

let world: World;
let node: Node;
before(async () => {
  world = await startTestWorld({ network: 182 });
  node = await startTestNode(world);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

function withFiles(count: number): string {
  const parts = Array.from(
    { length: count },
    (_, index) =>
      `--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="card ${index + 1}.pdf"\r\n\r\n%PDF ${index + 1}\r\n`,
  );
  return `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nAll cards.\r\n${parts.join('')}--b--\r\n`;
}

test('security.md a forwarded message with more files than a letter may have costs no more than those it may, and each left out is named', async (t) => {
  const alain = await readyClerk(node.url, world, world.people.alain);
  const subject = 'All cards of the quarter';
  const count = MAX_ATTACHMENTS + 12;
  await fileMessages(node, world.people.alain, [messageTo(world, { subject, mime: withFiles(count) })]);
  const href = await pageOf(alain, subject);
  const { mock } = t.mock.method(node.context.workers, 'run');
  const draft = await alain.get(`/drafts/new?reply=${href.slice('/mail/'.length)}&mode=forward`);
  const opened = mock.calls.filter((call) => (call.arguments[0] as { kind: string }).kind === 'attachment');
  assert.ok(opened.length <= MAX_ATTACHMENTS + 1, `${opened.length} files were opened`);
  const taken = [...draft.text.matchAll(/<li class="file">.*?<bdi>([^<]*)<\/bdi>/g)].map((match) => match[1]);
  assert.equal(taken.length, MAX_ATTACHMENTS);
  for (let number = MAX_ATTACHMENTS + 1; number <= count; number += 1)
    assert.ok(draft.text.includes(`card ${number}.pdf`), `card ${number} is said to be left out`);
});
