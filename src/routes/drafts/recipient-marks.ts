import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { parseRecipients } from '../../mail/address.ts';
import { signedIn } from '../../plugins/session.ts';
import { recipientMarks } from '../../services/contacts/contact-marks.ts';
import { markWords } from './mark-words.ts';

const Query = z.object({ address: z.union([z.string(), z.array(z.string())]).transform((given) => [given].flat()) });

/** For the script that shows the marks while recipients are typed; the server decides again when the letter is sent. */
export function showRecipientMarks(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const query = Query.safeParse(request.query);
    const typed = query.success ? query.data.address.join('\n').slice(0, 50_000) : '';
    const { recipients } = parseRecipients(typed);
    const some = recipients.slice(0, context.config.recipientLimit);
    const addresses = some.map((recipient) => recipient.address);
    const marks = await recipientMarks(context, session.account, addresses, context.now());
    return reply.send({ marks: marks.map((mark, index) => markWords(request.formats, mark, some[index]?.name ?? '')) });
  };
}
