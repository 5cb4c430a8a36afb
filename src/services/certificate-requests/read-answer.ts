import type { Certificate } from '../../pki/certificate.ts';
import { readCertificates } from '../../pki/certificate-bundle.ts';
import { readCertificateRequest } from '../../pki/certificate-request.ts';
import { PkiError } from '../../pki/errors.ts';
import { isPkcs12 } from './pkcs12-shape.ts';

export type UnreadableAnswer = 'nothing-given' | 'not-certificates' | 'is-request' | 'is-pfx';

/** What an authority sent back, in files or pasted: certificates of all of them together, without repeats. */
export function readAnswer(
  inputs: readonly Uint8Array[],
): { ok: true; certificates: Certificate[] } | { ok: false; problem: UnreadableAnswer } {
  if (inputs.length === 0) return { ok: false, problem: 'nothing-given' };
  const found = new Map<string, Certificate>();
  for (const bytes of inputs) {
    try {
      for (const certificate of readCertificates(bytes)) found.set(certificate.sha256, certificate);
    } catch (error) {
      if (!(error instanceof PkiError)) throw error;
      return { ok: false, problem: shapeOf(bytes) };
    }
  }
  if (found.size > 0) return { ok: true, certificates: [...found.values()] };
  return { ok: false, problem: shapeOf(inputs[0] as Uint8Array) };
}

/** People send back the file that they sent, or the .pfx that another system made. */
function shapeOf(bytes: Uint8Array): Exclude<UnreadableAnswer, 'nothing-given'> {
  if (isPkcs12(bytes)) return 'is-pfx';
  try {
    readCertificateRequest(bytes);
    return 'is-request';
  } catch (error) {
    if (error instanceof PkiError) return 'not-certificates';
    throw error;
  }
}
