import assert from 'node:assert/strict';
import type { Account, Country } from '../../src/generated/prisma/client.ts';
import { addCountry, type NewMailServer } from '../../src/services/accounts/programmes.ts';
import { enteredAdministrator } from './administrator.ts';
import { startTestApp, type TestApp } from './app.ts';
import type { Answer, Clerk } from './clerk.ts';

/** A good password for somebody new */
export const CHOSEN = 'seven quiet harbours';

const SERVER: NewMailServer = {
  name: 'own',
  hosted: false,
  imapHost: '127.0.0.1',
  imapPort: 1,
  imapTls: 'implicit',
  submissionHost: '127.0.0.1',
  submissionPort: 1,
  submissionTls: 'starttls',
  serverName: 'mail.tcn.x.eu-admin.net',
  caPem: null,
};

/** Where accounts are made: three countries and a central administrator behind the door. */
export class AccountOffice {
  readonly world: TestApp;
  readonly belgium: Country;
  /** Runs its own server */
  readonly greece: Country;
  /** Hosted, nobody there yet */
  readonly bulgaria: Country;
  #central: Clerk | null = null;
  #now = new Date();

  private constructor(world: TestApp, belgium: Country, greece: Country, bulgaria: Country) {
    this.world = world;
    this.belgium = belgium;
    this.greece = greece;
    this.bulgaria = bulgaria;
  }

  static async open(): Promise<AccountOffice> {
    const world = await startTestApp();
    const { prisma } = world.database;
    const programme = await prisma.programme.findFirstOrThrow();
    const belgium = await prisma.country.findFirstOrThrow({ where: { code: 'B' } });
    const greece = await addCountry(world.database, programme, 'GR', SERVER);
    const hosted = { ...SERVER, name: 'hosted', hosted: true };
    const bulgaria = await addCountry(world.database, programme, 'BG', hosted, 'BG');
    return new AccountOffice(world, belgium, greece, bulgaria);
  }

  /** Nobody but Alain and Elise, as on the first day; Alain administrates. */
  async reset(): Promise<void> {
    const { world } = this;
    this.#now = new Date();
    world.setNow(this.#now);
    const { prisma } = world.database;
    await prisma.attemptWindow.deleteMany();
    await prisma.session.deleteMany();
    await prisma.account.deleteMany({ where: { id: { notIn: [world.alain.id, world.elise.id] } } });
    await prisma.account.updateMany({ data: { role: 'clerk', state: 'active', signedOutAt: null } });
    await prisma.addressList.deleteMany();
    await prisma.programme.updateMany({ data: { accountLimit: 3 } });
    await this.enterAgain();
  }

  get central(): Clerk {
    return this.#central ?? assert.fail('nobody has entered');
  }

  async enterAgain(): Promise<void> {
    this.#central = await enteredAdministrator(this.world, this.world.alain, 'central');
  }

  pass(ms: number): void {
    this.#now = new Date(this.#now.getTime() + ms);
    this.world.setNow(this.#now);
  }

  fresh(account: { id: string }): Promise<Account> {
    return this.world.database.prisma.account.findUniqueOrThrow({ where: { id: account.id } });
  }

  /** Shows the address and confirms it, as a person does. */
  async make(country: Country, firstName: string, surname: string): Promise<{ account: Account; answer: Answer }> {
    const shown = await preview(this.central, country, { firstName, surname });
    const answer = await create(this.central, country, fieldsOf(shown.body));
    const account = await this.world.database.prisma.account.findFirst({
      where: { countryId: country.id, firstName, surname },
      orderBy: { createdAt: 'desc' },
    });
    if (account === null) assert.fail(answer.body);
    return { account, answer };
  }

  /** The public page, as a visitor without a session */
  async welcome(fields: Record<string, string>): Promise<Answer> {
    const { app, config } = this.world;
    const page = await app.inject({ method: 'GET', url: '/welcome' });
    const token = /name="_csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
    const answer = await app.inject({
      method: 'POST',
      url: '/welcome',
      headers: {
        origin: config.publicUrl.origin,
        'content-type': 'application/x-www-form-urlencoded',
        cookie: page.cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
      },
      payload: new URLSearchParams({ _csrf: token, password: CHOSEN, repeated: CHOSEN, ...fields }).toString(),
    });
    const { statusCode: status, body, rawPayload: bytes, headers } = answer;
    return { status, body, bytes, location: headers.location, headers };
  }

  /** What Dovecot and Postfix see of an account */
  async servedAs(account: Account): Promise<{ active: boolean; receives: boolean } | undefined> {
    const { rows } = await this.world.database.pool.query<{ active: boolean; receives: boolean }>(
      'select active, receives from hosted_mailbox where address = $1',
      [account.addressKey],
    );
    return rows[0] && { active: rows[0].active, receives: rows[0].receives };
  }
}

export const accountsOf = (country: Country) => `/administration/countries/${country.id}/accounts`;
export const pageOf = (account: { id: string }) => `/administration/accounts/${account.id}`;

/** Every field of the form on a page, as a browser would send it back. */
export function fieldsOf(page: string): Record<string, string> {
  const form = /<form method="post" action="[^"]*\/accounts\/preview".*?<\/form>/s.exec(page)?.[0] ?? '';
  const inputs = [...form.matchAll(/<input\b[^>]*>/g)].map(([input]) => [
    /\bname="([^"]*)"/.exec(input)?.[1] ?? '',
    (/\bvalue="([^"]*)"/.exec(input)?.[1] ?? '').replaceAll('&#39;', "'").replaceAll('&amp;', '&'),
  ]);
  const selects = [...form.matchAll(/<select\b[^>]*name="([^"]*)".*?<option value="([^"]*)" selected/gs)];
  const all = [...inputs, ...selects.map(([, name = '', value = '']) => [name, value])];
  return Object.fromEntries(all.filter(([name]) => name !== '_csrf')) as Record<string, string>;
}

export const preview = (clerk: Clerk, country: Country, fields: Record<string, string>) =>
  clerk.post(`${accountsOf(country)}/new`, `${accountsOf(country)}/preview`, fields);
export const create = (clerk: Clerk, country: Country, fields: Record<string, string>) =>
  clerk.post(`${accountsOf(country)}/new`, accountsOf(country), fields);
export const proposedIn = ({ body }: Answer) => /id="proposed-address"><bdi>([^<]*)</.exec(body)?.[1];
export const codeIn = ({ body }: Answer) =>
  /id="hand-over-code">([^<]*)</.exec(body)?.[1] ?? assert.fail('no code is shown');
