import { isSpool } from '../../bytes/spool.ts';
import { SpoolFile } from '../../bytes/spool-file.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { DigitalId } from '../../generated/prisma/client.ts';
import { type Address, addressKey } from '../../mail/address.ts';
import { bccHeader, type ComposedMessage } from '../../mail/compose-mime.ts';
import type { EntityPiece } from '../../mime/encode.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { asBuffer } from '../../pki/der.ts';
import { protectHeaders } from '../../smime/protect-headers.ts';
import { type ContentEncryption, groupRecipients, type KeyTransport } from '../../smime/seal-message.ts';
import type { MadeSignature, SealJob } from '../../smime/worker-jobs.ts';
import type { RecipientMark } from '../contacts/contact-marks.ts';
import { readable } from '../contacts/contact-marks.ts';
import { sealedKeyOf } from '../identities/own-keys.ts';
import type { SignedIn } from '../sessions/session.ts';
import { trustOf } from '../trust/trust-of.ts';
import { contentEncryptionFor, hidesSubject, keyTransportFor } from './send-policy.ts';

/** The worker could not sign or encrypt; nothing was queued. */
export class SealingFailedError extends Error {
  readonly code = 'sealing-failed';
}

/** One form of the message: who gets it, and who can read it. */
export type PlannedCopy = {
  /** Each group is an envelope of its own at the server */
  envelopes: string[][];
  encryptTo: Uint8Array[] | null;
  content: ContentEncryption;
  keyTransport: KeyTransport;
  /** Its subject stands inside the encryption only */
  hideSubject: boolean;
  /** The sender can read it: it serves as the copy for Sent too */
  readableBySender: boolean;
};

export type CopyPlan = { copies: PlannedCopy[]; sentCopy: PlannedCopy | null };

/** What all programs read. */
const EVERYBODY_READS = { content: 'aes-256-cbc', keyTransport: 'rsa-pkcs1' } as const;

type Encryption = {
  marks: ReadonlyMap<string, RecipientMark>;
  own: DigitalId | null;
  /** The letter answers one whose subject was hidden */
  answersHidden?: boolean;
};

/**
 * Which copies a letter needs. Encrypted: one for the RSA recipients in To and Cc and one for those with elliptic curves
 * (old NSS cannot read a mixed envelope, crypto.md), and one for each Bcc recipient, whose recipient info would else tell
 * the others; the sender can read the copy of his own kind, or gets one for Sent alone. Not encrypted: one form for all,
 * but each Bcc recipient in an envelope of his own.
 * @param encryption null when the letter is not encrypted
 */
export function planCopies(
  recipients: { to: readonly Address[]; cc: readonly Address[]; bcc: readonly Address[] },
  encryption: Encryption | null,
): CopyPlan {
  const open = [...recipients.to, ...recipients.cc];
  if (encryption === null) {
    const bcc = recipients.bcc.map(({ address }) => [address]);
    const envelopes = open.length > 0 ? [open.map(({ address }) => address), ...bcc] : bcc;
    const copy = { envelopes, encryptTo: null, ...EVERYBODY_READS, hideSubject: false, readableBySender: true };
    return { copies: [copy], sentCopy: null };
  }
  const own = encryption.own ? parseCertificate(encryption.own.certificate) : null;
  const ownFamily = own === null ? null : familyOf(own);
  const readers = open.map((one) => readerOf(one, encryption));
  const copies: PlannedCopy[] = [];
  for (const family of ['key-transport', 'key-agreement'] as const) {
    const group = readers.filter((reader) => reader.family === family);
    if (group.length > 0) copies.push(copyFor(group, family === ownFamily ? own : null, encryption));
  }
  for (const one of recipients.bcc) copies.push(copyFor([readerOf(one, encryption)], null, encryption));
  if (own === null || copies.some((copy) => copy.readableBySender)) return { copies, sentCopy: null };
  // In Sent it looks as it did on the way.
  const hideSubject = copies.every((copy) => copy.hideSubject);
  return {
    copies,
    sentCopy: { envelopes: [], encryptTo: [own.der], ...EVERYBODY_READS, hideSubject, readableBySender: true },
  };
}

type Family = 'key-transport' | 'key-agreement';
type Reader = { address: string; certificate: Uint8Array; family: Family; mark: RecipientMark };

function readerOf({ address }: Address, { marks }: Encryption): Reader {
  const mark = marks.get(addressKey(address));
  if (!mark?.certificate) throw new TypeError(`no certificate for a recipient whose letter is to be encrypted`);
  return { address, certificate: mark.certificate, family: familyOf(parseCertificate(mark.certificate)), mark };
}

