import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import {
  type CollectingCountry,
  findCollectingCountry,
  readCollectingCountries,
  removePop3Server,
  savePop3Server,
  testPop3Server,
} from '../../../services/collection/pop3-servers.ts';
import { collectionMark } from '../../collection-words.ts';
import { type ProbeWords, wordsOfProbe } from '../mail-servers/probe-words.ts';
import { idOf } from '../named.ts';
import { fieldsOfPop3, type Pop3Faults, type Pop3Fields, readPop3Form } from './pop3-form.ts';

const PAGE = '/administration/collection';

/** Each country with hosted mailboxes: its server, and how many collect. */
export function showCollectingCountries(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const countries = await readCollectingCountries(context, session);
    return reply.page('administration/collection/countries', {
      title: request.formats.t('collection.countries.title'),
      place: 'administration',
      section: 'collection',
      role: session.account.role,
      countries: countries.map((country) => ({
        ...country,
        name: request.formats.country(country.isoCode),
        mailboxes: country.collections.filter(({ state }) => state !== 'off').length,
        troubles: country.collections.filter((each) => collectionMark(request.formats, each).isTrouble).length,
      })),
    });
  };
}

export function showCollectingCountry(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const country = await findCollectingCountry(context, signedIn(request), idOf(request, 'country'));
    return countryPage(request, reply, country, {});
  };
}

export function savePop3ServerAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const country = await findCollectingCountry(context, session, idOf(request, 'country'));
    const { fields, faults, place } = readPop3Form(request.body);
    if (place === null) return countryPage(request, reply.code(400), country, { fields, faults });
    await savePop3Server(context, session, country.id, place);
    leaveNotice(reply, context.config, 'done', 'collection.server.saved');
    return reply.redirect(`${PAGE}/${country.id}`);
  };
}

/** Really connects, and says what came back; nobody signs in. */
export function testPop3ServerAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { formats } = request;
    const session = signedIn(request);
    const country = await findCollectingCountry(context, session, idOf(request, 'country'));
    const tested = await testPop3Server(context, session, country.id);
    if (!tested.ok) {
      const tooMany = formats.t('mailServers.probe.tooMany', { time: formats.time(tested.retryAt) });
      return countryPage(request, reply.code(429), country, { tooMany });
    }
    const { host = '', port = 0, tls = '' } = country.server ?? {};
    const title = formats.t('collection.probe.title');
    return countryPage(request, reply, country, {
      probes: [wordsOfProbe(formats, { title, host, port, tls }, tested.probe)],
    });
  };
}

export function removePop3ServerAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const country = await findCollectingCountry(context, session, idOf(request, 'country'));
    const isSure = (request.body as Record<string, unknown> | undefined)?.['sure'] === 'on';
    if (isSure) await removePop3Server(context, session, country.id);
    leaveNotice(
      reply,
      context.config,
      isSure ? 'done' : 'refused',
      `collection.server.${isSure ? 'removed' : 'notSure'}`,
    );
    return reply.redirect(`${PAGE}/${country.id}`);
  };
}

function countryPage(
  request: FastifyRequest,
  reply: FastifyReply,
  country: CollectingCountry,
  shown: { fields?: Pop3Fields; faults?: Pop3Faults; probes?: Omit<ProbeWords, 'which'>[]; tooMany?: string },
) {
  const { formats } = request;
  const { fields = fieldsOfPop3(country.server), faults = {}, probes = [], tooMany = null } = shown;
  return reply.page('administration/collection/country', {
    title: formats.t('collection.country.one', { name: formats.country(country.isoCode) }),
    place: 'administration',
    section: 'collection',
    role: signedIn(request).account.role,
    country,
    fields,
    faults: Object.fromEntries(
      Object.keys(faults).map((name) => [name, formats.t(`collection.fault.${name}`)] as const),
    ),
    ports: ['995', '110'].map((value) => ({ value, text: formats.t(`collection.port.${value}`) })),
    holders: country.collections.map((each) => ({ ...each, mark: collectionMark(formats, each) })),
    probes,
    tooMany,
  });
}
