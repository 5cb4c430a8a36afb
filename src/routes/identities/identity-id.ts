import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../errors.ts';

const Params = z.object({ id: z.uuid() });

/** The id in the address; what is none is not found. @throws AppError not-found */
export function identityIdOf(request: FastifyRequest): string {
  const params = Params.safeParse(request.params);
  if (!params.success) throw new AppError('not-found');
  return params.data.id;
}
