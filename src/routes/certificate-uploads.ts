import type { FastifyRequest } from 'fastify';
import { AppError } from '../errors.ts';
import { readParts } from '../plugins/csrf.ts';
import { CERTIFICATE_FILE_BYTES } from '../services/contacts/import-contact-certificates.ts';

const MAX_FILES = 10;

/** Files with certificates from a form; small enough to be held. */
export type CertificateUploads = {
  fields: Map<string, string>;
  files: { name: string; bytes: Buffer }[];
  /** A file was larger than any with certificates is, or there were too many */
  tooLarge: boolean;
};

/** @throws AppError form-expired */
export async function readCertificateUploads(
  request: FastifyRequest,
  fileBytes = CERTIFICATE_FILE_BYTES,
): Promise<CertificateUploads> {
  const uploads: CertificateUploads = { fields: new Map(), files: [], tooLarge: false };
  try {
    for await (const part of readParts(request, { fileBytes, files: MAX_FILES })) {
      if (part.kind === 'field') {
        uploads.fields.set(part.name, part.value);
        continue;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of part.file.file) chunks.push(chunk as Buffer);
      if (part.file.file.truncated) uploads.tooLarge = true;
      else uploads.files.push({ name: part.file.filename.slice(0, 100), bytes: Buffer.concat(chunks) });
    }
  } catch (error) {
    if (error instanceof AppError || !isLimit(error)) throw error;
    uploads.tooLarge = true;
  }
  return uploads;
}

function isLimit(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 'FST_REQ_FILE_TOO_LARGE' || code === 'FST_FILES_LIMIT';
}
