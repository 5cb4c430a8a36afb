import { randomBytes } from 'node:crypto';
import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Issuance, IssuedCertificate, KeptPfx } from '../../generated/prisma/client.ts';
import type { Pkcs12Form } from '../../pki/pkcs12-write.ts';
import { openSealed } from '../../vault/seal.ts';
import { groupSpokenCode } from '../../vault/spoken-code.ts';
import type { Database } from '../database/connect.ts';
import { type ImportResult, importIdentities } from '../identities/import-identity.ts';
import { countAttempt, forgetAttempts } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { keptPfxContext } from './kept-secrets.ts';
import { recordIssuing } from './record-issuing.ts';

const PASSWORD_ATTEMPTS = 20;

export type OfferedFile = Pick<IssuedCertificate, 'id' | 'usage' | 'certificate' | 'sha256'>;
export type Offered = Issuance & { files: OfferedFile[] };

/** What was issued to this person and waits to be installed (T10, T12); null when nothing does. */
export async function readOffered(context: Context, session: SignedIn): Promise<Offered | null> {
  const row = await context.database.prisma.issuance.findFirst({
    where: { accountId: session.account.id, closedAt: null, files: { some: {} } },
    include: { files: { include: { issued: true }, orderBy: { issued: { usage: 'desc' } } } },
  });
  if (row === null) return null;
  const { files, ...offered } = row;
  // One that was revoked meanwhile is of no use.
  if (files.some(({ issued }) => issued.revokedAt !== null)) return null;
  return {
    ...offered,
    files: files.map(({ issued: { id, usage, certificate, sha256 } }) => ({ id, usage, certificate, sha256 })),
  };
}

/** The administrators see that the password is asked for. Asked twice, it was asked for the first time. */
export async function requestPassword(context: Context, session: SignedIn): Promise<void> {
  const offered = await findOffered(context, session);
  const requested = await context.database.prisma.issuance.updateMany({
    where: { id: offered.id, closedAt: null, requestedAt: null },
    data: { requestedAt: context.now() },
  });
  if (requested.count === 1) await recordIssuing(context, session, offered.id, 'done', 'password-requested');
}

/**
 * Installs what waits through the same import as a file that was chosen: address, purposes and roots are judged there. The files are
 * erased after it. A wrong password changes nothing.
 */
export async function installOffered(
  context: Context,
  session: SignedIn,
  masterKey: Uint8Array,
  password: string,
): Promise<ImportResult> {
  const offered = await findOffered(context, session);
  let together = null as Extract<ImportResult, { ok: true }> | null;
  for (const bytes of await openFiles(context, offered.id)) {
    const result = await importIdentities(context, session, { bytes, password: groupSpokenCode(password) }, masterKey);
    const there =
      !result.ok &&
      result.code === 'nothing-imported' &&
      result.refused.every((each) => each.reason === 'already-there');
    if (!result.ok && !there) return result;
    const { imported, refused, roots } = result.ok ? result : { imported: [], refused: result.refused, roots: [] };
    together = {
      ok: true,
      imported: [...(together?.imported ?? []), ...imported],
      refused: [...(together?.refused ?? []), ...refused],
      roots: [...new Map([...(together?.roots ?? []), ...roots].map((root) => [root.id, root])).values()],
    };
  }
  if (together === null) throw new AppError('not-found');
  await finish(context, session, offered.id);
  return together;
}

export type DownloadResult =
  | { ok: true; name: string; bytes: Buffer }
  | { ok: false; problem: 'wrong-password' | 'too-many-attempts' };

/** The file as it is kept, or in the form of old programs: that one is written anew, for which the password is needed. */
export async function downloadOffered(
  context: Context,
  session: SignedIn,
  wanted: { file: string; form: Pkcs12Form; password: string },
): Promise<DownloadResult> {
  const offered = await findOffered(context, session);
  const file = offered.files.find((each) => each.id === wanted.file);
  if (file === undefined) throw new AppError('not-found');
  const [kept] = await openFiles(context, offered.id, file.id);
  if (kept === undefined) throw new AppError('not-found');
  const converted =
    wanted.form === 'legacy' ? await writtenForOld(context, session, kept, groupSpokenCode(wanted.password)) : kept;
  if (typeof converted === 'string') {
    await recordIssuing(context, session, file.sha256, 'refused', converted);
    return { ok: false, problem: converted };
  }
  await recordIssuing(context, session, file.sha256, 'done', `pfx-downloaded-${wanted.form}`);
  const base = session.account.address.split('@')[0]?.replace(/[^\w.-]+/g, '_') || 'digital-id';
  const name = `${base}${file.usage === 'both' ? '' : `.${file.usage}`}.pfx`;
  return { ok: true, name, bytes: converted };
}

/** Both steps in workers; the key is sealed under a key of the moment between them. */
async function writtenForOld(
  context: Context,
  session: SignedIn,
  bytes: Buffer,
  password: string,
): Promise<Buffer | 'wrong-password' | 'too-many-attempts'> {
  const { database, config, workers } = context;
  const { id, address } = session.account;
  const attemptKey = keyOf(config.serverKeys, config.serverKeys.current);
  const attempt = await countAttempt(database, 'import', id, PASSWORD_ATTEMPTS, attemptKey, context.now());
  if (!attempt.allowed) return 'too-many-attempts';
  const masterKey = randomBytes(32);
  try {
    const read = await workers.run({ kind: 'pkcs12-read', bytes, password, masterKey, contextPrefix: '' }, id);
    if (!read.ok) throw new Error(`reading a kept file: ${read.code}: ${read.message}`);
    if (!read.value.ok) return 'wrong-password';
    await forgetAttempts(database, 'import', id, attemptKey);
    const key = read.value.identities[0];
    if (key === undefined) throw new Error('a kept file has no key');
    const job = { key, masterKey, chain: key.chain, password, form: 'legacy', friendlyName: address } as const;
    const written = await workers.run({ kind: 'pkcs12-write', ...job }, id);
    if (!written.ok) throw new Error(`writing a kept file: ${written.code}: ${written.message}`);
    return Buffer.from(written.value);
  } finally {
    masterKey.fill(0);
  }
}

/** What nobody fetched in time, and what was left of passwords. The Digital ID itself stays; a lost one is replaced. */
export async function removeOldOffers(database: Database, at: Date): Promise<void> {
  const old = { issuance: { keptUntil: { lt: at } } };
  await database.prisma.keptPfx.deleteMany({ where: old });
  await database.prisma.pfxPasswordShare.deleteMany({ where: old });
}

async function findOffered(context: Context, session: SignedIn): Promise<Offered> {
  const offered = await readOffered(context, session);
  if (offered === null) throw new AppError('not-found');
  return offered;
}

async function openFiles({ database, config }: Context, issuanceId: string, issuedId?: string): Promise<Buffer[]> {
  const rows = await database.prisma.keptPfx.findMany({
    where: { issuanceId, ...(issuedId === undefined ? {} : { issuedId }) },
  });
  return rows.map((row: KeptPfx) =>
    openSealed(keyOf(config.serverKeys, row.serverKeyVersion), row.sealed, keptPfxContext(row.issuedId)),
  );
}

async function finish(context: Context, session: SignedIn, id: string): Promise<void> {
  const { prisma } = context.database;
  await prisma.$transaction([
    prisma.issuance.update({ where: { id }, data: { installedAt: context.now() } }),
    prisma.keptPfx.deleteMany({ where: { issuanceId: id } }),
    prisma.pfxPasswordShare.deleteMany({ where: { issuanceId: id } }),
  ]);
  await recordIssuing(context, session, id, 'done', 'pfx-installed');
}
