import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../errors.ts';

const Params = z.object({ draft: z.uuid() });

/** The draft of an address. @throws AppError not-found */
export function draftOf(request: FastifyRequest): string {
  const params = Params.safeParse(request.params);
  if (!params.success) throw new AppError('not-found');
  return params.data.draft;
}
