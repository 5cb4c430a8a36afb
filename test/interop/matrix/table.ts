/** docs/interoperability.md: what was measured, as Markdown. */
import type { Cell, Evidence, Matrix } from './run-matrix.ts';

const START = '<!-- measured: everything below is written by test/interop/matrix/write-table.ts -->';

/** The whole document; the part above `START` names versions and the day, and is not compared by the test. */
export function interoperabilityPage(matrix: Matrix, day: string): string {
  const versions = matrix.peers.map(({ name, version }) => `| ${name} | ${version} |`);
  return `# Interoperability

Sealpost's engine and other S/MIME programs, measured on ${day} with the programs of Debian 12:

| Program | Version |
| --- | --- |
${versions.join('\n')}

Each cell is one message that was written by one side and read by the other: its content came out the same, and its signature
was judged as it should be. The test \`test/interop/matrix/matrix.test.ts\` measures all of it again with every \`npm test\` and
fails when a cell differs from this page. When that is right, write the page anew:

    node test/interop/matrix/write-table.ts

- **ok**: it works. For \`clear signed, no signed attributes\` it means that Sealpost calls the signature invalid, as it should:
  such a signature may be one over attributes that are passed off as content.
- **no**, with a number: the program refuses or has no way to be asked, see “Refusals”.
- **–**: Sealpost does not write this, by decision.
- Two programs got help from the test: the keys of NIST curves were put into the folder of gpgsm's agent, since gpgsm takes no
  such key from PKCS#12; and Bouncy Castle 1.72, which has no class for AuthEnvelopedData by key agreement, got one of twenty lines over
  its own key agreement and cipher.
- **FAULT**: neither. There should be none.

${comparedPart(matrix)}`;
}

/** What `mutt.test.ts` proves. */
const MUTT = `## mutt

mutt 2.2 does its S/MIME with the openssl command, so only forms are measured, in \`test/interop/matrix/mutt.test.ts\`, through a
terminal, with an RSA-2048 key:

| | mutt writes, Sealpost reads | Sealpost writes, mutt reads |
| --- | --- | --- |
| clear signed | ok | ok |
| opaque signed | not offered | ok |
| encrypted, AES-256-CBC | ok | ok |
| signed in encrypted, AES-256-CBC | ok | ok |
| encrypted, AES-256-GCM | not offered | no: it does not know \`authEnveloped-data\`, of OpenSSL neither |`;

/** Without versions and day. */
export function comparedPart(matrix: Matrix): string {
  const reasons: string[] = [];
  const tables = [
    '## They write, Sealpost reads',
    table(matrix, 'reads', reasons),
    '## Sealpost writes, they read',
    table(matrix, 'writes', reasons),
    '## Refusals',
    reasons.map((reason, index) => `${index + 1}. ${reason}`).join('\n'),
    evidenceSection(matrix),
  ];
  tables.push(MUTT);
  return `${START}\n\n${tables.join('\n\n')}\n`;
}

/** What of a committed page is compared. */
export function comparedPartOf(page: string): string {
  return page.slice(page.indexOf(START));
}

function table(matrix: Matrix, direction: 'reads' | 'writes', reasons: string[]): string {
  const names = matrix.peers.map((peer) => peer.name);
  const lines = matrix.rows
    .filter((row) => row[direction].some((cell) => cell.kind !== 'not-asked'))
    .map((row) => `| ${row.title} | ${row[direction].map((cell) => cellText(cell, reasons)).join(' | ')} |`);
  return [`| | ${names.join(' | ')} |`, `| --- |${' --- |'.repeat(names.length)}`, ...lines].join('\n');
}

function cellText(cell: Cell, reasons: string[]): string {
  if (cell.kind === 'ok') return 'ok';
  if (cell.kind === 'not-asked') return '–';
  if (cell.kind === 'fault') return 'FAULT';
  if (!reasons.includes(cell.reason)) reasons.push(cell.reason);
  return `no ${reasons.indexOf(cell.reason) + 1}`;
}

const WORDS: Record<Evidence['kind'], { short: string; meaning: string }> = {
  refused: {
    short: 'refused too',
    meaning: 'the reader was given both messages and refused both with the same words.',
  },
  unwritten: {
    short: 'does not write it',
    meaning:
      'the third program is known to write no such message. Where that is so of both, nothing but the words of\n  the reader says that the refusal is its own.',
  },
  'not-tried': {
    short: 'not tried',
    meaning:
      'the third program wrote it, but the reader could be given neither message, because it does not take a key\n  of this kind. That proves nothing about the message.',
  },
};

function evidenceSection({ evidence }: Matrix): string {
  const occurring = (Object.keys(WORDS) as Evidence['kind'][]).filter((kind) =>
    evidence.some((one) => one.kind === kind),
  );
  const legend = occurring.map((kind) => `- **${WORDS[kind].short}**: ${WORDS[kind].meaning}`);
  const byCell = Map.groupBy(evidence, ({ row, peer }) => `| ${peer} | ${row} |`);
  const lines = [...byCell].map(([cell, list]) => {
    return `${cell} ${list.map(({ writer, kind }) => `${writer} ${WORDS[kind].short}`).join('; ')} |`;
  });
  const head = `## Whether the refusals are the programs' own

What a program refuses of Sealpost, a third one wrote for it, too. Were it read then, or refused for another reason, the cell would be
a fault.

${legend.join('\n')}

| Reader | Message | Of a third program |
| --- | --- | --- |`;
  return [head, ...lines].join('\n');
}
