import type { Account } from '../../generated/prisma/client.ts';
import type { Certificate } from '../../pki/certificate.ts';
import type { KeyAlgorithm } from '../../pki/key-pair.ts';
import type { Pkcs12Form } from '../../pki/pkcs12-write.ts';
import type { Database } from '../database/connect.ts';
import { type IssuedFile, type IssueOutcome, issueDigitalId, openIssuer } from '../issuing/issue-digital-id.ts';

export type IssueRequest = {
  account: Pick<Account, 'id'>;
  /** Of the issuing authority */
  passphrase: string;
  /** Protects the `.pfx`; handed over by another way (T12) */
  pfxPassword: string;
  keyAlgorithm?: KeyAlgorithm;
  form?: Pkcs12Form;
  /** Where the pages are: certificates say where lists are */
  publicUrl?: URL;
};

export type IssueResult =
  /** `pfx` and `certificate` are of the first of the files; there are two where a programme gives split keys */
  | { ok: true; pfx: Buffer; certificate: Certificate; files: IssuedFile[] }
  | { ok: false; problem: 'no-authority' | 'wrong-passphrase' | Extract<IssueOutcome, { ok: false }>['problem'] };

/** Issues a Digital ID and hands its file out at once: for whoever operates the installation. The pages keep it for its holder. */
export async function issueIdentity(database: Database, request: IssueRequest, at: Date): Promise<IssueResult> {
  const { account, passphrase, pfxPassword, keyAlgorithm, form, publicUrl = null } = request;
  const { country } = await database.prisma.account.findUniqueOrThrow({
    where: { id: account.id },
    select: { country: { select: { programmeId: true } } },
  });
  const opened = await openIssuer(database, country.programmeId, passphrase, publicUrl, at);
  if (!opened.ok) return opened;
  try {
    const order = {
      accountId: account.id,
      pfxPassword,
      keep: null,
      ...(keyAlgorithm && { keyAlgorithm }),
      ...(form && { form }),
    };
    const outcome = await issueDigitalId(database, opened.issuer, order, at);
    if (!outcome.ok) return outcome;
    const [first] = outcome.files as [IssuedFile, ...IssuedFile[]];
    return { ok: true, pfx: first.pfx, certificate: first.certificate, files: outcome.files };
  } finally {
    opened.issuer.close();
  }
}
