// In the fresh installation of `try-install.sh`: one letter as a member state's server hands it to the relay, through the scanner, into the
// mailbox; and one that the scanner refuses.
import { readdir } from 'node:fs/promises';
import { eventually, letter, smtpDialogue } from '../mail/testbed-support.ts';

const [relay = '', member = '', mailbox = ''] = process.argv.slice(2);
const address = 'alain.dupont@tcn.b.eu-admin.net';
const envelope = ['EHLO mail.tcn.b.eu-admin.net', `MAIL FROM:<${address}>`, `RCPT TO:<${address}>`, 'DATA'];
const fields = { from: address, to: address, subject: 'first letter' };

// as a sending server would: the scanner may need a moment after its start, and "later" is what the relay says until then
const hand = () => smtpDialogue(relay, member, ...envelope, `${letter(fields)}.`).catch(() => '');
await eventually('a relay that takes it', async () => /^250 2\.0\.0 Ok: queued/m.test(await hand()), 60_000);
await eventually('the letter', async () => (await readdir(`${mailbox}/Maildir/new`).catch(() => [])).length === 1);
const virus = `${String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}`}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`;
const refused = await smtpDialogue(relay, member, ...envelope, `${letter({ ...fields, text: virus })}.`);
if (!/^550 5\.7\.1 refused by the virus scanner/m.test(refused)) throw new Error(refused);
console.log('A letter went through relay and scanner into its mailbox; a virus was refused.');
