import assert from 'node:assert/strict';
import fs from 'node:fs';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { signInAs, type Visitor } from './visitor.ts';

export const PASSPHRASE = 'quatre vaches au bord du canal';

/** A clerk who has done everything but the self-test: signed in, passphrase set, Digital ID imported, root confirmed. */
export async function readyClerk(
  base: string,
  world: World,
  person: WorldPerson,
  fetcher?: typeof fetch,
): Promise<Visitor> {
  const clerk = await signInAs(base, person, fetcher);
  await clerk.get('/keys/passphrase');
  const made = await clerk.post('/keys/passphrase', { passphrase: PASSPHRASE, repeated: PASSPHRASE });
  assert.match(made.text, /id="recovery-code"/);
  await importPfx(clerk, person);
  await trustRoot(clerk, world);
  return clerk;
}

/** Signs in once more and unlocks: for a clerk who was ready before. */
export async function returningClerk(base: string, person: WorldPerson): Promise<Visitor> {
  const clerk = await signInAs(base, person);
  await clerk.get('/keys/unlock');
  const answer = await clerk.post('/keys/unlock', { passphrase: PASSPHRASE });
  assert.equal(answer.status, 200);
  return clerk;
}

export async function importPfx(clerk: Visitor, person: WorldPerson): Promise<void> {
  await clerk.get('/digital-ids/import');
  const file = new File([new Uint8Array(fs.readFileSync(person.pfxFile))], 'me.pfx', { type: 'application/x-pkcs12' });
  const answer = await clerk.upload('/digital-ids/import', [
    ['password', person.pfxPassword],
    ['file', file],
  ]);
  assert.equal(answer.status, 200, answer.text.slice(0, 2000));
}

/** The ceremony, with the thumbprint as it stands in the letter. */
export async function trustRoot(clerk: Visitor, world: World): Promise<void> {
  const page = await clerk.get('/first-steps');
  const anchor = /\/trust\/anchors\/[0-9a-f-]{36}\/confirm/.exec(page.text)?.[0] ?? assert.fail('no root is offered');
  await clerk.get(anchor);
  const answer = await clerk.post(anchor, { thumbprint: world.root.sha256, source: 'letter' });
  assert.equal(answer.status, 200);
}

/** Address of the newest message of a folder, or null when the folder is empty. */
export async function newestMessage(clerk: Visitor, folder = 'INBOX'): Promise<string | null> {
  const page = await clerk.get(`/mail/${Buffer.from(folder).toString('base64url')}`);
  return /href="(\/mail\/[\w-]+\/\d+-\d+)"/.exec(page.text)?.[1] ?? null;
}

/** Waits until something is true, and says what was missing when it does not come. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | false | undefined>,
  limitMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline) assert.fail(`${what} did not happen within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
