import type { Certificate } from '../../pki/certificate.ts';
import { type IssuerLocations, statusSignerName } from '../../pki/issue.ts';

/**
 * Where what an authority issued says that its lists, its certificate and its responder are. A root has its plain list alone: nobody signs
 * in its place.
 */
export function issuerLocations(publicUrl: URL, authority: Certificate): IssuerLocations {
  const plain = {
    crlUrl: directListUrl(publicUrl, authority.sha256),
    caIssuersUrl: certificateUrl(publicUrl, authority.sha256),
  };
  if (authority.isSelfIssued) return plain;
  return {
    ...plain,
    indirectCrl: { url: indirectListUrl(publicUrl, authority.sha256), signerName: statusSignerName(authority) },
    ocspUrl: publicAddress(publicUrl, '/ocsp'),
  };
}

/** Of the list that the authority signs itself. */
export function directListUrl(publicUrl: URL, authoritySha256: string): string {
  return publicAddress(publicUrl, `/lists/${authoritySha256}.crl`);
}

/** Of the certificate of an authority, or of one that signs in its place. */
export function certificateUrl(publicUrl: URL, sha256: string): string {
  return publicAddress(publicUrl, `/certificates/${sha256}.cer`);
}

/** Of the list that the authority's signer signs daily. */
export function indirectListUrl(publicUrl: URL, authoritySha256: string): string {
  return publicAddress(publicUrl, `/lists/${authoritySha256}-daily.crl`);
}

/**
 * Without TLS, as RFC 5280 section 8 asks: who checks the certificate of a TLS server may need a list for it first. What is fetched is
 * signed. Only a proxy answers there; a node alone on localhost is named with its port.
 */
function publicAddress(publicUrl: URL, path: string): string {
  const url = new URL(path, publicUrl);
  if (url.protocol === 'https:' && url.port === '') url.protocol = 'http:';
  return url.href;
}
