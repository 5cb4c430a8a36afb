import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../errors.ts';

const Params = z.object({ contact: z.uuid(), digitalId: z.uuid().optional() });

/** The contact that the address names. @throws AppError not-found for what cannot be one */
export function contactParam(request: FastifyRequest): string {
  return parse(request).contact;
}

/** The contact and the Digital ID that the address names. @throws AppError not-found */
export function digitalIdParams(request: FastifyRequest): { contact: string; digitalId: string } {
  const { contact, digitalId } = parse(request);
  if (digitalId === undefined) throw new AppError('not-found');
  return { contact, digitalId };
}

function parse(request: FastifyRequest) {
  const params = Params.safeParse(request.params);
  if (!params.success) throw new AppError('not-found');
  return params.data;
}
