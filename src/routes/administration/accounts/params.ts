import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import { signedIn } from '../../../plugins/session.ts';
import {
  type AdministeredAccount,
  type AdministeredCountry,
  administeredAccount,
  administeredCountry,
} from '../../../services/administration/administered.ts';

/** The country of the address, if this administrator answers for it. @throws AppError `not-found` */
export function countryOf(context: Context, request: FastifyRequest): Promise<AdministeredCountry> {
  const params = z.object({ country: z.uuid() }).safeParse(request.params);
  if (!params.success) throw new AppError('not-found');
  return administeredCountry(context, signedIn(request), params.data.country);
}

/** The account of the address, if this administrator answers for it. @throws AppError `not-found` */
export function accountOf(context: Context, request: FastifyRequest): Promise<AdministeredAccount> {
  const params = z.object({ account: z.uuid() }).safeParse(request.params);
  if (!params.success) throw new AppError('not-found');
  return administeredAccount(context, signedIn(request), params.data.account);
}
