/** Associated data of what waits for its holder: sealed for one purpose, it opens for no other. */

/** A `.pfx` under K_srv. */
export function keptPfxContext(issuedId: string): string {
  return `kept pfx ${issuedId}`;
}

/** Its password, to the draft key of an administrator's vault. */
export function passwordShareContext(issuanceId: string, administratorId: string): string {
  return `pfx password ${issuanceId} share of ${administratorId}`;
}
