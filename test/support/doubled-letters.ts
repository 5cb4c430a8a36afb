// Letters that came twice while servers were killed, and what may excuse it.
import assert from 'node:assert/strict';
import type { Fault } from './chaos.ts';
import { type Copy, type Parting, partedAt } from './message-copies.ts';

/** A kill is noted a moment before it happens, Received fields have whole seconds, and what was sent before it may be read after it. */
const SLACK_MS = 3000;

type Submitted = {
  messageId: string;
  envelopes: { recipients: { address: string }[]; log: { outcome: string | null }[] }[];
};

/** `parting` is null when it was submitted twice. */
export type Double = { messageId: string; address: string; parting: Parting | null };

/** More than one copy in a mailbox, with the two servers between which the word of the final dot was lost. */
export function doublesOf(messageId: string, address: string, copies: Copy[]): Double[] {
  return copies.slice(1).map((other) => {
    const nearest = copies.filter((one) => one !== other).map((one) => partedAt(one, other));
    return { messageId, address, parting: nearest.find((one) => one !== null) ?? null };
  });
}

/**
 * Twice only where one of the two servers, or what stands between them, was killed after the second one began to take it and
 * before it took it again.
 */
export function assertExplained({ parting, ...double }: Double, faults: readonly Fault[]): void {
  if (parting === null) return;
  const involved = [parting.last, parting.next].flatMap((host) => partsOf(host));
  const isBetween = ({ from }: Fault) => from > parting.from - SLACK_MS && from < parting.to + SLACK_MS;
  assert.ok(
    faults.some((fault) => involved.includes(fault.part) && isBetween(fault)),
    `doubled by servers that were not killed then: ${JSON.stringify({ ...double, ...parting })}`,
  );
}

/** By us only after an answer that was not heard: one copy more for each at most. */
export function assertOurs(doubles: readonly Double[], rows: readonly Submitted[]): void {
  for (const { messageId, envelopes } of rows) {
    for (const { recipients, log } of envelopes) {
      const unheard = log.filter(({ outcome }) => outcome === 'unknown').length;
      for (const { address } of recipients) {
        const ours = doubles.filter(
          (one) => one.parting === null && one.messageId === messageId && one.address === address,
        );
        assert.ok(
          ours.length <= unheard,
          `${messageId} came ${ours.length} times more to ${address} with ${unheard} unheard`,
        );
      }
    }
  }
}

/** The parts behind a host's name: a member state's server is Postfix and Dovecot, a relay may stand behind the balancer. */
function partsOf(host: string): string[] {
  const country = /^mail\.tcn\.(\w+)\./.exec(host)?.[1];
  if (country !== undefined) return [`mail-${country}`, `dovecot-${country}`];
  const relay = /^(relay\d?)\./.exec(host)?.[1] ?? host;
  return [relay, 'relay', `scanner-${relay}`, `clamd-${relay}`];
}
