// In the fresh installation of `try-install.sh`: a programme, Belgium with its mail server, and one mailbox.
import { readFileSync } from 'node:fs';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry, createProgramme } from '../../src/services/accounts/programmes.ts';
import { connectDatabase } from '../../src/services/database/connect.ts';

const [address = '', caFile = ''] = process.argv.slice(2);
const database = connectDatabase(process.env['DATABASE_URL'] ?? '');
const domainPattern = 'tcn.{cc}.eu-admin.net';
const programme = await createProgramme(database, { code: 'tcn', name: 'TACHOnet', domainPattern });
const country = await addCountry(database, programme, 'B', {
  ...{ name: 'mail.tcn.b.eu-admin.net', hosted: true },
  ...{ imapHost: address, imapPort: 993, imapTls: 'implicit' },
  ...{ submissionHost: address, submissionPort: 587, submissionTls: 'starttls' },
  ...{ serverName: 'mail.tcn.b.eu-admin.net', caPem: readFileSync(caFile, 'utf8') },
});
const person = { firstName: 'Alain', surname: 'Dupont', password: 'a long enough password' };
const made = await createHostedAccount(database, country, person);
await database.close();
if (!made.ok) throw new Error(made.problem);
console.log(made.account.address);
