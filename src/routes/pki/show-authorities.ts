import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { publishedAuthorities } from '../../services/identities/authorities.ts';
import { issuerLocations } from '../../services/identities/issuer-locations.ts';
import { listsInService } from '../../services/publishing/published-lists.ts';

/** Our certificates with their thumbprints, and how fresh the revocation lists are (S08). */
export function showAuthorities(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, plainName } = request.formats;
    const [authorities, lists] = await Promise.all([
      publishedAuthorities(context.database),
      listsInService(context.database, context.now()),
    ]);
    const programmes = [...new Set(authorities.map((each) => each.programme))];
    return reply.page('pki/authorities', {
      title: t('pki.title'),
      place: 'certificates',
      programmes: programmes.map((name) => ({
        name,
        authorities: authorities
          .filter((each) => each.programme === name)
          .map(({ id, kind, certificate, keyIsHere }) => ({
            id,
            name: plainName(certificate.commonName ?? certificate.subject),
            role: t(`common.certificate.role.${kind}`),
            isRoot: kind === 'root',
            certificate,
            publishes: keyIsHere,
            lists: lists.filter((list) => list.authoritySha256 === id),
            ocsp: keyIsHere ? (issuerLocations(context.config.publicUrl, certificate).ocspUrl ?? null) : null,
          })),
      })),
    });
  };
}
