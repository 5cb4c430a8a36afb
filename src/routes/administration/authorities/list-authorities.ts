import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { type ListedAuthority, readAuthorities, setRetired } from '../../../services/authorities/list-authorities.ts';
import { AUTHORITIES, idOf } from './authority-form.ts';

const LOOK = {
  issues: ['ok', 'tick'],
  waits: ['', 'dash'],
  retired: ['', 'archive'],
  ended: ['seal', 'cross'],
  'key-here': ['blue', 'key'],
  'key-elsewhere': ['', 'anchor'],
} as const;

export function listAuthorities(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, plainName } = request.formats;
    const { roots, issuing, requests } = await readAuthorities(context, signedIn(request));
    const present = ({ row, certificate, state, issued }: ListedAuthority) => ({
      id: row.id,
      anchor: row.sha256.slice(0, 12),
      name: plainName(certificate.commonName ?? certificate.subject),
      certificate,
      mark: { look: `${LOOK[state][0]} boxed`, icon: LOOK[state][1], text: t(`authorities.state.${state}`) },
      issued: row.kind === 'issuing' ? t('authorities.issued', { count: issued }) : null,
      mayRetire: state === 'issues' || state === 'waits',
      mayResume: state === 'retired',
    });
    return reply.page('administration/authorities/list', {
      title: t('authorities.title'),
      place: 'administration',
      section: 'authorities',
      role: 'central',
      roots: roots.map(present),
      issuing: issuing.map(present),
      requests,
      issues: issuing.some(({ state }) => state === 'issues'),
      hasRootKey: roots.some(({ state }) => state === 'key-here'),
    });
  };
}

export function retireAuthority(context: Context) {
  return changeAuthority(context, true);
}

export function resumeAuthority(context: Context) {
  return changeAuthority(context, false);
}

function changeAuthority(context: Context, retired: boolean) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    await setRetired(context, signedIn(request), idOf(request, 'authority'), retired);
    leaveNotice(reply, context.config, 'done', retired ? 'authorities.retired' : 'authorities.resumed');
    return reply.redirect(AUTHORITIES);
  };
}
