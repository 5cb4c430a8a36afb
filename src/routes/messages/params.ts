import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { type MessageRef, parseFolder, parseMessageRef } from '../../services/mailbox/message-ref.ts';

const Params = z.object({ folder: z.string(), message: z.string().optional() });

/** The folder of an address. @throws AppError not-found */
export function folderOf(request: FastifyRequest): string {
  const params = Params.safeParse(request.params);
  const folder = params.success ? parseFolder(params.data.folder) : null;
  if (folder === null) throw new AppError('not-found');
  return folder;
}

/** The message of an address. @throws AppError not-found */
export function messageOf(request: FastifyRequest): MessageRef {
  const params = Params.safeParse(request.params);
  const ref = params.success ? parseMessageRef(params.data.folder, params.data.message ?? '') : null;
  if (ref === null) throw new AppError('not-found');
  return ref;
}

const AttachmentParams = z.object({ index: z.coerce.number().int().min(0).max(9999) });

/** The position of an attachment in an address. @throws AppError not-found */
export function attachmentIndexOf(request: FastifyRequest): number {
  const params = AttachmentParams.safeParse(request.params);
  if (!params.success) throw new AppError('not-found');
  return params.data.index;
}
