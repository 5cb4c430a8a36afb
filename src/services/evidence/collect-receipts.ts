import type { Letter } from '../../generated/prisma/client.ts';
import { addressKey } from '../../mail/address.ts';
import type { ReadReceipt } from '../../mail/read-receipt.ts';
import type { ReportSource } from '../../mail/report-inbox.ts';
import { parseAddressList } from '../../mime/addresses.ts';
import type { MimeEntity } from '../../mime/entity.ts';
import { headerValue } from '../../mime/parse.ts';
import { isAboutSignature, type ReadReceipt as SignedReceipt } from '../../smime/signed-receipt.ts';
import { trustOf } from '../trust/trust-of.ts';
import type { CollectNeeds, Collector } from './collect-reports.ts';
import { recordReceipt } from './record-report.ts';

type Recipient = { envelopeId: string; address: string };

/**
 * "Was shown", from a program: anybody who knows the message could have written it, so it is told and proves nothing. It
 * must be from the recipient whom it speaks of, about a letter that asked.
 * @returns whether it was taken up
 */
export async function takeUpReceipt(
  needs: CollectNeeds,
  account: Collector,
  source: ReportSource,
  message: MimeEntity,
  receipt: ReadReceipt,
): Promise<boolean> {
  const letter = await needs.database.prisma.letter.findFirst({
    where: { accountId: account.id, messageId: receipt.originalMessageId, receiptAsked: true },
  });
  if (letter === null) return false;
  const from = parseAddressList(headerValue(message, 'from') ?? '');
  const said = [receipt.originalRecipient, receipt.finalRecipient].flatMap((one) =>
    one === null ? [] : [addressKey(one)],
  );
  const writer = from.length === 1 ? addressKey(from[0]?.address ?? '') : '';
  const found = (await recipientsOf(needs, letter.id)).find(
    ({ address }) => said.includes(addressKey(address)) && addressKey(address) === writer,
  );
  if (found === undefined || (await hasEnough(needs, found, 'hint'))) return false;
  const facts = { action: `receipt-${receipt.disposition}`, program: receipt.reportingProgram, signature: null };
  await recordReceipt(needs, account, { letterId: letter.id, recipient: found, source, proof: 'hint', ...facts });
  return true;
}

/**
 * A signed receipt (RFC 2634): about exactly a signature that this letter left with, by a certificate of one of its recipients. Read in a
 * worker, since it is foreign.
 */
export async function takeUpSignedReceipt(
  needs: CollectNeeds,
  account: Collector,
  source: ReportSource,
): Promise<boolean> {
  const receipt = await readInWorker(needs, account, source);
  if (receipt === null || !receipt.signer.intact) return false;
  const letter = await needs.database.prisma.letter.findFirst({
    where: { accountId: account.id, receiptContentId: new Uint8Array(receipt.about.contentIdentifier) },
  });
  if (letter === null || !isExpected(letter, receipt)) return false;
  const own = new Set(receipt.signer.addresses.map(addressKey));
  const found = (await recipientsOf(needs, letter.id)).find(({ address }) => own.has(addressKey(address)));
  if (found === undefined) return false;
  const { status, name } = receipt.signer;
  // A certificate that was revoked, has ended or is broken vouches for nobody.
  if (status !== 'trusted' && status !== 'untrusted') return false;
  const proof = status === 'trusted' ? 'envelope' : 'hint';
  if (await hasEnough(needs, found, proof)) return false;
  const facts = { action: 'receipt-displayed', program: name, signature: status };
  await recordReceipt(needs, account, { letterId: letter.id, recipient: found, source, proof, ...facts });
  return true;
}

async function readInWorker(
  { database, workers, revocation, now }: CollectNeeds,
  { id }: Collector,
  { bytes, arrivedAt }: ReportSource,
): Promise<SignedReceipt | null> {
  const evidence = await revocation.evidence(id, { certificates: [], earlier: [] }, now());
  const trust = { ...(await trustOf(database, id)), revocation: evidence };
  const job = { kind: 'read-receipt', bytes: new Uint8Array(bytes), trust, at: arrivedAt, masterKey: null } as const;
  const result = await workers.run<'read-receipt'>(job, id);
  return result.ok ? result.value : null;
}

function isExpected(letter: Letter, { about }: SignedReceipt): boolean {
  const expected = (letter.receiptExpected ?? []) as { signature: string; attributesDigest: string }[];
  const contentIdentifier = letter.receiptContentId ?? new Uint8Array();
  return expected.some(({ signature, attributesDigest }) =>
    isAboutSignature(about, {
      contentIdentifier,
      signature: Buffer.from(signature, 'base64'),
      attributesDigest: Buffer.from(attributesDigest, 'base64'),
    }),
  );
}

/** A reader opens a message once or twice; more would only fill the database. What proves nothing keeps out nothing that proves. */
const MAX_RECEIPTS = 5;

async function hasEnough(
  { database }: CollectNeeds,
  { envelopeId, address }: Recipient,
  proof: 'envelope' | 'hint',
): Promise<boolean> {
  const where = { envelopeId, address, proof, action: { startsWith: 'receipt-' } };
  return (await database.prisma.recipientEvent.count({ where })) >= MAX_RECEIPTS;
}

function recipientsOf({ database }: CollectNeeds, letterId: string): Promise<Recipient[]> {
  return database.prisma.envelopeRecipient.findMany({
    where: { envelope: { letterId } },
    select: { envelopeId: true, address: true },
  });
}
