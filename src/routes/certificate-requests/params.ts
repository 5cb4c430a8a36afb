import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../errors.ts';

const Request = z.object({ request: z.uuid() });
const File = Request.extend({ use: z.enum(['both', 'sign', 'encrypt']), form: z.enum(['pem', 'der']) });

/** @throws AppError not-found */
export function requestIdOf(request: FastifyRequest): string {
  return parsed(Request, request).request;
}

/** @throws AppError not-found */
export function requestFileOf(request: FastifyRequest): z.infer<typeof File> {
  return parsed(File, request);
}

function parsed<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  const params = schema.safeParse(request.params);
  if (!params.success) throw new AppError('not-found');
  return params.data;
}
