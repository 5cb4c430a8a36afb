/** The request for the certificate of an issuing authority (PKCS#10, RFC 2986), for an outside root to sign. */
import { createPrivateKey } from 'node:crypto';
import { objectIdentifier, sequence, setOf, utf8String } from './der-writer.ts';
import { issuingAuthorityProfile } from './issue.ts';
import { COMMON_NAME } from './name.ts';
import { signedRequest } from './request-writer.ts';

export interface AuthorityRequestOptions {
  /** PKCS#8 in DER. */
  readonly privateKey: Buffer;
  readonly name: string;
  /** As for `createIssuingAuthority` */
  readonly domains: readonly string[];
  readonly clientAuthentication?: boolean;
}

/** The request in DER. It asks for what our own root would write; whether the outside authority does so is its decision. */
export function writeAuthorityRequest(options: AuthorityRequestOptions): Buffer {
  const { privateKey, name, domains, clientAuthentication } = options;
  const key = createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' });
  const extensions = issuingAuthorityProfile(domains, undefined, clientAuthentication).map((each) =>
    Buffer.from(each.rawData),
  );
  return signedRequest(key, sequence(setOf(sequence(objectIdentifier(COMMON_NAME), utf8String(name)))), extensions);
}
