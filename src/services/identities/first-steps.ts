import type { Context } from '../../context.ts';
import type { DigitalId, TrustAnchor } from '../../generated/prisma/client.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import type { OpenedMessage } from '../../smime/verdict.ts';
import type { SignedIn } from '../sessions/session.ts';
import { judgeOne } from '../trust/judge-path.ts';
import { type TrustMaterial, trustOf } from '../trust/trust-of.ts';
import { encryptionIdentity, hasAddress, identitiesOf, signingIdentity } from './own-keys.ts';

export const STEP_IDS = ['passphrase', 'identity', 'address', 'root', 'self-test', 'ready'] as const;
export type StepId = (typeof STEP_IDS)[number];
export type StepState = 'done' | 'now' | 'later';

export type FirstSteps = {
  /** Whether a person who signs in is led here */
  shown: boolean;
  steps: { id: StepId; state: StepState }[];
  done: number;
  /** What the person signs with, or else has at all */
  identity: DigitalId | null;
  addressFits: boolean;
  /** The root of that Digital ID as offered to this person; null when nobody has it */
  root: Pick<TrustAnchor, 'id' | 'subject' | 'sha1' | 'sha256' | 'notAfter' | 'state'> | null;
  /** When the test message left last, and when it was opened */
  selfTestSentAt: Date | null;
  selfTestedAt: Date | null;
};

/** Nonces of test messages begin so: their letters are found again by it. */
export const SELF_TEST_NONCE = 'self-test-';

/** How far the set-up of this person has come, from what is stored: nothing is remembered about the steps themselves. */
export async function readFirstSteps(context: Context, session: SignedIn): Promise<FirstSteps> {
  const { database } = context;
  const { account } = session;
  const at = context.now();
  const [signing, encrypting, all, anchors, trust, test] = await Promise.all([
    signingIdentity(database, account, at),
    encryptionIdentity(database, account, at),
    identitiesOf(database, account.id),
    database.prisma.trustAnchor.findMany({ where: { accountId: account.id } }),
    trustOf(database, account.id),
    database.prisma.letter.findFirst({
      where: { accountId: account.id, nonce: { startsWith: SELF_TEST_NONCE } },
      orderBy: { createdAt: 'desc' },
      select: { createdAt: true },
    }),
  ]);
  const identity = signing ?? encrypting ?? all[0] ?? null;
  const addressFits = identity !== null && hasAddress(identity.addresses, account.address);
  const reached: Record<StepId, boolean> = {
    passphrase: session.hasVault,
    identity: signing !== null && encrypting !== null,
    address: addressFits,
    root: identity !== null && (await isTrusted(context, session, identity, trust)),
    'self-test': account.selfTestedAt !== null,
    ready: false,
  };
  reached.ready = STEP_IDS.every((id) => id === 'ready' || reached[id]);
  const current = STEP_IDS.find((id) => !reached[id]);
  const steps = STEP_IDS.map((id) => ({ id, state: stateOf(reached[id], id === current) }));
  return {
    shown: !account.firstStepsHidden && !reached.ready,
    steps,
    done: steps.filter((step) => step.state === 'done').length,
    identity,
    addressFits,
    root: identity ? rootOf(identity, anchors) : null,
    selfTestSentAt: test?.createdAt ?? null,
    selfTestedAt: account.selfTestedAt,
  };
}

function stateOf(reached: boolean, current: boolean): StepState {
  if (reached) return 'done';
  return current ? 'now' : 'later';
}

async function isTrusted(
  context: Context,
  session: SignedIn,
  identity: DigitalId,
  trust: TrustMaterial,
): Promise<boolean> {
  const judged = await judgeOne(context, session, { certificate: identity.certificate, chain: identity.chain }, trust);
  return judged?.valid ?? false;
}

/** The anchor, trusted or not, at which the path of this Digital ID would end. */
function rootOf(identity: DigitalId, anchors: TrustAnchor[]): TrustAnchor | null {
  const top = [identity.certificate, ...identity.chain].map((der) => parseCertificate(der)).at(-1) as Certificate;
  const own = anchors.find((anchor) => anchor.sha256 === top.sha256);
  if (own) return own;
  return anchors.find((anchor) => parseCertificate(anchor.certificate).subjectRaw.equals(top.issuerRaw)) ?? null;
}

/**
 * Called with each message a person opened: the test of the first steps has passed when one's own letter, signed and
 * encrypted, came back and its signature was trusted.
 */
export async function noteSelfTest(
  context: Context,
  session: SignedIn,
  opened: Pick<OpenedMessage, 'from' | 'to' | 'signature' | 'encryption'>,
): Promise<void> {
  const { account } = session;
  if (account.selfTestedAt !== null) return;
  if (opened.signature.status !== 'trusted' || opened.encryption.status !== 'encrypted') return;
  const isOwn = (each: { address: string }) => each.address.toLowerCase() === account.addressKey;
  if (!opened.from.some(isOwn) || !opened.to.some(isOwn)) return;
  await context.database.prisma.account.update({ where: { id: account.id }, data: { selfTestedAt: context.now() } });
}

/** The person does not want to be led here at sign-in, or wants to again. */
export async function hideFirstSteps(context: Context, session: SignedIn, hidden: boolean): Promise<void> {
  await context.database.prisma.account.update({
    where: { id: session.account.id },
    data: { firstStepsHidden: hidden },
  });
}