function familyOf(certificate: Certificate): Family {
  return groupRecipients([certificate]).keyTransport.length === 1 ? 'key-transport' : 'key-agreement';
}

function copyFor(group: readonly Reader[], own: Certificate | null, { answersHidden }: Encryption): PlannedCopy {
  const marks = group.map((reader) => reader.mark);
  return {
    envelopes: [group.map((reader) => reader.address)],
    encryptTo: [...group.map((reader) => reader.certificate), ...(own ? [own.der] : [])],
    content: contentEncryptionFor(marks),
    keyTransport: keyTransportFor(marks),
    hideSubject: hidesSubject(marks, answersHidden ?? false),
    readableBySender: own !== null,
  };
}

export type FinalBytes = { size: number; slices(): Iterable<Uint8Array> | AsyncIterable<Uint8Array> };

export type SealedCopy = {
  envelopes: string[][];
  /** Final bytes with CRLF; to be read until the next copy is asked for */
  bytes: FinalBytes;
  /** What is filed in Sent: `same` as these bytes, other bytes, or not this copy */
  sent: 'same' | FinalBytes | null;
  /** Of the signature inside; null without one */
  signed?: MadeSignature | null;
};

type Sealing = {
  plan: CopyPlan;
  signer: DigitalId | null;
  /** What answers shall be encrypted to, named in the signature */
  encryptionCertificate: Uint8Array | null;
  includeRoot: boolean;
  /** Bound by the signature; null without one */
  marking: string | null;
  /** A signed letter asks for signed receipts (RFC 2634); null when it does not */
  receipt: { contentIdentifier: Uint8Array; to: string } | null;
  bcc: readonly Address[];
};

/**
 * One job for a worker where there is one copy, the common case: it encodes, signs and encrypts in one pass. Else it signs
 * once, or twice where only some copies hide the subject, and encrypts each copy, one after the other, so that only one is
 * held at a time. Exactly one of them brings the copy for Sent; only that one names the Bcc recipients. The attachments of
 * `composed` are given away.
 * @throws SealingFailedError while it is iterated
 */
export async function* sealedCopies(
  context: Context,
  session: SignedIn,
  composed: ComposedMessage,
  sealing: Sealing,
): AsyncGenerator<SealedCopy> {
  const { copies, sentCopy } = sealing.plan;
  const forSent = sentCopy ?? copies.find((copy) => copy.readableBySender) ?? null;
  const all = sentCopy ? [...copies, sentCopy] : copies;
  const sealer = await sealerOf(context, session, sealing);
  const forms = formsOf(composed, all, sealer.sign !== null);
  try {
    if (all.length > 1) await signForms(forms, sealer);
    for (const copy of all) {
      const { entity, headers, signed } = formFor(forms, copy);
      const source = signed === null ? { mime: entity, sign: sealer.sign } : { mime: signed.again(), sign: null };
      const { encryptTo, content, keyTransport } = copy;
      const sealed = await sealer.seal({ ...source, headers, encryptTo, content, keyTransport });
      try {
        const { envelopes } = copy;
        const sent = copy !== forSent ? null : sealing.bcc.length === 0 ? 'same' : withBcc(sealed, sealing.bcc);
        yield { envelopes, bytes: sealed, sent, signed: (signed ?? sealed).signed };
      } finally {
        await sealed.release();
      }
    }
  } finally {
    for (const form of forms) await form.signed?.release();
  }
}

/** The letter with its fields inside, and what is left of them outside. */
type Form = { hideSubject: boolean; headers: Buffer; entity: EntityPiece[]; signed: Sealed | null };

/** One where all copies are alike; header fields are protected wherever something protects them (RFC 9788). */
function formsOf(composed: ComposedMessage, copies: readonly PlannedCopy[], isSigned: boolean): Form[] {
  const written = Buffer.from(composed.headers.map(({ line }) => `${line}\r\n`).join(''));
  const isEncrypted = copies.some((copy) => copy.encryptTo !== null);
  const [first, ...rest] = composed.entity;
  return [...new Set(copies.map((copy) => copy.hideSubject))].map((hideSubject) => {
    if (!(first instanceof Uint8Array) || (!isSigned && !isEncrypted)) {
      return { hideSubject, headers: written, entity: composed.entity, signed: null };
    }
    const { mime, headers } = protectHeaders(asBuffer(first), written, isEncrypted, hideSubject);
    return { hideSubject, headers, entity: [mime, ...rest], signed: null };
  });
}

