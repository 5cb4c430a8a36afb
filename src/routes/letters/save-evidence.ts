import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { letterEvidence } from '../../services/evidence/letter-evidence.ts';
import { letterOf } from './params.ts';

/** RFC 8551 section 3.2.2: one SignedData, here around JSON. */
const TYPE = 'application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"';

export function saveEvidence(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const id = letterOf(request);
    const file = await letterEvidence(context, signedIn(request), unlockedKey(request), id);
    if (!file.ok) {
      leaveNotice(reply, context.config, 'refused', 'evidence.download.no-signer');
      return reply.redirect(`/letters/${id}`);
    }
    return reply
      .type(TYPE)
      .header('content-disposition', `attachment; filename="evidence-${id}.p7m"`)
      .header('content-security-policy', "sandbox; default-src 'none'")
      .send(file.bytes);
  };
}
