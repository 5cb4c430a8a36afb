import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { cancelLetterAction } from './cancel-letter.ts';
import { showLetters } from './list-letters.ts';
import { saveEvidence } from './save-evidence.ts';
import { showLetter } from './show-letter.ts';

export function letterRoutes(app: FastifyInstance, context: Context): void {
  // A country's own server takes letters, and shows reports, only while their sender's credential is at hand: each request
  // is a chance.
  app.addHook('preHandler', async (request) => {
    if (!request.signedIn) return;
    context.outbox.attend(request.signedIn);
    context.reports.attend(request.signedIn);
  });

  app.get('/letters', showLetters(context));
  app.get('/letters/:letter', showLetter(context));
  app.get('/letters/:letter/evidence', saveEvidence(context));
  app.post('/letters/:letter/cancel', cancelLetterAction(context));
}
