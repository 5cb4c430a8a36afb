import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { signedIn } from '../../plugins/session.ts';
import { messageHref, parseMessageRef } from '../../services/mailbox/message-ref.ts';
import { readMessage } from '../../services/mailbox/read-message.ts';
import {
  contactCertificateAsSubject,
  type TrustSubject,
  untrustedSignerOf,
} from '../../services/trust/untrusted-signer.ts';
import type { SignatureStatus } from '../../smime/verdict.ts';

const Names = z.union([
  z.object({ folder: z.string().max(1400), message: z.string().max(40) }),
  z.object({ certificate: z.uuid() }),
]);

export type NamedSubject = {
  /** Null where the signature leaves nothing to settle; `status` says why */
  subject: TrustSubject | null;
  status: SignatureStatus | null;
  /** The page that it belongs to, and the same reference for links and hidden fields */
  home: string;
  reference: Record<string, string>;
};

/**
 * Whose certificate a page is about: the signer of a message, opened and judged anew, or a contact's Digital ID.
 * @throws AppError not-found, message-gone, keys-locked
 */
export async function namedSubject(context: Context, request: FastifyRequest, source: unknown): Promise<NamedSubject> {
  const session = signedIn(request);
  const names = Names.safeParse(source);
  if (!names.success) throw new AppError('not-found');
  if ('certificate' in names.data) {
    const { certificate } = names.data;
    const subject = await contactCertificateAsSubject(context, session, certificate);
    const home = `/contacts/${subject.contactId}`;
    return { subject, status: null, home, reference: { certificate } };
  }
  const { folder, message } = names.data;
  const ref = parseMessageRef(folder, message);
  if (!ref) throw new AppError('message-gone');
  const { opened, closed } = await readMessage(context, session, ref, { recorded: true });
  if (closed === 'locked') throw new AppError('keys-locked');
  return {
    subject: untrustedSignerOf(opened),
    status: opened.signature.status,
    home: messageHref(ref),
    reference: { folder, message },
  };
}
