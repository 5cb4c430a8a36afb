import type { Account } from '../../generated/prisma/client.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { type Authority, issuePersonalCertificate, type PersonalUsage } from '../../pki/issue.ts';
import { generateKeyPair, type KeyAlgorithm } from '../../pki/key-pair.ts';
import { type Pkcs12Form, writePkcs12 } from '../../pki/pkcs12-write.ts';
import type { Database } from '../database/connect.ts';
import { openAuthority, POLICY_OID } from './authorities.ts';

const DAY_MS = 86_400_000;
/** Clocks of partners may be behind ours. */
const BACKDATED_MS = 5 * 60_000;

export type IssueRequest = {
  account: Pick<Account, 'id'>;
  /** Of the issuing authority */
  passphrase: string;
  /** Protects the `.pfx`; handed over by another way (T12) */
  pfxPassword: string;
  usage?: PersonalUsage;
  keyAlgorithm?: KeyAlgorithm;
  form?: Pkcs12Form;
};

export type IssueResult =
  | { ok: true; pfx: Buffer; certificate: Certificate }
  | { ok: false; problem: 'no-authority' | 'wrong-passphrase' };

/**
 * Issues a Digital ID for exactly the account's address (T10, T11, T12): the certificate is recorded, the private key
 * exists only in the `.pfx`, which carries the whole path.
 */
export async function issueIdentity(database: Database, request: IssueRequest, at: Date): Promise<IssueResult> {
  const account = await database.prisma.account.findUniqueOrThrow({
    where: { id: request.account.id },
    include: { country: { include: { programme: { include: { authorities: { orderBy: { createdAt: 'desc' } } } } } } },
  });
  const { programme } = account.country;
  const issuingRow = programme.authorities.find((each) => each.kind === 'issuing');
  const rootRow = programme.authorities.find((each) => each.kind === 'root');
  if (!issuingRow || !rootRow) return { ok: false, problem: 'no-authority' };
  const issuer = await openAuthority(issuingRow, request.passphrase);
  if (!issuer) return { ok: false, problem: 'wrong-passphrase' };
  const pair = await generateKeyPair(request.keyAlgorithm ?? (programme.keyAlgorithm as KeyAlgorithm));
  const certificate = await issuePersonalCertificate({
    issuer,
    name: `${account.firstName} ${account.surname}`,
    address: account.address,
    publicKey: pair.publicKey,
    usage: request.usage ?? 'both',
    policyOid: POLICY_OID,
    ...lifeFrom(at, programme.digitalIdDays, issuer),
  });
  issuer.privateKey.fill(0);
  await database.prisma.issuedCertificate.create({
    data: {
      authorityId: issuingRow.id,
      accountId: account.id,
      address: account.address,
      usage: request.usage ?? 'both',
      certificate: new Uint8Array(certificate.der),
      serialNumber: certificate.serialNumber,
      sha256: certificate.sha256,
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
      issuedAt: at,
    },
  });
  const pfx = writePkcs12({
    privateKey: pair.privateKey,
    certificate,
    chain: [issuer.certificate, parseCertificate(rootRow.certificate)],
    password: request.pfxPassword,
    form: request.form ?? 'modern',
    friendlyName: account.address,
  });
  pair.privateKey.fill(0);
  return { ok: true, pfx, certificate };
}

/** One month in the test phase (T11), never longer than the authority itself. */
function lifeFrom(at: Date, days: number, issuer: Authority): { notBefore: Date; notAfter: Date } {
  const notBefore = Math.max(at.getTime() - BACKDATED_MS, issuer.certificate.notBefore.getTime());
  const notAfter = Math.min(notBefore + days * DAY_MS, issuer.certificate.notAfter.getTime());
  return { notBefore: new Date(notBefore), notAfter: new Date(notAfter) };
}
