import type { Context } from '../../context.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import type { Authority } from '../../pki/issue.ts';
import type { KeyAlgorithm } from '../../pki/key-pair.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { certifyAlong } from '../evidence/certify-signer.ts';
import {
  AUTHORITY_PASSPHRASE_MIN_LENGTH,
  createAuthorities,
  issuingBelow,
  type NewAuthorities,
  openAuthority,
  overwriteKey,
  sealedAuthority,
} from '../identities/authorities.ts';
import { signDirectList } from '../publishing/publish-lists.ts';
import type { SignedIn } from '../sessions/session.ts';
import { findAuthority } from './list-authorities.ts';
import { openUnderCount, recordAuthority, type WrongPassphrase } from './record-authority.ts';

export const PASSPHRASE_MAX_LENGTH = 200;
export const NAME_MAX_LENGTH = 64;

export type NewPassphrase = { passphrase: string; repeated: string };
export type NewPassphraseProblem = 'too-short' | 'too-long' | 'not-repeated';

/** The rule for passphrases of authorities: length counts. */
export function authorityPassphraseProblem({ passphrase, repeated }: NewPassphrase): NewPassphraseProblem | null {
  if (passphrase.length < AUTHORITY_PASSPHRASE_MIN_LENGTH) return 'too-short';
  if (passphrase.length > PASSPHRASE_MAX_LENGTH) return 'too-long';
  return passphrase === repeated ? null : 'not-repeated';
}

export type WantedAuthorities = {
  /** Of the form: sent twice it makes one */
  nonce: string;
  rootName: string;
  issuingName: string;
  keyAlgorithm: KeyAlgorithm;
  rootPassphrase: string;
  passphrase: string;
};

/** Root and issuing CA of the programme (T12); the programme stands behind the root that was made here. */
export async function makeAuthorities(context: Context, session: SignedIn, wanted: WantedAuthorities): Promise<void> {
  const { database, config } = context;
  const programme = administeredProgramme(session);
  const order: NewAuthorities = {
    ...wanted,
    id: wanted.nonce,
    publicUrl: config.publicUrl,
    whileOpen: (row, opened) => signDirectList(context, row, opened),
  };
  const made = await onceOnly(() => createAuthorities(database, programme, order, context.now()));
  if (made === null) return;
  await recordAuthority(context, session, made.root.sha256, 'done', 'root-made');
  await recordAuthority(context, session, made.issuing.sha256, 'done', 'authority-made');
  await certifyAlong(context, session, wanted.passphrase);
}

export type WantedIssuing = {
  nonce: string;
  /** Id of the root */
  root: string;
  rootPassphrase: string;
  issuingName: string;
  keyAlgorithm: KeyAlgorithm;
  passphrase: string;
};

/**
 * Another issuing CA below a root whose key is here: it issues from now on, and what the older one issued stays.
 * @throws AppError not-found
 */
export async function makeIssuing(
  context: Context,
  session: SignedIn,
  wanted: WantedIssuing,
): Promise<{ ok: true } | WrongPassphrase> {
  const programme = administeredProgramme(session);
  const row = await findAuthority(context, session, wanted.root, 'root');
  const open = () => openAuthority(row, wanted.rootPassphrase);
  const opened = await openUnderCount(context, session, row.sha256, open, overwriteKey);
  if (!opened.ok) return opened;
  const at = context.now();
  const { issuingName: name, keyAlgorithm } = wanted;
  try {
    const { publicUrl } = context.config;
    const issuing = await issuingBelow(opened.value, programme, { name, keyAlgorithm, publicUrl, at });
    const made = await storeIssuing(context, programme.id, issuing, wanted);
    await signDirectList(context, row, opened.value);
    if (made) await recordAuthority(context, session, issuing.certificate.sha256, 'done', 'authority-made');
    return { ok: true };
  } finally {
    overwriteKey(opened.value);
  }
}

/** Its key is open for its first lists, and then no more. */
async function storeIssuing(
  context: Context,
  programmeId: string,
  issuing: Authority,
  { nonce, passphrase }: WantedIssuing,
): Promise<boolean> {
  try {
    const data = await sealedAuthority(programmeId, 'issuing', issuing, passphrase);
    const { authority } = context.database.prisma;
    const made = await onceOnly(() => authority.create({ data: { ...data, id: nonce, createdAt: context.now() } }));
    if (made) await signDirectList(context, made, issuing);
    return made !== null;
  } finally {
    overwriteKey(issuing);
  }
}

/** Null when it was made already by the same form. */
async function onceOnly<T>(make: () => Promise<T>): Promise<T | null> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return null;
    throw error;
  }
}
