import type { Context } from '../../context.ts';
import type { Prisma, RequestedKey } from '../../generated/prisma/client.ts';
import type { RequestedUse } from '../../generated/prisma/enums.ts';
import { type Certificate, isAuthority } from '../../pki/certificate.ts';
import { parseCertificateRequest } from '../../pki/certificate-request.ts';
import { chainAbove } from '../../pki/pkcs12-identities.ts';
import { type OfferedRoot, offerRoots, programmeAuthorities, rootsAbove } from '../identities/import-identity.ts';
import { identityData, putIntoUse } from '../identities/stored-identity.ts';
import type { SignedIn } from '../sessions/session.ts';
import { holdVault, privateKeyContext, requestedKeyContext } from '../sessions/vault.ts';
import { isForKey, type MisfitCode, misfitOf } from './certificate-misfit.ts';
import { findRequest, listRequests, type RequestWithKeys } from './certificate-requests.ts';
import { readAnswer, type UnreadableAnswer } from './read-answer.ts';

/** `other-key`: for a key that is not here; `erased-key`: for one of a request that was given up; `installed`: was taken before. */
export type AnswerMisfit = {
  code: MisfitCode | 'other-key' | 'erased-key' | 'installed';
  name: string;
  addresses: readonly string[];
  notBefore: Date;
  notAfter: Date;
};

export type Installed = { use: RequestedUse; digitalIdId: string };

export type InstallResult =
  | { ok: true; installed: Installed[]; complete: boolean; misfits: AnswerMisfit[]; roots: OfferedRoot[] }
  | { ok: false; problem: UnreadableAnswer | 'only-authorities' | 'closed' }
  | { ok: false; problem: 'misfit'; misfits: AnswerMisfit[] };

type Fitting = { key: RequestedKey; certificate: Certificate; chain: Certificate[] };

/**
 * The certificate of an outside authority comes back (T21): of all that was sent, what fits an open key is taken, the rest is
 * its path. The key moves from the request to the Digital ID in one transaction; a root that came along is offered only (T13).
 */
export async function installCertificate(
  context: Context,
  session: SignedIn,
  requestId: string,
  inputs: readonly Uint8Array[],
  masterKey: Uint8Array,
): Promise<InstallResult> {
  const request = await findRequest(context, session, requestId);
  const result = await tryInstall(context, session, request, inputs, masterKey);
  const { account, network } = session;
  await context.audit.record({
    ...{ accountId: account.id, actor: account.address, network, action: 'identity-import', object: requestId },
    result: result.ok ? 'done' : 'refused',
    reason: reasonOf(result),
  });
  return result;
}

/** Of several that do not fit the first says enough: the page named them all. */
function reasonOf(result: InstallResult): string {
  if (result.ok) return `certificate for ${result.installed.map((each) => each.use).join(' ')}`;
  return `certificate ${result.problem === 'misfit' ? result.misfits[0]?.code : result.problem}`;
}

async function tryInstall(
  context: Context,
  session: SignedIn,
  request: RequestWithKeys,
  inputs: readonly Uint8Array[],
  masterKey: Uint8Array,
): Promise<InstallResult> {
  if (request.state !== 'open') return { ok: false, problem: 'closed' };
  const answer = readAnswer(inputs);
  if (!answer.ok) return answer;
  const { certificates } = answer;
  const known = await programmeAuthorities(context.database, session.account);
  const misfits: AnswerMisfit[] = [];
  const fitting: Fitting[] = [];
  for (const key of request.keys.filter((each) => each.digitalIdId === null)) {
    const found = bestFor(key, certificates, { address: session.account.address, at: context.now() }, misfits);
    if (found) fitting.push({ key, certificate: found, chain: chainAbove(found, [...certificates, ...known]) });
  }
  if (fitting.length === 0) {
    if (misfits.length === 0) misfits.push(...(await strangers(context, session, certificates)));
    return misfits.length === 0
      ? { ok: false, problem: 'only-authorities' }
      : { ok: false, problem: 'misfit', misfits };
  }
  const stored = await storeFitting(context, session, request, fitting, masterKey);
  if (stored === null) return { ok: false, problem: 'closed' };
  const tops = fitting.map(({ certificate, chain }) => chain.at(-1) ?? certificate);
  const roots = rootsAbove(tops, [...certificates, ...known]);
  const offered = await offerRoots(context.database, session.account, roots, 'file', context.now());
  return { ok: true, ...stored, misfits, roots: offered };
}

/** Of several that fit, the one that lasts longest; of those for this key that do not, why. */
function bestFor(
  key: RequestedKey,
  certificates: readonly Certificate[],
  { address, at }: { address: string; at: Date },
  misfits: AnswerMisfit[],
): Certificate | null {
  const { publicKey } = parseCertificateRequest(key.pkcs10);
  let best: Certificate | null = null;
  for (const certificate of certificates) {
    if (!isForKey(certificate, publicKey)) continue;
    const code = misfitOf(certificate, { address, use: key.use, at });
    if (code !== null) misfits.push(describe(code, certificate));
    else if (best === null || certificate.notAfter > best.notAfter) best = certificate;
  }
  return best;
}

