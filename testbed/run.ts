// `node testbed/run.ts up|down <folder>`: the servers without the product, until Ctrl-C.
import { createInterface } from 'node:readline';
import { DEFAULT_NETWORK } from './layout.ts';
import type { RemoteReply, RemoteRequest } from './remote.ts';
import { startTestbed, stopTestbed, type Testbed, type TestbedOptions } from './testbed.ts';

const USAGE = `Usage: node testbed/run.ts up|down <folder> [options]

up    starts the mail servers and prints where they are; ends them on Ctrl-C
down  ends what an earlier run left in this folder (with the same --network, --countries, --namespaces)

--network=62        addresses are 127.62.x.y
--countries=f,fin   member states besides b and d; hosted ones as f:hosted
--one-relay         the small network: one relay, no resolvers, no virus scanner
--namespaces        the addresses of the document, 62.62.x.y, in network namespaces (root only)
--short             seconds instead of minutes and hours between attempts, warning and report

The hosted country asks a Postgres for its accounts; where it is, the environment says:
PGHOST (folder of the socket), PGPORT, PGDATABASE, PGUSER, PGPASSWORD`;

const [command, folder] = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const network = Number(optionOf('network') ?? DEFAULT_NETWORK);
const moreCountries = (optionOf('countries')?.split(',') ?? []).map((text) => {
  const [key = '', kind] = text.split(':');
  return { key, hosted: kind === 'hosted' };
});
const namespaces = process.argv.includes('--namespaces');

if (command === 'serve') {
  serve();
} else if (command === 'up' && folder !== undefined) {
  await up(folder);
} else if (command === 'down' && folder !== undefined) {
  await stopTestbed({ folder, network, moreCountries, namespaces });
} else {
  console.error(USAGE);
  process.exitCode = 2;
}

function optionOf(name: string): string | undefined {
  return process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
}

async function up(place: string): Promise<void> {
  const { PGHOST = '/var/run/postgresql', PGPORT = '5432', PGDATABASE = 'sealpost' } = process.env;
  const begun = performance.now();
  const seconds = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
  const testbed = await startTestbed({
    folder: place,
    network,
    moreCountries,
    namespaces,
    relays: process.argv.includes('--one-relay') ? 'one' : 'all',
    profile: process.argv.includes('--short') ? 'short' : 'real',
    database: {
      socketFolder: PGHOST,
      port: Number(PGPORT),
      name: PGDATABASE,
      user: process.env['PGUSER'] ?? 'sealpost_mail',
      password: process.env['PGPASSWORD'] ?? '',
    },
  });
  for (const { preference, hostName, address } of testbed.mailExchangers) {
    console.log(`MX ${preference}: ${hostName} ${address}`);
  }
  console.log(`name server ${testbed.dns.address}, resolver of the first country ${testbed.resolver.address}`);
  for (const { domain, mailServer, pop3 } of [...Object.values(testbed.countries), ...testbed.moreCountries]) {
    const { imapHost, imapPort, submissionPort } = mailServer;
    console.log(`${domain}: IMAP ${imapHost}:${imapPort}, POP3 port ${pop3.port}, submission port ${submissionPort}`);
  }
  console.log(`Up after ${seconds()}. Logs in ${testbed.place}. Ctrl-C ends the servers.`);
  // keeps this process, and with it the way to the database, alive
  const alive = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  clearInterval(alive);
  await testbed.stop();
}

/** The side of root for `startThroughSudo`: one line with the options, then one for each call; its end stops all. */
function serve(): void {
  let testbed: Testbed | null = null;
  // Ctrl-C at the terminal reaches this process, too: the end of the input says when to stop
  process.on('SIGINT', () => {});
  let tail: Promise<void> = Promise.resolve();
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    tail = tail.then(async () => {
      const message = JSON.parse(line) as RemoteRequest & TestbedOptions;
      let reply: RemoteReply;
      try {
        reply = { id: message.id, value: await handle(message) };
      } catch (error) {
        reply = { id: message.id, error: error instanceof Error ? error.message : String(error) };
      }
      process.stdout.write(`${JSON.stringify(reply)}\n`);
    });
  });
  lines.on('close', () => {
    tail
      .then(() => testbed?.stop())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  });

  async function handle(message: RemoteRequest & TestbedOptions): Promise<unknown> {
    if (testbed === null) {
      testbed = await startTestbed(message);
      // its functions are not in the JSON
      return testbed;
    }
    const [first = '', second = '', third = ''] = message.args;
    if (message.call === 'addOwnAccount') return testbed.addOwnAccount(first as 'd', second, third);
    if (message.call === 'stopServer') return testbed.stopServer(first as 'relay');
    if (message.call === 'killServer') return testbed.killServer(first as 'relay');
    if (message.call === 'startServer') return testbed.startServer(first as 'relay');
    if (message.call === 'wireCopies') return (await testbed.wireCopies()).map((copy) => copy.toString('base64'));
    return testbed.stop();
  }
}
