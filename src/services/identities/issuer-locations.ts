import type { Certificate } from '../../pki/certificate.ts';
import type { IssuerLocations } from '../../pki/issue.ts';

/** Where what an authority issued says that its list, its certificate and its responder are. */
export function issuerLocations(publicUrl: URL, authority: Pick<Certificate, 'sha256'>): Required<IssuerLocations> {
  const at = (path: string) => new URL(path, publicUrl).href;
  return {
    crlUrl: at(`/lists/${authority.sha256}.crl`),
    caIssuersUrl: at(`/certificates/${authority.sha256}.cer`),
    ocspUrl: at('/ocsp'),
  };
}
