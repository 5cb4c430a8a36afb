import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { isOwnPassword } from '../administration/second-factor.ts';
import { countAttempt, forgetAttempts } from '../sessions/attempts.ts';
import { renewCredential, type SignedIn, sessionIdOf } from '../sessions/session.ts';
import { hashMailboxPassword, PASSWORD_MIN_LENGTH } from './accounts.ts';
import { endSessionsOf } from './end-sessions.ts';

export const PASSWORD_MAX_BYTES = 200;
const DIFFERENT_CHARACTERS = 5;
const ATTEMPTS = 10;
/** What everybody tries first; longer forms of them are found too. */
const WELL_KNOWN = [
  'password',
  'passwort',
  'motdepasse',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  '1234567890',
  'sealpost',
  'tachonet',
];

export type PasswordProblem =
  | 'too-short'
  | 'too-long'
  | 'control-characters'
  | 'too-simple'
  | 'has-your-name'
  | 'not-repeated';

/** The rules for a mailbox password, which people also type into other mail programs. @param address whose mailbox it is for */
export function passwordProblem(password: string, repeated: string, address: string): PasswordProblem | null {
  if ([...password].length < PASSWORD_MIN_LENGTH) return 'too-short';
  if (Buffer.byteLength(password) > PASSWORD_MAX_BYTES) return 'too-long';
  // NUL, CR and LF would end what IMAP and SASL send.
  if (/\p{Cc}/u.test(password)) return 'control-characters';
  const plain = password.toLowerCase();
  if (new Set(plain).size < DIFFERENT_CHARACTERS) return 'too-simple';
  const rest = WELL_KNOWN.reduce((left, word) => left.replaceAll(word, ''), plain.replace(/[\s_-]/g, ''));
  if (rest.length < PASSWORD_MIN_LENGTH / 2) return 'too-simple';
  const names = address.toLowerCase().split('@')[0]?.split('.') ?? [];
  const withoutNames = names.filter((name) => name.length > 2).reduce((left, name) => left.replaceAll(name, ''), plain);
  if (withoutNames.length < PASSWORD_MIN_LENGTH - 2 && withoutNames !== plain) return 'has-your-name';
  return password === repeated ? null : 'not-repeated';
}

export type PasswordChange =
  | { ok: true; cookie: string }
  | { ok: false; reason: 'wrong' | 'not-hosted' }
  | { ok: false; reason: 'too-many-attempts'; retryAt: Date };

/**
 * The holder's own change, for hosted mailboxes, against the old password. All other sessions end; this one goes on with the new
 * password under a new token, and its next look at the mailbox signs in with it.
 */
export async function changeMailboxPassword(
  context: Context,
  session: SignedIn,
  old: string,
  password: string,
): Promise<PasswordChange> {
  const { database, config } = context;
  const { account } = session;
  const at = context.now();
  if (!account.country.mailServer.hosted) return { ok: false, reason: 'not-hosted' };
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const subject = `${account.id} own password`;
  const counted = await countAttempt(database, 'hand-over', subject, ATTEMPTS, key, at);
  if (!counted.allowed)
    return refuse(context, session, { ok: false, reason: 'too-many-attempts', retryAt: counted.retryAt });
  if (!isOwnPassword(session, old)) return refuse(context, session, { ok: false, reason: 'wrong' });
  const mailboxPasswordHash = await hashMailboxPassword(password);
  const { cookie, ended } = await database.prisma.$transaction(async (tx) => {
    // An administrator who resets or suspends at the same moment waits, or has been faster: then this session is over.
    await tx.$queryRaw`select id from account where id = ${account.id}::uuid for update`;
    const fresh = await tx.account.findUniqueOrThrow({ where: { id: account.id } });
    if (fresh.state !== 'active' || fresh.mailboxPasswordHash !== account.mailboxPasswordHash)
      throw new AppError('form-expired');
    const renewed = await renewCredential(tx, config, session, password, at);
    await tx.account.update({ where: { id: account.id }, data: { mailboxPasswordHash } });
    return { cookie: renewed, ended: await endSessionsOf(tx, account.id, at, sessionIdOf(renewed)) };
  });
  await forgetAttempts(database, 'hand-over', subject, key);
  await Promise.all([session.sessionId, ...ended].map((id) => context.mail.close(id)));
  await record(context, session, { result: 'done' });
  return { ok: true, cookie };
}

async function refuse(
  context: Context,
  session: SignedIn,
  refusal: Extract<PasswordChange, { ok: false }>,
): Promise<PasswordChange> {
  await record(context, session, { result: 'refused', reason: refusal.reason });
  return refusal;
}

function record(
  context: Context,
  session: SignedIn,
  how: { result: 'done' | 'refused'; reason?: string },
): Promise<void> {
  const { account, network } = session;
  const who = { accountId: account.id, actor: account.address, network };
  return context.audit.record({ ...who, action: 'password-change', object: 'mailbox', ...how });
}
