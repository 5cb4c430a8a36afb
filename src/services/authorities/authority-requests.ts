import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { AuthorityRequest } from '../../generated/prisma/client.ts';
import { writeAuthorityRequest } from '../../pki/authority-request.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { readWhole } from '../../pki/der.ts';
import { generateKeyPair, type KeyAlgorithm } from '../../pki/key-pair.ts';
import { readPublicKeyInfo } from '../../pki/public-key.ts';
import { openUnderPassphrase, sealUnderPassphrase } from '../../vault/passphrase-seal.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { permittedDomain } from '../identities/authorities.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type Adopted, adoptAuthority } from './adopt-authority.ts';
import { openUnderCount, recordAuthority, type WrongPassphrase } from './record-authority.ts';

export type WantedRequest = { nonce: string; name: string; keyAlgorithm: KeyAlgorithm; passphrase: string };

/** The key of an issuing CA, made here, and the request that an outside root shall sign. */
export async function requestAuthority(
  context: Context,
  session: SignedIn,
  { nonce, name, keyAlgorithm, passphrase }: WantedRequest,
): Promise<AuthorityRequest> {
  const programme = administeredProgramme(session);
  const { privateKey } = await generateKeyPair(keyAlgorithm);
  try {
    const request = writeAuthorityRequest({
      privateKey,
      name,
      domains: [permittedDomain(programme.domainPattern)],
      clientAuthentication: programme.clientCertificates !== 'off',
    });
    const publicKey = publicKeyOf(privateKey);
    const { salt, sealed } = await sealUnderPassphrase(passphrase, privateKey, requestContext(publicKey));
    const { authorityRequest } = context.database.prisma;
    const known = await authorityRequest.findFirst({ where: { id: nonce, programmeId: programme.id } });
    if (known !== null) return known; // the same form once more
    const row = await authorityRequest.create({
      data: {
        id: nonce,
        programmeId: programme.id,
        name,
        request: new Uint8Array(request),
        publicKey: new Uint8Array(publicKey),
        keySalt: new Uint8Array(salt),
        sealedPrivateKey: new Uint8Array(sealed),
        createdAt: context.now(),
      },
    });
    await recordAuthority(context, session, row.id, 'done', 'authority-requested');
    return row;
  } finally {
    privateKey.fill(0);
  }
}

/** @throws AppError not-found */
export async function findAuthorityRequest(context: Context, session: SignedIn, id: string): Promise<AuthorityRequest> {
  const programmeId = administeredProgramme(session).id;
  const row = await context.database.prisma.authorityRequest.findFirst({ where: { id, programmeId } });
  if (row === null) throw new AppError('not-found');
  return row;
}

export type CompletedRequest = Adopted | { ok: false; problem: 'key-differs' } | WrongPassphrase;

/**
 * The certificate that came back makes the key an issuing CA, if it fits in every respect. The passphrase opens the key once, to seal
 * it with its certificate.
 */
export async function completeRequest(
  context: Context,
  session: SignedIn,
  request: AuthorityRequest,
  { certificates, passphrase }: { certificates: readonly Certificate[]; passphrase: string },
): Promise<CompletedRequest> {
  const keyBits = readPublicKeyInfo(readWhole(Buffer.from(request.publicKey))).keyBits;
  const certificate = certificates.find((each) => each.key.keyBits.equals(keyBits));
  if (certificate === undefined) {
    await recordAuthority(context, session, request.id, 'refused', 'authority-key-differs');
    return { ok: false, problem: 'key-differs' };
  }
  const sealContext = requestContext(request.publicKey);
  const opened = await openUnderCount(
    context,
    session,
    request.id,
    () => openUnderPassphrase(passphrase, request.keySalt, request.sealedPrivateKey, sealContext),
    (key) => void key.fill(0),
  );
  if (!opened.ok) return opened;
  try {
    const others = certificates.filter((each) => each !== certificate);
    const order = { certificate, privateKey: opened.value, passphrase, others, root: null };
    const adopted = await adoptAuthority(context, session, order);
    if (adopted.ok) await context.database.prisma.authorityRequest.deleteMany({ where: { id: request.id } });
    return adopted;
  } finally {
    opened.value.fill(0);
  }
}

/** Its key is gone with it. */
export async function discardRequest(context: Context, session: SignedIn, request: AuthorityRequest): Promise<void> {
  await context.database.prisma.authorityRequest.deleteMany({ where: { id: request.id } });
  await recordAuthority(context, session, request.id, 'done', 'authority-request-discarded');
}

function publicKeyOf(privateKey: Buffer): Buffer {
  const key = createPublicKey(createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }));
  return key.export({ format: 'der', type: 'spki' });
}

function requestContext(publicKey: Uint8Array): string {
  return `authority request ${Buffer.from(publicKey).toString('base64')}`;
}
