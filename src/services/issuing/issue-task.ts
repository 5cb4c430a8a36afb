import { randomBytes } from 'node:crypto';
import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { IssuingTask, RevocationReason } from '../../generated/prisma/client.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import type { Pkcs12Contents } from '../../pki/pkcs12-write.ts';
import { sealUnder } from '../../vault/seal.ts';
import { sealTo } from '../../vault/sealed-box.ts';
import { generateSpokenCode } from '../../vault/spoken-code.ts';
import { administeredProgramme } from '../administration/administered.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type IssueOrder, type IssueOutcome, type Issuer, issueDigitalId } from './issue-digital-id.ts';
import { keptPfxContext, passwordShareContext } from './kept-secrets.ts';
import { recordIssuing } from './record-issuing.ts';

/** 100 random bits. */
const PASSWORD_CHARACTERS = 20;

/** - `failed`: something is broken; the log says more */
export type TaskOutcome = 'issued' | Extract<IssueOutcome, { ok: false }>['problem'] | 'failed';

/** Another node took this task over: what was made here is not stored. */
class TaskTakenError extends Error {}

/** One account's turn. Its outcome and what was issued are stored together: whoever goes on after a crash finds both or neither. */
export async function issueTask(
  context: Context,
  session: SignedIn,
  issuer: Issuer,
  task: IssuingTask,
  replaces: RevocationReason | null,
): Promise<void> {
  let outcome: TaskOutcome;
  try {
    outcome = await tryTask(context, session, issuer, task, replaces);
  } catch (error) {
    if (error instanceof TaskTakenError) return;
    // One that fails must not keep the others from theirs.
    await recordIssuing(context, session, task.accountId, 'failed', 'issuing-failed');
    outcome = 'failed';
  }
  const { jobId, accountId } = task;
  if (outcome !== 'issued')
    await context.database.prisma.issuingTask.updateMany({
      where: { jobId, accountId, outcome: null },
      data: { outcome },
    });
}

async function tryTask(
  context: Context,
  session: SignedIn,
  issuer: Issuer,
  task: IssuingTask,
  replaces: RevocationReason | null,
): Promise<TaskOutcome> {
  const password = generateSpokenCode(PASSWORD_CHARACTERS);
  const order: IssueOrder = {
    accountId: task.accountId,
    pfxPassword: password,
    write: (contents) => writeInWorker(context, session, contents),
    keep: await keeper(context, session, task, password),
    ...(replaces && { replaces }),
  };
  const outcome = await issueDigitalId(context.database, issuer, order, context.now());
  if (!outcome.ok) {
    await recordIssuing(context, session, task.accountId, 'refused', outcome.problem);
    return outcome.problem;
  }
  for (const sha256 of outcome.revoked)
    await recordIssuing(context, session, sha256, 'done', `replaced-${replaces ?? 'superseded'}`, 'revoke');
  for (const { certificate } of outcome.files)
    await recordIssuing(context, session, certificate.sha256, 'done', replaces ? 'replacement' : 'issued');
  return 'issued';
}

/** The key goes there sealed under a key of the moment. */
async function writeInWorker(context: Context, session: SignedIn, contents: Pkcs12Contents): Promise<Buffer> {
  const { privateKey, certificate, chain, password, form, friendlyName } = contents;
  const { sha256 } = parseCertificate(certificate.der);
  const masterKey = randomBytes(32);
  try {
    const key = {
      sealedKey: sealUnder(masterKey, privateKey, sha256),
      context: sha256,
      certificateDer: certificate.der,
    };
    const written = await context.workers.run(
      { kind: 'pkcs12-write', key, masterKey, chain: chain.map(({ der }) => der), password, form, friendlyName },
      session.account.id,
    );
    if (!written.ok) throw new Error(`writing a PKCS#12 file: ${written.code}: ${written.message}`);
    return Buffer.from(written.value);
  } finally {
    masterKey.fill(0);
  }
}

/** The files under K_srv, their password to the vaults of the administrators: never both under one secret. */
async function keeper(
  context: Context,
  session: SignedIn,
  { jobId, accountId }: IssuingTask,
  password: string,
): Promise<NonNullable<IssueOrder['keep']>> {
  const { serverKeys } = context.config;
  const serverKeyVersion = serverKeys.current;
  const administrators = await releasers(context, session);
  return async (tx, issuanceId, files) => {
    const taken = await tx.issuingTask.updateMany({
      where: { jobId, accountId, outcome: null },
      data: { outcome: 'issued' satisfies TaskOutcome },
    });
    if (taken.count !== 1) throw new TaskTakenError();
    await tx.keptPfx.createMany({
      data: files.map(({ issuedId, pfx }) => ({
        issuedId,
        issuanceId,
        serverKeyVersion,
        sealed: new Uint8Array(sealUnder(keyOf(serverKeys, serverKeyVersion), pfx, keptPfxContext(issuedId))),
      })),
    });
    await tx.pfxPasswordShare.createMany({
      data: administrators.map((administrator) => ({
        issuanceId,
        administratorId: administrator.accountId,
        sealed: new Uint8Array(
          sealTo(
            administrator.draftPublicKey,
            Buffer.from(password),
            passwordShareContext(issuanceId, administrator.accountId),
          ),
        ),
      })),
    });
  };
}

/** Central administrators of the programme, by home or by grant, who have a vault: each of them can release the password. */
function releasers(context: Context, session: SignedIn) {
  const programmeId = administeredProgramme(session).id;
  return context.database.prisma.vault.findMany({
    where: {
      account: {
        role: 'central',
        state: 'active',
        OR: [{ country: { programmeId } }, { programmeGrants: { some: { programmeId } } }],
      },
    },
    select: { accountId: true, draftPublicKey: true },
  });
}
