import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import { signedIn, unlockedKey } from '../../../plugins/session.ts';
import { readWaiting, releasePassword } from '../../../services/issuing/releases.ts';
import { idOf } from '../authorities/authority-form.ts';

/** Before the password is shown: who is to be called, and that it is shown once. Needs open keys. */
export function showRelease(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    unlockedKey(request);
    return releasePage(context, request, reply, null);
  };
}

/** Shown in the answer itself, once, and kept nowhere. */
export function releaseHolderPassword(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, plainName } = request.formats;
    const id = idOf(request, 'issuance');
    const released = await releasePassword(context, signedIn(request), unlockedKey(request), id);
    if (!released.ok) return releasePage(context, request, reply.code(409), t(`issuing.release.${released.problem}`));
    const { password, account } = released;
    return reply.page('administration/issuing/password', {
      title: t('issuing.password.title'),
      place: 'administration',
      name: plainName(`${account.firstName} ${account.surname}`),
      address: account.address,
      groups: password.split('-').map((text) => ({ text, spelled: [...text].map(spell).join(' ') })),
    });
  };
}

async function releasePage(context: Context, request: FastifyRequest, reply: FastifyReply, fault: string | null) {
  const id = idOf(request, 'issuance');
  const waiting = (await readWaiting(context, signedIn(request))).find((each) => each.id === id);
  if (waiting === undefined) throw new AppError('not-found');
  const { t, plainName } = request.formats;
  return reply.page('administration/issuing/release', {
    title: t('issuing.release.title'),
    place: 'administration',
    waiting,
    name: plainName(`${waiting.account.firstName} ${waiting.account.surname}`),
    releasers: waiting.releasers.map(plainName),
    possible: waiting.mine && waiting.requestedAt !== null && waiting.releasedAt === null,
    fault,
  });
}

/** The spelling words of ICAO and ITU, the same in every language; digits are read as they are. */
const WORDS =
  'Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu'.split(
    ' ',
  );

function spell(letter: string): string {
  return WORDS.find((word) => word[0] === letter) ?? letter;
}
