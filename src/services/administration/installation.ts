import { addressDomain, addressProblem } from '../../mail/address.ts';
import { PASSWORD_MIN_LENGTH } from '../accounts/accounts.ts';
import { composeLocalPart } from '../accounts/address-rule.ts';
import { isoOf } from '../accounts/annex-a.ts';
import { isDomainPattern, mailServerValues } from '../accounts/programmes.ts';
import type { Database } from '../database/connect.ts';
import { type AdministratorResult, addAdministrator, namesOf } from './administrators.ts';
import type { HostedPlace } from './hosted-place.ts';

/**
 * The first administrator of an empty installation, with the programme and the country that the address names: of
 * `Anna.Berg@tcn.l.eu-admin.net` the programme `tcn` and Luxembourg. Where the country is there already, its hosted
 * mailboxes are found at this place from now on. All of it or nothing is done.
 */
export async function addAdministratorAt(
  database: Database,
  address: string,
  password: string | null,
  place: HostedPlace,
): Promise<AdministratorResult> {
  if (addressProblem(address) !== null) return { ok: false, problem: 'address' };
  const domain = addressDomain(address);
  const country = await database.prisma.country.findFirst({ where: { domain }, include: { mailServer: true } });
  if (country) return moveHosted(database, country.mailServer, address, password, place.server);
  const names = namesOf(address);
  if (names === null || !composeLocalPart(...names).ok) return { ok: false, problem: 'names' };
  const story = storyOf(domain);
  if (story === null) return { ok: false, problem: 'domain' };
  if (password === null) return { ok: false, problem: 'password-needed' };
  if (password.length < PASSWORD_MIN_LENGTH) return { ok: false, problem: 'not-created' };
  const begun = await begin(database, story, place);
  return begun ? addAdministrator(database, address, password) : { ok: false, problem: 'no-country' };
}

async function moveHosted(
  database: Database,
  { id, hosted }: { id: string; hosted: boolean },
  address: string,
  password: string | null,
  server: HostedPlace['server'],
): Promise<AdministratorResult> {
  if (!hosted) return { ok: false, problem: 'not-hosted' };
  const result = await addAdministrator(database, address, password);
  if (result.ok)
    await database.prisma.mailServer.update({ where: { id }, data: mailServerValues({ ...server, hosted }) });
  return result;
}

type Story = { programme: string; domainPattern: string; domain: string; code: string; isoCode: string };

/** What a domain says: the one label that is a distinguishing sign of Annex A, and around it the programme's pattern. */
function storyOf(domain: string): Story | null {
  const labels = domain.split('.');
  const signs = labels.flatMap((label, at) => (at < labels.length - 1 && isoOf(label.toUpperCase()) ? [at] : []));
  const [at] = signs;
  if (at === undefined || signs.length > 1) return null;
  const code = labels[at]?.toUpperCase() ?? '';
  const domainPattern = labels.with(at, '{cc}').join('.');
  const programme = labels.find((_, other) => other !== at) ?? '';
  if (!isDomainPattern(domainPattern) || !/^[a-z][a-z0-9-]{0,19}$/.test(programme)) return null;
  return { programme, domainPattern, domain, code, isoCode: isoOf(code) ?? '' };
}

/** @returns false where somebody was quicker, or there are programmes already: further ones begin on a page */
async function begin(database: Database, story: Story, { server, programmeName }: HostedPlace): Promise<boolean> {
  const { programme: code, domainPattern } = story;
  return database.prisma.$transaction(async (tx) => {
    await tx.$executeRaw`lock table programme in share row exclusive mode`;
    if ((await tx.programme.count()) > 0) return false;
    const { id: programmeId } = await tx.programme.create({
      data: { code, name: programmeName ?? code.toUpperCase(), domainPattern },
    });
    const values = mailServerValues({ ...server, hosted: true });
    const { id: mailServerId } = await tx.mailServer.create({ data: { name: server.imapHost, ...values } });
    await tx.country.create({
      data: { programmeId, mailServerId, code: story.code, isoCode: story.isoCode, domain: story.domain },
    });
    return true;
  });
}
