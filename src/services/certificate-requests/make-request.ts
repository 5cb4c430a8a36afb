import { randomUUID } from 'node:crypto';
import type { Context } from '../../context.ts';
import type { RequestedUse } from '../../generated/prisma/enums.ts';
import { parseCertificateRequest } from '../../pki/certificate-request.ts';
import type { KeyAlgorithm } from '../../pki/key-pair.ts';
import { isTaken } from '../database/taken.ts';
import type { SignedIn } from '../sessions/session.ts';
import { holdVault, requestedKeyContext } from '../sessions/vault.ts';
import { openRequest, type RequestPermission, recordRequest, requestPermission } from './certificate-requests.ts';

/** RFC 5280 appendix A.1: ub-common-name, ub-organization-name. */
const NAME_MAX = 64;
export const ORGANISATION_MAX = NAME_MAX;
export const REQUEST_ALGORITHMS = ['RSA-3072', 'P-256', 'P-384'] as const satisfies readonly KeyAlgorithm[];

export type RequestWishes = {
  algorithm: (typeof REQUEST_ALGORITHMS)[number];
  /** One key for both, or one for signing and one for encryption, each with its request (S09) */
  keyPairs: 'one' | 'two';
  organisation: string;
  withCountry: boolean;
};

export type MadeRequest = { ok: true; id: string } | Exclude<RequestPermission, { ok: true }>;

/**
 * Makes the keys in a worker and keeps them sealed under the master key, with the requests for their certificates (T21).
 * Keys and requests are stored together or not at all; the database lets one request be open.
 */
export async function makeRequest(
  context: Context,
  session: SignedIn,
  wishes: RequestWishes,
  masterKey: Uint8Array,
): Promise<MadeRequest> {
  const permission = await requestPermission(context, session);
  if (!permission.ok) return permission;
  const { account } = session;
  const uses: RequestedUse[] = wishes.keyPairs === 'one' ? ['both'] : ['sign', 'encrypt'];
  const keys = [];
  for (const use of uses) keys.push(await makeKey(context, session, wishes, use, masterKey));
  const id = randomUUID();
  const data = { id, accountId: account.id, madeAt: context.now(), keys: { create: keys } };
  try {
    await context.database.prisma.$transaction(async (tx) => {
      await holdVault(tx, account.id, masterKey);
      await tx.certificateRequest.create({ data });
    });
  } catch (error) {
    // Another window or node was first.
    const other = isTaken(error) ? await openRequest(context, account.id) : null;
    if (other === null) throw error;
    return { ok: false, reason: 'already-open', id: other.id };
  }
  await recordRequest(context, session, id, 'done', `request made ${uses.join(' ')}`);
  return { ok: true, id };
}

async function makeKey(
  context: Context,
  session: SignedIn,
  wishes: RequestWishes,
  use: RequestedUse,
  masterKey: Uint8Array,
) {
  const { account } = session;
  const organisation = wishes.organisation.trim();
  const made = await context.workers.run(
    {
      kind: 'request-key',
      algorithm: wishes.algorithm,
      subject: {
        name: [...`${account.firstName} ${account.surname}`].slice(0, NAME_MAX).join(''),
        ...(organisation === '' ? {} : { organisation }),
        ...(wishes.withCountry ? { country: account.country.isoCode } : {}),
      },
      address: account.address,
      usage: use,
      masterKey,
      contextPrefix: requestedKeyContext(account.id, ''),
    },
    account.id,
  );
  if (!made.ok) throw new Error(`making a key: ${made.code}: ${made.message}`);
  const { request, sealedKey, spkiSha256 } = made.value;
  const read = parseCertificateRequest(request);
  return {
    id: randomUUID(),
    use,
    keyLabel: read.key.label,
    subject: read.subject,
    pkcs10: new Uint8Array(request),
    spkiSha256,
    sealedPrivateKey: new Uint8Array(sealedKey),
  };
}
