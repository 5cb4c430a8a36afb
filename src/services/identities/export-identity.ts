import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { DigitalId } from '../../generated/prisma/client.ts';
import { writeCertificateBundle } from '../../pki/certificate-bundle.ts';
import type { Pkcs12Form } from '../../pki/pkcs12-write.ts';
import type { SignedIn } from '../sessions/session.ts';
import { openVault } from '../sessions/vault.ts';
import { findIdentity } from './identities.ts';
import { sealedKeyOf } from './own-keys.ts';

export type ExportedFile = { name: string; bytes: Buffer };

const BACKUP_PASSWORD_MIN_LENGTH = 10;

/** `.p7b` with the whole path and never the key (T15); `.cer` with the certificate alone, in DER. */
export async function exportCertificate(
  context: Context,
  session: SignedIn,
  id: string,
  as: 'p7b' | 'cer',
): Promise<ExportedFile> {
  const { row } = await findIdentity(context, session, id);
  const path = [row.certificate, ...row.chain].map((der) => ({ der: Buffer.from(der) }));
  const bytes = as === 'p7b' ? writeCertificateBundle(path) : Buffer.from(row.certificate);
  await recordExport(context, session, row, 'done', as);
  return { name: fileName(row, as), bytes };
}

export type BackupRequest = {
  /** Asked for again although the keys are open: an unattended window must not be enough */
  passphrase: string;
  password: string;
  repeated: string;
  form: Pkcs12Form;
};

export type BackupPasswordProblem = 'too-short' | 'not-repeated' | 'same-as-passphrase' | 'not-ascii';
export type BackupResult =
  | { ok: true; file: ExportedFile }
  | { ok: false; problem: BackupPasswordProblem | 'wrong-passphrase' }
  | { ok: false; problem: 'too-many-attempts'; retryAt: Date };

/** The Digital ID with its private key as a `.pfx` under a password of its own, for a safe place (T26). */
export async function exportBackup(
  context: Context,
  session: SignedIn,
  id: string,
  request: BackupRequest,
): Promise<BackupResult> {
  const { row } = await findIdentity(context, session, id);
  if (row.lostVaultId !== null) throw new AppError('not-found');
  const problem = passwordProblem(request);
  if (problem) return { ok: false, problem };
  const by = { kind: 'passphrase', secret: request.passphrase } as const;
  const opened = await openVault(context.database, context.config, session.account.id, by, context.now());
  if (!opened.ok) {
    await recordExport(context, session, row, 'refused', opened.reason);
    if (opened.reason === 'too-many-attempts')
      return { ok: false, problem: 'too-many-attempts', retryAt: opened.retryAt };
    return { ok: false, problem: 'wrong-passphrase' };
  }
  const bytes = await writeBackup(context, session, row, request, opened.masterKey);
  // Whoever changed the passphrase meanwhile, or gave the keys up, shut this one out.
  const { count } = await context.database.prisma.digitalId.updateMany({
    where: { id: row.id, lostVaultId: null, account: { vault: { version: opened.version } } },
    data: { backedUpAt: context.now() },
  });
  if (count === 0) {
    await recordExport(context, session, row, 'refused', 'wrong');
    return { ok: false, problem: 'wrong-passphrase' };
  }
  await recordExport(context, session, row, 'done', `pfx ${request.form}`);
  return { ok: true, file: { name: fileName(row, 'pfx'), bytes } };
}

async function writeBackup(
  context: Context,
  session: SignedIn,
  row: DigitalId,
  { password, form }: BackupRequest,
  masterKey: Buffer,
): Promise<Buffer> {
  const key = sealedKeyOf(row);
  try {
    const written = await context.workers.run(
      { kind: 'pkcs12-write', key, masterKey, chain: row.chain, password, form, friendlyName: row.commonName },
      session.account.id,
    );
    if (!written.ok) throw new Error(`writing a PKCS#12 file: ${written.code}: ${written.message}`);
    return Buffer.from(written.value);
  } finally {
    masterKey.fill(0);
  }
}

function passwordProblem(request: BackupRequest): BackupPasswordProblem | null {
  if (request.password.length < BACKUP_PASSWORD_MIN_LENGTH) return 'too-short';
  // The file may lie anywhere: guessing its password must not open the vault.
  if (request.password.normalize('NFKC') === request.passphrase.normalize('NFKC')) return 'same-as-passphrase';
  // Programs disagree on how other letters become bytes of the key.
  if (!/^[\x20-\x7e]+$/.test(request.password)) return 'not-ascii';
  return request.password === request.repeated ? null : 'not-repeated';
}

/** Letters of the address only: the name goes into a header and on to any file system. */
function fileName(row: DigitalId, extension: string): string {
  const base = (row.addresses[0] ?? 'digital-id').split('@')[0]?.replace(/[^\w.-]+/g, '_') || 'digital-id';
  return `${base}.${extension}`;
}

async function recordExport(
  context: Context,
  session: SignedIn,
  row: DigitalId,
  result: 'done' | 'refused',
  reason: string,
): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'identity-export',
    object: row.sha256,
    result,
    reason,
  });
}
