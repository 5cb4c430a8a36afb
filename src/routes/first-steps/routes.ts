import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { hideFirstStepsAction } from './hide-first-steps.ts';
import { sendSelfTestAction } from './send-self-test.ts';
import { showFirstSteps } from './show-first-steps.ts';

export function firstStepsRoutes(app: FastifyInstance, context: Context): void {
  app.get('/first-steps', showFirstSteps(context));
  app.post('/first-steps/self-test', sendSelfTestAction(context));
  app.post('/first-steps/hidden', hideFirstStepsAction(context));
}