function formFor(forms: readonly Form[], { hideSubject }: PlannedCopy): Form {
  const form = forms.find((each) => each.hideSubject === hideSubject);
  if (form === undefined) throw new TypeError('a copy without its form');
  return form;
}

async function signForms(forms: readonly Form[], { seal, sign }: Sealer): Promise<void> {
  for (const form of forms) {
    // What is given to a worker is gone: only the last one may have the attachments themselves.
    const mime = form === forms.at(-1) ? form.entity : form.entity.map(copyOfPiece);
    form.signed = await seal({ ...ENTITY_ONLY, mime, sign });
  }
}

function copyOfPiece(piece: EntityPiece): EntityPiece {
  if (piece instanceof Uint8Array) return new Uint8Array(piece);
  if (!('base64' in piece) || isSpool(piece.base64)) return piece;
  return { ...piece, base64: [...piece.base64].map((bytes) => new Uint8Array(bytes)) };
}

/** The entity as every copy holds it, signed; the outer header is each copy's own. */
const ENTITY_ONLY = { headers: new Uint8Array(0), encryptTo: null, entityOnly: true } as const;

type Sealed = FinalBytes & {
  /** For a further job: of what is in memory a copy, since what is given to a worker is gone */
  again(): SealJob['mime'];
  release(): Promise<void>;
  /** Of the signature that this job made */
  signed: MadeSignature | null;
};

type Sealer = {
  sign: SealJob['sign'];
  seal(job: Omit<SealJob, 'kind' | 'masterKey' | 'at' | 'into'>): Promise<Sealed>;
};

async function sealerOf(context: Context, session: SignedIn, sealing: Sealing): Promise<Sealer> {
  const at = context.now();
  const { signer, encryptionCertificate, marking, receipt } = sealing;
  const sign = signer && {
    ...sealedKeyOf(signer),
    chain: await chainOf(context, session, signer, sealing.includeRoot),
    ...(encryptionCertificate ? { encryptionCertificate } : {}),
    ...(marking === null ? {} : { marking }),
    ...(receipt === null ? {} : { receipt }),
  };
  return {
    sign,
    seal: async (job) => {
      // Keys cross only where something is signed.
      const masterKey = job.sign === null ? null : session.masterKey;
      const large = !(job.mime instanceof Uint8Array) && job.mime.some(isLarge);
      const file = large ? await SpoolFile.open(context.config.spoolFolder) : null;
      const release = async () => file?.close();
      const into = file === null ? {} : { into: file.fd };
      const question = { kind: 'seal', ...job, ...into, masterKey, at } as const;
      const result = await context.workers.run<'seal'>(question, session.account.id);
      if (!result.ok) {
        await release();
        if (result.code === 'no-room') throw new AppError('no-room');
        throw new SealingFailedError(`sealing: ${result.code} ${result.message}`);
      }
      const { bytes, signed } = result.value;
      if (bytes instanceof Uint8Array) {
        return { size: bytes.length, slices: () => [bytes], again: () => new Uint8Array(bytes), release, signed };
      }
      const { size } = bytes;
      const slices = () => (file as SpoolFile).read(bytes);
      return { size, slices, again: () => [{ written: bytes, size }], release, signed };
    },
  };
}

function isLarge(piece: EntityPiece): boolean {
  if (piece instanceof Uint8Array) return false;
  return isSpool('written' in piece ? piece.written : piece.base64);
}

function withBcc(sealed: FinalBytes, bcc: readonly Address[]): FinalBytes {
  const line = Buffer.from(`${bccHeader(bcc)}\r\n`);
  return { size: line.length + sealed.size, slices: () => followed(line, sealed.slices()) };
}

async function* followed(first: Uint8Array, rest: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  yield first;
  yield* rest;
}

/** Issuing certificates for the signature: without the root, which a partner must get by another way, unless asked (S12). */
async function chainOf(
  context: Context,
  session: SignedIn,
  signer: DigitalId,
  includeRoot: boolean,
): Promise<Uint8Array[]> {
  const chain = readable(signer.chain);
  const intermediates = chain.filter((certificate) => !certificate.isSelfIssued);
  if (!includeRoot) return intermediates.map((certificate) => certificate.der);
  const { anchors } = await trustOf(context.database, session.account.id);
  const top = intermediates.at(-1) ?? parseCertificate(signer.certificate);
  const root = [...chain, ...readable(anchors)].find(
    (certificate) => certificate.isSelfIssued && certificate.subjectRaw.equals(top.issuerRaw),
  );
  return [...intermediates, ...(root ? [root] : [])].map((certificate) => certificate.der);
}
