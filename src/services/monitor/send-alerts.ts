import type { Context } from '../../context.ts';
import type { Account, Country, MailServer, MonitorAlert } from '../../generated/prisma/client.ts';
import { submit } from '../../mail/submission.ts';
import { mailServerOf } from '../accounts/mail-server.ts';
import { writeAlert } from './alert-letter.ts';
import type { WatchedKind, WatchedLine } from './watched.ts';

type Needs = Pick<Context, 'config' | 'database' | 'now'>;
type Settled = Account & { country: Country & { mailServer: MailServer } };
type DueAlert = MonitorAlert & { account: Settled };

const WITH_SERVER = { country: { include: { mailServer: true } } } as const;
const AT_ONCE = 20;
const SAID_MOST = 200;
const CONNECT_MS = 10_000;
const SILENT_MS = 30_000;

/** Sends the mails that wait; one that cannot go is tried again with the next rounds, for as long as it takes. */
export async function sendAlerts(needs: Needs): Promise<void> {
  const { prisma } = needs.database;
  const due = await prisma.monitorAlert.findMany({
    where: { sentAt: null, nextTryAt: { lte: needs.now() } },
    include: { account: { include: WITH_SERVER } },
    orderBy: { madeAt: 'asc' },
    take: AT_ONCE,
  });
  for (const alert of due) {
    const failure = await send(needs, alert);
    const at = needs.now();
    await prisma.monitorAlert.updateMany({
      where: { id: alert.id },
      data:
        failure === null
          ? { sentAt: at, tries: { increment: 1 }, failure: '' }
          : { nextTryAt: new Date(at.getTime() + needs.config.retryMs), tries: { increment: 1 }, failure },
    });
  }
}

/** Gives what went wrong, null when it went. The words are made now: what is back meanwhile is told as that. */
async function send({ config, database, now }: Needs, alert: DueAlert): Promise<string | null> {
  const { account } = alert;
  const incidents = await database.prisma.monitorIncident.findMany({
    where: { id: { in: alert.incidentIds } },
    include: { target: true },
    orderBy: [{ beganAt: 'asc' }, { id: 'asc' }],
  });
  // forgotten with what it was about, or whoever it was for has left: there is nothing to tell
  if (incidents.length === 0 || account.state !== 'active' || account.role === 'clerk') return null;
  const sender = account.country.mailServer.hosted ? account : await hostedAdministrator(database, account);
  if (sender === null || config.serviceMail === null) return 'no-sender';
  const bytes = await writeAlert({
    id: alert.id,
    from: { name: 'Sealpost', address: sender.address },
    to: { name: `${account.firstName} ${account.surname}`.trim(), address: account.address },
    ...{ locale: account.locale, timeZone: account.timeZone, publicUrl: config.publicUrl, at: now() },
    incidents: incidents.map(({ target, targetId, beganAt, endedAt, line }) => {
      const told = { targetId, beganAt, endedAt, line: line as WatchedLine };
      return { ...told, kind: target.kind as WatchedKind, about: target.about };
    }),
  });
  const result = await submit(
    mailServerOf(sender.country.mailServer),
    { ...config.serviceMail, authorizationUser: sender.address },
    // no return path: nobody is told that an alert did not arrive (RFC 3834 section 3.3)
    { from: '', to: [account.address], envelopeId: alert.id, reports: [], size: bytes.length },
    [bytes],
    { connectMs: CONNECT_MS, socketMs: SILENT_MS },
  );
  return result.outcome === 'accepted' ? null : result.answer.replace(/[^\x20-\x7e]+/g, ' ').slice(0, SAID_MOST);
}

/** For who has the mailbox on a server of the own country: Sealpost can hand in mail only where it keeps the mailboxes. */
function hostedAdministrator(database: Needs['database'], { country }: Settled): Promise<Settled | null> {
  return database.prisma.account.findFirst({
    where: {
      ...{ state: 'active', role: { in: ['central', 'country'] } },
      country: { programmeId: country.programmeId, mailServer: { hosted: true }, suspendedAt: null },
    },
    include: WITH_SERVER,
    orderBy: [{ role: 'desc' }, { createdAt: 'asc' }],
  });
}
