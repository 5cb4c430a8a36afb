/** Where another program would read another message than this one, nothing may be claimed (docs/decisions/014). */
import type { HeaderDispute, MimeEntity } from '../mime/entity.ts';
import type { Reason } from './verdict.ts';

const REASON: Record<HeaderDispute, Reason> = { contradictory: 'malformed', 'too-long': 'too-complex' };

/** Why an entity is not what its header says to everyone; null when it is. */
export function disputeOf(entity: MimeEntity): Reason | null {
  return entity.headerDispute === null ? null : REASON[entity.headerDispute];
}

/** The same of an entity and all its parts, without repeats. */
export function disputesIn(entity: MimeEntity): Reason[] {
  const own = disputeOf(entity);
  const reasons = entity.children.flatMap(disputesIn);
  return [...new Set(own === null ? reasons : [own, ...reasons])];
}