function describe(code: AnswerMisfit['code'], certificate: Certificate): AnswerMisfit {
  const { commonName, subject, addresses, notBefore, notAfter } = certificate;
  return { code, name: commonName ?? subject, addresses, notBefore, notAfter };
}

/** Certificates of persons for no key that waits. */
async function strangers(
  context: Context,
  session: SignedIn,
  certificates: readonly Certificate[],
): Promise<AnswerMisfit[]> {
  const persons = certificates.filter((each) => !isAuthority(each));
  if (persons.length === 0) return [];
  const keys = (await listRequests(context, session)).flatMap((each) => each.keys);
  return persons.map((certificate) => {
    const own = keys.find((key) => isForKey(certificate, parseCertificateRequest(key.pkcs10).publicKey));
    if (own === undefined) return describe('other-key', certificate);
    return describe(own.digitalIdId === null ? 'erased-key' : 'installed', certificate);
  });
}

/** @returns null when another window closed the request meanwhile */
async function storeFitting(
  context: Context,
  session: SignedIn,
  request: RequestWithKeys,
  fitting: readonly Fitting[],
  masterKey: Uint8Array,
): Promise<{ installed: Installed[]; complete: boolean } | null> {
  const { account } = session;
  const sealed: { fit: Fitting; sealedKey: Uint8Array }[] = [];
  for (const fit of fitting) sealed.push({ fit, sealedKey: await adopt(context, session, fit, masterKey) });
  const at = context.now();
  return context.database.prisma.$transaction(async (tx) => {
    await holdVault(tx, account.id, masterKey);
    const held = await tx.$queryRaw<unknown[]>`
      select 1 from certificate_request where id = ${request.id}::uuid and state = 'open' for update`;
    if (held.length === 0) return null;
    const installed: Installed[] = [];
    for (const { fit, sealedKey } of sealed) {
      const digitalIdId = await moveKey(tx, account.id, fit, sealedKey, at);
      if (digitalIdId === null) return null;
      installed.push({ use: fit.key.use, digitalIdId });
    }
    const keys = await tx.requestedKey.findMany({ where: { requestId: request.id }, select: { digitalIdId: true } });
    const here = keys.flatMap((key) => key.digitalIdId ?? []);
    // Of two, the first to come waits where it would leave the clerk without the other purpose.
    await putIntoUse(tx, account.id, here, { at, longest: false });
    const complete = here.length === keys.length;
    if (complete) await close(tx, account.id, request.id, at);
    return { installed, complete };
  });
}

async function adopt(context: Context, session: SignedIn, { key, certificate }: Fitting, masterKey: Uint8Array) {
  const accountId = session.account.id;
  const answer = await context.workers.run(
    {
      kind: 'adopt-key',
      key: {
        sealedKey: key.sealedPrivateKey ?? new Uint8Array(),
        certificateDer: certificate.der,
        context: requestedKeyContext(accountId, key.spkiSha256),
      },
      masterKey,
      newContext: privateKeyContext(accountId, certificate.sha256),
    },
    accountId,
  );
  if (!answer.ok || answer.value === null)
    throw new Error(`a requested key: ${answer.ok ? 'does not fit its request' : `${answer.code}: ${answer.message}`}`);
  return answer.value;
}

/** @returns the Digital ID; null when this key has one already */
async function moveKey(
  tx: Prisma.TransactionClient,
  accountId: string,
  { key, certificate, chain }: Fitting,
  sealedKey: Uint8Array,
  at: Date,
): Promise<string | null> {
  const data = identityData(accountId, { certificate, chain, sealedKey, state: 'retired', at });
  await tx.digitalId.createMany({ skipDuplicates: true, data });
  const row = await tx.digitalId.findUniqueOrThrow({
    where: { accountId_sha256: { accountId, sha256: certificate.sha256 } },
    select: { id: true },
  });
  const moved = await tx.requestedKey.updateMany({
    where: { id: key.id, digitalIdId: null },
    data: { digitalIdId: row.id, sealedPrivateKey: null },
  });
  return moved.count === 1 ? row.id : null;
}

/** What was chosen before is out of use now. */
async function close(tx: Prisma.TransactionClient, accountId: string, requestId: string, at: Date): Promise<void> {
  await tx.certificateRequest.update({ where: { id: requestId }, data: { state: 'done', closedAt: at } });
  await tx.account.update({
    where: { id: accountId },
    data: { signingIdentityId: null, encryptionIdentityId: null },
  });
}
