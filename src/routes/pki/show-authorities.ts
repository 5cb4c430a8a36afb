import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { publishedAuthorities } from '../../services/identities/authorities.ts';

export function showAuthorities(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, plainName } = request.formats;
    const authorities = await publishedAuthorities(context.database);
    const programmes = [...new Set(authorities.map((each) => each.programme))];
    return reply.page('pki/authorities', {
      title: t('pki.title'),
      place: 'certificates',
      programmes: programmes.map((name) => ({
        name,
        authorities: authorities
          .filter((each) => each.programme === name)
          .map(({ id, kind, certificate }) => ({
            id,
            name: plainName(certificate.commonName ?? certificate.subject),
            role: t(`common.certificate.role.${kind}`),
            isRoot: kind === 'root',
            certificate,
          })),
      })),
    });
  };
}
