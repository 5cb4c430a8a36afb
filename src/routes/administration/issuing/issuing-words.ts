import type { FastifyRequest } from 'fastify';
import type { IssuingStart } from '../../../services/issuing/issuing-job.ts';
import { wrongPassphraseFault } from '../authorities/authority-form.ts';

/** Why nothing was begun, at the field that it concerns. */
export function startFault(
  request: FastifyRequest,
  start: Extract<IssuingStart, { ok: false }>,
): { status: number; faults: Record<string, string> } {
  if (start.problem === 'wrong-passphrase' || start.problem === 'too-many-attempts') {
    const status = start.problem === 'too-many-attempts' ? 429 : 401;
    return { status, faults: { passphrase: wrongPassphraseFault(request, start) } };
  }
  const field = start.problem === 'no-targets' ? 'accounts' : 'passphrase';
  return { status: 409, faults: { [field]: request.formats.t(`issuing.start.${start.problem}`) } };
}
