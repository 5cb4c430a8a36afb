/** Measures every cell and judges it. */
import { bouncyCastlePeer } from './bouncy-castle.ts';
import { ROWS, type Row } from './definition.ts';
import { gpgsmPeer } from './gpgsm.ts';
import { type MatrixPeople, makeMatrixPeople } from './matrix-people.ts';
import { type Outcome, peerToPeer, peerToSealpost, sealpostToPeer } from './measure.ts';
import { nssPeer } from './nss.ts';
import { opensslPeer } from './openssl-cms.ts';
import { opensslSmimePeer } from './openssl-smime.ts';
import type { Peer } from './peer.ts';
import { REFUSALS } from './refusals.ts';

export type Cell =
  | { readonly kind: 'ok' }
  | { readonly kind: 'not-asked' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'fault'; readonly said: string };

export interface Evidence {
  readonly row: string;
  readonly peer: string;
  readonly writer: string;
  /**
   * - `refused`: the reader was given it, and refused it with the same words
   * - `unwritten`: the third program is known not to write it
   * - `not-tried`: the third program wrote it, but the reader was not given it
   */
  readonly kind: 'refused' | 'unwritten' | 'not-tried';
}

export interface Matrix {
  readonly peers: readonly { name: string; version: string }[];
  readonly rows: readonly { title: string; reads: readonly Cell[]; writes: readonly Cell[] }[];
  readonly evidence: readonly Evidence[];
}

export async function measureMatrix(): Promise<Matrix> {
  const who = makeMatrixPeople();
  const peers: Peer[] = [];
  try {
    peers.push(opensslPeer(who, 'cms'), opensslSmimePeer(who), nssPeer(who), gpgsmPeer(who));
    peers.push(await bouncyCastlePeer(who));
    const evidence: Evidence[] = [];
    const rows: { title: string; reads: Cell[]; writes: Cell[] }[] = [];
    for (const row of ROWS) {
      const reads: Cell[] = [];
      const writes: Cell[] = [];
      for (const peer of peers) {
        reads.push(judge(peer, 'write', row, await peerToSealpost(who, peer, row)));
        writes.push(await writeCell(who, peers, peer, row, evidence));
      }
      rows.push({ title: row.title, reads, writes });
    }
    return { peers: peers.map(({ name, version }) => ({ name, version })), rows, evidence };
  } finally {
    for (const peer of peers) await peer.stop?.();
    who.people.remove();
  }
}

/** @param step what the peer was asked to do; the other step was ours */
function judge(peer: Peer, step: 'write' | 'read', row: Row, outcome: Outcome | null): Cell {
  if (outcome === null) return { kind: 'not-asked' };
  const expected = REFUSALS.filter((each) => each.peer === peer.name && each.step === step && each.rows(row));
  if (outcome.kind === 'not-offered') return { kind: 'refused', reason: outcome.said };
  if (outcome.kind === 'ok') {
    if (expected.length === 0) return { kind: 'ok' };
    return { kind: 'fault', said: `it works, but the definition says: ${expected[0]?.reason}` };
  }
  const peersOwn =
    outcome.kind === 'not-tried' || outcome.kind === (step === 'write' ? 'writing-failed' : 'reading-failed');
  const known = peersOwn ? expected.find((each) => each.says.test(outcome.said)) : undefined;
  return known ? { kind: 'refused', reason: known.reason } : { kind: 'fault', said: outcome.said };
}

/** A refusal to read stands only while no third program writes what the peer then reads. */
async function writeCell(
  who: MatrixPeople,
  peers: readonly Peer[],
  peer: Peer,
  row: Row,
  evidence: Evidence[],
): Promise<Cell> {
  const cell = judge(peer, 'read', row, await sealpostToPeer(who, peer, row));
  if (cell.kind !== 'refused') return cell;
  for (const writer of peers) {
    if (!['OpenSSL cms', 'Bouncy Castle'].includes(writer.name) || writer === peer) continue;
    const outcome = await peerToPeer(writer, peer, row);
    if (outcome.kind === 'ok') return { kind: 'fault', said: `${peer.name} reads this of ${writer.name}` };
    const kind = evidenceOf(writer, row, outcome);
    if (kind === null)
      return { kind: 'fault', said: `${writer.name} does not write it, unexpectedly: ${outcome.said}` };
    const same = judge(peer, 'read', row, outcome);
    if (kind !== 'unwritten' && (same.kind !== 'refused' || same.reason !== cell.reason)) {
      return { kind: 'fault', said: `refused of ${writer.name} for another reason: ${outcome.said}` };
    }
    evidence.push({ row: row.title, peer: peer.name, writer: writer.name, kind });
  }
  return cell;
}

/** Null for a writer that fails where it is not known to: that proves nothing about the reader. */
function evidenceOf(writer: Peer, row: Row, outcome: Exclude<Outcome, { kind: 'ok' }>): Evidence['kind'] | null {
  if (outcome.kind === 'reading-failed') return 'refused';
  if (outcome.kind === 'not-tried') return 'not-tried';
  return judge(writer, 'write', row, outcome).kind === 'refused' ? 'unwritten' : null;
}
