import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { localPath } from '../local-path.ts';

const Params = z.object({ anchor: z.uuid().optional(), trust: z.uuid().optional(), list: z.uuid().optional() });
const path = z.string().max(2000).optional().catch(undefined);
const Back = z.object({ back: path, next: path }).catch({ back: undefined, next: undefined });

/** The root that the address names. @throws AppError not-found for what cannot be one */
export function anchorParam(request: FastifyRequest): string {
  return named(request, 'anchor');
}

/** The explicit trust that the address names. @throws AppError not-found */
export function trustParam(request: FastifyRequest): string {
  return named(request, 'trust');
}

/** The imported revocation list that the address names. @throws AppError not-found */
export function listParam(request: FastifyRequest): string {
  return named(request, 'list');
}

function named(request: FastifyRequest, name: 'anchor' | 'trust' | 'list'): string {
  const value = Params.safeParse(request.params).data?.[name];
  if (value === undefined) throw new AppError('not-found');
  return value;
}

/** Where the person came from: a message, a contact, or else the trust page. */
export function backPath(source: unknown): string {
  const { back, next } = Back.parse(source ?? {});
  const local = localPath(back ?? next);
  return local === '/' ? '/trust' : local;
}
