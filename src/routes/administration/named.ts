import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../errors.ts';

/** The id in the address. @throws AppError `not-found` for what is none */
export function idOf(request: FastifyRequest, name: string): string {
  const value = z.object({ [name]: z.uuid() }).safeParse(request.params).data?.[name];
  if (value === undefined) throw new AppError('not-found');
  return value;
}

/** A field of a form as it was typed, on one line. */
export function typedText(body: unknown, name: string, most: number): string {
  const value = (body as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === 'string'
    ? value
        .slice(0, most)
        .replace(/\p{Cc}+/gu, ' ')
        .trim()
    : '';
}
